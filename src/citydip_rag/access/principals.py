"""Those who ask, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """What a key opens. `admin` opens everything; of the others none holds another."""

    ASK = "ask"
    DOCUMENTS = "documents"
    ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """Who asks.

    Attributes:
        id: of the key; empty for somebody who showed none.
        name: the key's.
        scopes: what they may.
        signed_in: whether a browser's cookie stands for the key.
    """

    id: str = ""
    name: str = ""
    scopes: frozenset[Scope] = frozenset()
    signed_in: bool = False

    def may(self, scope: Scope) -> bool:
        """Whether they may do something."""
        return Scope.ADMIN in self.scopes or scope in self.scopes
