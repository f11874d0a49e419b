"""The prompts for generators with a language model: Jinja2 templates, one a task and language."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from citydip_rag.schema import Language

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE = Path(__file__).resolve().parent.parent
_FOLDERS = (_PACKAGE / "prompts", _PACKAGE.parent.parent / "prompts")
"""In an installed wheel, and in a checkout."""


def render_prompt(task: str, language: Language, part: str, **variables: object) -> str:
    """Fill in one block of a task's template.

    Args:
        task: name of the template.
        language: in which.
        part: the block: `system` or `user`.
        variables: those that the template's comment names.

    Raises:
        jinja2.TemplateNotFound: there is no such task.
        jinja2.UndefinedError: a variable of the template is missing.
    """
    template = _environment().get_template(f"{task}.{language.value}.j2")
    return "".join(template.blocks[part](template.new_context(variables))).strip()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # The prompt is plain text for a model, not a page for a browser.
    return Environment(
        loader=FileSystemLoader(_FOLDERS),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701  # no page
    )
