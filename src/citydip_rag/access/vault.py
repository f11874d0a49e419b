"""The database of keys, opened when there is one or when it is needed."""

from __future__ import annotations

import threading
from pathlib import Path

from citydip_rag.state import State
from citydip_rag.state.addresses import is_on_a_server


class Vault:
    """Opens the database at most once; safe to use from many threads."""

    def __init__(self, address: str | Path) -> None:
        """Use the database of an address; a file there may come later."""
        self._address = address
        self._lock = threading.Lock()
        self._state: State | None = None

    def existing(self) -> State | None:
        """The database; None where its file does not exist: who has no keys needs none.

        Raises:
            SettingsError: its address is malformed.
            StateError: it cannot be opened.
        """
        return self.opened() if self._exists() else None

    def opened(self) -> State:
        """The database, made if need be.

        Raises:
            StateError: it cannot be opened.
        """
        with self._lock:
            if self._state is None:
                self._state = State.open(self._address)
            return self._state

    def close(self) -> None:
        """Give its connections back."""
        with self._lock:
            if self._state is not None:
                self._state.close()
                self._state = None

    def _exists(self) -> bool:
        there = is_on_a_server(self._address) or Path(self._address).is_file()
        return self._state is not None or there
