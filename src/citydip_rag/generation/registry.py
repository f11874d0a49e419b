"""Generators by name: ours, and those that other packages bring."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final

from citydip_rag.errors import SettingsError
from citydip_rag.generation.base import Generator
from citydip_rag.generation.extractive import ExtractiveGenerator
from citydip_rag.settings import Settings

GROUP = "citydip_rag.generators"


def make_generator(name: str, settings: Settings) -> Generator:
    """The generator of this name; ours read the settings, those of others are made without.

    Raises:
        SettingsError: there is none, or what the entry point names is no generator.
        CitydipError: it cannot be made as the settings say.
    """
    if name in _OURS:
        return _OURS[name](settings)
    for entry in entry_points(group=GROUP, name=name):
        try:
            made = entry.load()()
        except (ImportError, AttributeError, TypeError) as error:
            raise SettingsError(
                f"The generator {name!r} cannot be loaded: {error}.",
                "Reinstall the package that brings it, or choose: extractive.",
            ) from error
        if isinstance(made, Generator):
            return made
        raise SettingsError(f"The entry point {name!r} does not make a Generator.")
    known = [*_OURS, *sorted(entry_points(group=GROUP).names - _OURS.keys())]
    raise SettingsError(f"There is no generator {name!r}.", f"Choose one of: {', '.join(known)}.")


def _extractive(_: Settings) -> Generator:
    return ExtractiveGenerator()


def _openai(settings: Settings) -> Generator:
    from citydip_rag.generation.openai import OpenAIGenerator

    return OpenAIGenerator(settings)


def _llamacpp(settings: Settings) -> Generator:
    from citydip_rag.generation.llamacpp import LlamaCppGenerator

    return LlamaCppGenerator(settings)


_OURS: Final[dict[str, Callable[[Settings], Generator]]] = {
    "extractive": _extractive,
    "openai": _openai,
    "llamacpp": _llamacpp,
}
