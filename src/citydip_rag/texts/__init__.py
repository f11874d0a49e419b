"""Every text a user reads, in Indonesian and English, in one place.

`id.toml` and `en.toml` hold the same keys; a test compares them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from citydip_rag.schema import Language


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """All texts of one language, as `section.key` to text."""
    content = files(__package__).joinpath(f"{language.value}.toml").read_text(encoding="utf-8")
    return {
        f"{section}.{key}": text
        for section, entries in tomllib.loads(content).items()
        for key, text in entries.items()
    }


def text(language: Language, key: str, **values: object) -> str:
    """The text under `section.key`, with `{name}` filled in.

    Raises:
        KeyError: there is no such text.
    """
    return catalogue(language)[key].format(**values)
