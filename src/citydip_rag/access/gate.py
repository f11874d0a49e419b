"""Finds out who asks, from the key or the cookie that was sent, and what they may.

With no key ever made, a server that only this machine reaches is open to whoever sits at it. All
others want a key, unless the settings say that somebody else checks who asks.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from citydip_rag.access.addresses import comes_from_here, is_loopback
from citydip_rag.access.keys import LONGEST_KEY, Key, Keys, digest, fits, parted
from citydip_rag.access.limits import Limits
from citydip_rag.access.principals import Principal, Scope
from citydip_rag.access.recent import Recent
from citydip_rag.access.sessions import Sessions
from citydip_rag.access.vault import Vault
from citydip_rag.errors import StateError, UnauthenticatedError
from citydip_rag.settings import Settings

A = TypeVar("A")
R = TypeVar("R")

_THREADS: Final = 2
_SETTING: Final = "setting"
"""Begins the id of the key that a setting holds; its hash ends it, so that another is another."""
_OVER: Final = {"revoked": "The key has been revoked.", "expired": "The key has expired."}
_REMEDY: Final = "Whoever runs this server makes keys with: citydip keys add NAME"


@dataclass(frozen=True)
class Sent:
    """What came with a request: a key in a header, or the token in a browser's cookie."""

    key: str | None = field(default=None, repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Visitor:
    """Who asks, and from where.

    Attributes:
        principal: what is known of them.
        address: of the client.
        limits: that hold for them; None for whoever sits at this machine and needs no key.
    """

    principal: Principal
    address: str
    limits: Limits | None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """A question of theirs, for as long as it is answered.

        Raises:
            TooManyRequestsError: they have had their share.
        """
        with ExitStack() as stack:
            if self.limits is not None:
                stack.enter_context(self.limits.asking(self.principal, self.address))
            yield


def visitor_of(scope: MutableMapping[str, Any]) -> Visitor | None:
    """Who sent a request, by its ASGI scope; None where nobody has looked."""
    found: Visitor | None = (scope.get("state") or {}).get("visitor")
    return found


class Access:
    """Who may what on one server. For use in one event loop."""

    def __init__(self, settings: Settings) -> None:
        """Use the keys that the settings name; looks at none yet."""
        self.settings = settings
        self.limits = Limits(settings)
        self._vault = Vault(settings.state_address)
        self._threads = ThreadPoolExecutor(_THREADS, "citydip-access")
        self._any = Recent(self._has_keys, self._threads)
        self._keys = Recent(self._key, self._threads)
        self._sessions = Recent(self._session, self._threads)
        self._own = digest(settings.api_key.get_secret_value()) if settings.api_key else ""

    async def is_closed(self) -> bool:
        """Whether every request needs a key.

        Raises:
            StateError: the database of keys does not answer.
        """
        if self.settings.auth == "none":
            return False
        return not is_loopback(self.settings.host) or await self._any.get("")

    async def check(self) -> None:
        """Find out whether keys can be looked up.

        Raises:
            StateError: the database of keys does not answer.
        """
        if self.settings.auth != "none":
            await self._any.get("")

    async def visitor(self, sent: Sent, address: str) -> Visitor:
        """Who sent a request.

        Raises:
            UnauthenticatedError: their key is not valid, and one is needed.
            TooManyRequestsError: many before were not.
            StateError: the database of keys does not answer.
        """
        if not self._own and not await self._any.get(""):
            return await self.stranger(address)  # many programs send a key whether or not one fits
        try:
            known = await self.known(sent, address)
        except UnauthenticatedError:
            if await self.is_closed():
                raise
            known = None
        if known is not None:
            return Visitor(known, address, self.limits)
        return await self.stranger(address)

    async def known(self, sent: Sent, address: str) -> Principal | None:
        """Whose key or token was sent; None where there was none, or the token has ended.

        Raises:
            UnauthenticatedError: the key is not valid.
            TooManyRequestsError: many before were not.
            StateError: the database of keys does not answer.
        """
        if sent.key is not None:
            return await self._of_key(sent.key, address)
        if not sent.token or len(sent.token) > LONGEST_KEY:
            return None
        return await self._of_session(sent.token)

    def nobody(self, address: str) -> Visitor:
        """Somebody of whom nothing is known, and who may nothing."""
        return Visitor(Principal(), address, self.limits)

    async def stranger(self, address: str) -> Visitor:
        """Somebody who showed nothing.

        Raises:
            StateError: the database of keys does not answer.
        """
        settings = self.settings
        here = is_loopback(settings.host) and comes_from_here(address)
        if await self.is_closed() or not (here or settings.auth == "none"):
            return self.nobody(address)
        scopes = {Scope.ASK}
        if settings.api_key is None:
            scopes |= {Scope.DOCUMENTS} | ({Scope.ADMIN} if here else set())
        trusted = here and settings.auth == "keys"
        return Visitor(
            Principal(scopes=frozenset(scopes)), address, None if trusted else self.limits
        )

    async def sign_in(self, key: str, address: str) -> str:
        """Begin a session for whoever has a key.

        Returns:
            Its token.

        Raises:
            UnauthenticatedError: the key is not valid.
            TooManyRequestsError: many before were not.
            StateError: the database of keys does not answer.
        """
        principal = await self._of_key(key, address)
        return await self._run(self._begin, principal.id)

    async def sign_out(self, token: str) -> None:
        """End a session.

        Raises:
            StateError: the database of keys does not answer.
        """
        if not token or len(token) > LONGEST_KEY:
            return
        await self._run(self._end, token)
        self._sessions.forget(digest(token))

    def close(self) -> None:
        """Give threads and connections back."""
        self._threads.shutdown(wait=False)
        self._vault.close()

    async def _of_key(self, text: str, address: str) -> Principal:
        identity, secret = parted(text)
        if identity:
            key = await self._keys.get(identity)
            if fits(key, secret) and key is not None:
                principal = _principal(key)
                if key.is_use_due():
                    await self._run(self._note_use, key)
                    self._keys.forget(identity)
                return principal
        # A key out of a setting may be one that a person made up, and worth guessing.
        self.limits.check_failures(address)
        if self._own and len(text) <= LONGEST_KEY and hmac.compare_digest(digest(text), self._own):
            return self._setting()
        self.limits.note_failure(address)
        raise UnauthenticatedError("The key is not valid.", _REMEDY)

    async def _of_session(self, token: str) -> Principal | None:
        named = await self._sessions.get(digest(token))
        if named.startswith(_SETTING):
            own = self._setting()
            return _signed_in(own) if self._own and own.id == named else None
        key = await self._keys.get(named) if named else None
        return None if key is None or key.why_over() else _signed_in(_principal(key))

    def _setting(self) -> Principal:
        """Whoever has the key that the settings hold."""
        return Principal(
            f"{_SETTING}-{self._own[:12]}",
            "CITYDIP_API_KEY",
            frozenset({Scope.ASK, Scope.DOCUMENTS}),
        )

    async def _run(self, work: Callable[[A], R], given: A) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, given)

    def _has_keys(self, _: str) -> bool:
        state = self._vault.existing()
        return state is not None and Keys(state).any()

    def _key(self, identity: str) -> Key | None:
        state = self._vault.existing()
        return None if state is None else Keys(state).find(identity)

    def _note_use(self, key: Key) -> None:
        with suppress(StateError):  # it can be read, if not written
            Keys(self._vault.opened()).note_use(key)

    def _session(self, hashed: str) -> str:
        state = self._vault.existing()
        return "" if state is None else Sessions(state).key_of(hashed)

    def _begin(self, key_id: str) -> str:
        return Sessions(self._vault.opened()).begin(key_id, self.settings.sign_in_hours)

    def _end(self, token: str) -> None:
        Sessions(self._vault.opened()).end(token)


def _principal(key: Key) -> Principal:
    """Whoever has a key.

    Raises:
        UnauthenticatedError: it is not taken any more.
    """
    if over := key.why_over():
        raise UnauthenticatedError(_OVER[over], _REMEDY)
    return Principal(key.id, key.name, frozenset(key.scopes))


def _signed_in(principal: Principal) -> Principal:
    return Principal(principal.id, principal.name, principal.scopes, signed_in=True)
