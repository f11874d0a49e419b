"""Zip archives: they have no text of their own, but documents in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from citydip_rag.corpus.base import Extract, Loader, Member
from citydip_rag.corpus.names import MemberNames
from citydip_rag.corpus.packed import unpacking


class ZipLoader(Loader):
    """Zip files in any state; nothing is ever written to disk under a name found in one."""

    suffixes = frozenset({".zip"})

    def load(self, path: Path, name: str) -> Extract:  # noqa: ARG002  # the seam asks for both
        """An archive has no text."""
        return Extract("")

    def members(self, path: Path, name: str) -> Iterator[Member]:
        """The files packed in it, one after the other.

        Raises:
            DocumentError: it is damaged, locked or too large; says why and what to do.
        """
        names = MemberNames()
        with unpacking(path, name) as packed:
            for entry, info in packed.entries:
                yield Member(names.give(entry), packed.read(info))
