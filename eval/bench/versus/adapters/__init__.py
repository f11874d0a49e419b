"""One file per system, each with the interface of `base.System`."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from versus.adapters.base import Listener, Passage, Server, Setup, System

NAMES: Final = ("ours", "haystack", "llamaindex", "txtai")
"""The systems, in the order in which they are run and shown."""


def load(name: str) -> type[System]:
    """A system's class; imports its library."""
    if name not in NAMES:
        raise ValueError(f"There is no system {name!r}; choose from {', '.join(NAMES)}.")
    kind: type[System] = import_module(f"versus.adapters.{name}").Adapter
    return kind


__all__ = ["NAMES", "Listener", "Passage", "Server", "Setup", "System", "load"]
