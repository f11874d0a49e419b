"""Catalogue texts as HTML, in both languages at once.

Both are written into the page and the style sheet shows the one that is chosen, so that
switching takes no round trip and loses nothing.
"""

from __future__ import annotations

from html import escape

from citydip_rag.schema import Language
from citydip_rag.texts import catalogue, text


def both(key: str, **values: object) -> str:
    """The text under a key in every language, each in a `span` with its `lang`."""
    return "".join(
        f'<span class="l-{language}" lang="{language}">{localized(language, key, **values)}</span>'
        for language in Language
    )


def localized(language: Language, key: str, **values: object) -> str:
    """The text under a key in one language, escaped; whole numbers grouped as it groups them."""
    shown = {
        name: _grouped(language, value) if isinstance(value, int) else value
        for name, value in values.items()
    }
    return escape(text(language, key, **shown))


def keys_of(section: str) -> tuple[str, ...]:
    """All keys of a section of the catalogue, in its order."""
    return tuple(key for key in catalogue(Language.ENGLISH) if key.startswith(f"{section}."))


def _grouped(language: Language, number: int) -> str:
    grouped = f"{number:,}"
    return grouped.replace(",", ".") if language is Language.INDONESIAN else grouped
