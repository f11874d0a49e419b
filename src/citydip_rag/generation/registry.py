"""Generators by name: ours, and those that other packages bring."""

from __future__ import annotations

from importlib.metadata import entry_points

from citydip_rag.errors import SettingsError
from citydip_rag.generation.base import Generator
from citydip_rag.generation.extractive import ExtractiveGenerator

GROUP = "citydip_rag.generators"


def make_generator(name: str) -> Generator:
    """The generator of this name.

    Raises:
        SettingsError: there is none, or what the entry point names is no generator.
    """
    if name == "extractive":
        return ExtractiveGenerator()
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
    known = ["extractive", *sorted(entry_points(group=GROUP).names - {"extractive"})]
    raise SettingsError(f"There is no generator {name!r}.", f"Choose one of: {', '.join(known)}.")
