"""The prompts for generators with a language model: Jinja2 templates, one a task and language."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from citydip_rag.schema import Language

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE = Path(__file__).resolve().parent.parent
_FOLDERS = (_PACKAGE / "prompts", _PACKAGE.parent.parent / "prompts")
"""In an installed wheel, and in a checkout."""


class Message(TypedDict):
    """One message of a chat, as chat servers take it."""

    role: Literal["system", "user", "assistant"]
    content: str


def render_messages(task: str, language: Language, **variables: object) -> list[Message]:
    """Fill in the template of a task: its block `system` and its block `user`.

    Raises:
        jinja2.TemplateNotFound: there is no such task.
        jinja2.UndefinedError: a variable of the template is missing.
    """
    template = _environment().get_template(f"{task}.{language.value}.j2")
    said = {
        role: "".join(block(template.new_context(variables))).strip()
        for role, block in template.blocks.items()
    }
    return [
        {"role": "system", "content": said["system"]},
        {"role": "user", "content": said["user"]},
    ]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # The prompt is plain text for a model, not a page for a browser.
    return Environment(
        loader=FileSystemLoader(_FOLDERS),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701
    )
