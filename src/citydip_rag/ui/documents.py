"""The drawer with the documents: its button, its empty frame, and what its scripts need to know.

The scripts fill the frame from the HTTP API; titles and file names never pass through here.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from citydip_rag.library import accepted_files
from citydip_rag.schema import Language
from citydip_rag.texts import catalogue
from citydip_rag.ui.words import both, keys_of

_SCRIPTS: Final = tuple("words key server progress removal list indexing uploads drawer".split())
"""Joined in this order they are one function; what runs at once is in the last."""
_SECTIONS: Final = ("documents", "problem", "reason")


def opener() -> str:
    """The button in the header that opens and closes the drawer."""
    return (
        '<button type="button" class="opener" aria-expanded="false" aria-controls="drawer">'
        f'<span class="opener-name">{both("documents.title")}</span></button>'
    )


def panel() -> str:
    """The drawer, closed and empty."""
    return (
        '<section id="drawer" class="drawer" aria-labelledby="drawer-title" hidden>'
        f'<header class="drawer-head"><h2 id="drawer-title" tabindex="-1">'
        f"{both('documents.title')}</h2>"
        f'<button type="button" class="icon-button close">{_quiet("close")}</button></header>'
        f"{_adding()}"
        f'<div class="locked" hidden></div>{_key()}'
        f"{_progress('sending', _stop())}{_progress('indexing')}"
        '<ul class="notices"></ul><p class="outcome" hidden></p>'
        '<div class="find" hidden>'
        f'<label for="drawer-filter">{_quiet("filter")}</label>'
        '<input id="drawer-filter" type="search" autocomplete="off" spellcheck="false">'
        '<p class="found" role="status"></p></div>'
        '<p class="summary"></p><ul class="files"></ul></section>'
    )


def facts() -> dict[str, object]:
    """What the scripts cannot know: all texts, and which files the server takes."""
    suffixes, most_bytes = accepted_files()
    return {
        "labels": {language.value: _labels(language) for language in Language},
        "suffixes": suffixes,
        "most_bytes": most_bytes,
    }


def script() -> str:
    """All of the drawer's scripts as one."""
    folder = files(__package__) / "drawer"
    return "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)


def _adding() -> str:
    """Where files are dropped or chosen; shown to those who may."""
    suffixes, most_bytes = accepted_files()
    kinds = both(
        "documents.kinds",
        megabytes=most_bytes // 1024**2,
        endings=" ".join(suffix.removeprefix(".") for suffix in suffixes),
    )
    return (
        '<div class="adding" hidden>'
        f'<p class="adding-lead">{both("documents.drop")}</p>'
        f'<button type="button" class="quiet-button choose">{both("documents.choose")}</button>'
        f'<p class="kinds">{kinds}</p>'
        f'<input type="file" multiple hidden accept="{",".join(suffixes)}"></div>'
    )


def _key() -> str:
    """Where the API key is entered, and a word on the one that was."""
    return (
        f'<form class="key" hidden><label for="drawer-key">{both("documents.key")}</label>'
        '<input id="drawer-key" type="password" autocomplete="off" spellcheck="false">'
        f'<button class="quiet-button">{both("documents.key_use")}</button>'
        '<p class="key-note" role="status"></p></form>'
        f'<p class="key-used" hidden>{both("documents.key_used")}'
        '<button type="button" class="text-button forget">'
        f"{both('documents.key_forget')}</button></p>"
    )


def _progress(name: str, button: str = "") -> str:
    """A sentence and the bar it names."""
    return (
        f'<div class="progress {name}" hidden><div class="progress-line">'
        f'<p id="drawer-{name}" class="progress-words"></p>{button}</div>'
        f'<div class="track" role="progressbar" aria-labelledby="drawer-{name}" '
        'aria-valuemin="0" aria-valuemax="100"><i></i></div></div>'
    )


def _stop() -> str:
    return f'<button type="button" class="text-button stop">{both("documents.stop")}</button>'


def _quiet(key: str) -> str:
    """A name that is heard and not seen."""
    return f'<span class="quiet">{both(f"documents.{key}")}</span>'


def _labels(language: Language) -> dict[str, str]:
    """One language's texts for the drawer; problems and reasons keep their section's name."""
    texts = catalogue(language)
    return {
        key.removeprefix("documents."): texts[key] for name in _SECTIONS for key in keys_of(name)
    }
