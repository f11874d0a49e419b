"""Generators by name: ours, and those that other packages bring."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final

from citydip_rag.errors import QuestionError, SettingsError
from citydip_rag.generation.base import Generator
from citydip_rag.generation.extractive import ExtractiveGenerator
from citydip_rag.settings import Settings

GROUP: Final = "citydip_rag.generators"


def _openai(settings: Settings) -> Generator:
    from citydip_rag.generation.openai import OpenAIGenerator

    return OpenAIGenerator(settings)


def _llamacpp(settings: Settings) -> Generator:
    from citydip_rag.generation.llamacpp import LlamaCppGenerator

    return LlamaCppGenerator(settings)


_OURS: Final[dict[str, Callable[[Settings], Generator]]] = {
    "extractive": lambda _: ExtractiveGenerator(),
    "openai": _openai,
    "llamacpp": _llamacpp,
}


def make_generator(name: str, settings: Settings) -> Generator:
    """The generator of this name.

    Raises:
        SettingsError: there is none, or what the entry point names is no generator.
    """
    if name in _OURS:
        return _OURS[name](settings)
    for entry in entry_points(group=GROUP, name=name):
        try:
            made = entry.load()()
        except (ImportError, AttributeError, TypeError) as error:
            raise SettingsError(
                f"The generator {name!r} cannot be loaded: {error}.",
                f"Reinstall the package that brings it, or choose: {', '.join(_OURS)}.",
            ) from error
        if isinstance(made, Generator):
            return made
        raise SettingsError(f"The entry point {name!r} does not make a Generator.")
    raise SettingsError(
        f"There is no generator {name!r}.", f"Choose one of: {', '.join(known_names())}."
    )


def known_names() -> list[str]:
    """All generators there are, whether or not they are set up."""
    return [*_OURS, *sorted(entry_points(group=GROUP).names - set(_OURS))]


class Generators:
    """The generators that a question may choose from, made when they are first asked for."""

    def __init__(self, settings: Settings) -> None:
        """Make the one that the settings name.

        Raises:
            SettingsError: there is none of this name, or it is not set up.
        """
        self._settings = settings
        self._made = {settings.generator: make_generator(settings.generator, settings)}
        self.quoting: Generator = ExtractiveGenerator()
        """Stands in where a language model fails."""
        self._made.setdefault(self.quoting.name, self.quoting)

    def add(self, generator: Generator) -> None:
        """Let questions choose one more."""
        self._made[generator.name] = generator

    @property
    def names(self) -> list[str]:
        """What a question may choose, the default first."""
        return list(self._made)

    def get(self, name: str | None) -> Generator:
        """The generator of this name; None means the default.

        Raises:
            QuestionError: it is not among those set up.
        """
        made = self._made.get(name or self._settings.generator)
        if made is None:
            raise QuestionError(
                f"The generator {name!r} is not set up here.",
                f"Choose one of: {', '.join(self.names)}.",
                field="generator",
            )
        return made

    async def aclose(self) -> None:
        """Free what they hold."""
        for generator in self._made.values():
            await generator.aclose()
