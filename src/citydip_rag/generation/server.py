"""The connection to a chat server."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from typing import Any, Final

import httpx

from citydip_rag.errors import GenerationError, SettingsError
from citydip_rag.generation.refusals import Refusal, refusal, without_key
from citydip_rag.generation.wire import whole
from citydip_rag.observing import calling
from citydip_rag.observing.tracing import Attributes
from citydip_rag.settings import Settings

_MAX_ERROR_BYTES: Final = 64_000
_UNREACHED: Final = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, ExceptionGroup)
"""What connecting raises: of httpx, of the system, and of names that none of them takes."""
_JSON: Final = {"Content-Type": "application/json"}


class ChatServer:
    """Sends requests to the server that the settings name; connects when it first does."""

    def __init__(self, settings: Settings) -> None:
        """Take address, key and limits from the settings.

        Raises:
            SettingsError: address or key cannot be used; neither is repeated.
        """
        self._settings = settings
        address = _checked_address(settings.llm_base_url)
        self._login = (address.username, address.password) if address.userinfo else None
        self._address = address.copy_with(username=None, password=None)  # which may be logged
        self.key = _checked_key(settings)
        self._secret = self.key or address.password
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def response(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        deadline: float,
        model: str = "",
    ) -> AsyncIterator[httpx.Response]:
        """A successful response, its body not yet read; it is closed at the end of the block.

        Args:
            method: of HTTP.
            path: below the base address.
            body: sent as JSON.
            deadline: in the event loop's time.
            model: that is asked for, to be named in errors.

        Raises:
            Refusal: there is none.
        """
        left = deadline - asyncio.get_running_loop().time()
        limit = max(0.0, min(self._settings.llm_first_token_seconds, left))
        client = self._connected()
        url = str(self._address).rstrip("/") + path
        # A text with half a character in it has no UTF-8; this is ASCII whatever it holds.
        content, headers = (None, {}) if body is None else (json.dumps(body), _JSON)
        with calling(f"{method} {path}", _described(self._address, method, model)) as span:
            headers = {**headers, **span.headers()}
            try:
                async with asyncio.timeout(limit):
                    response = await client.send(
                        client.build_request(method, url, content=content, headers=headers),
                        stream=True,
                    )
            except _UNREACHED as error:
                raise Refusal.unreachable(self._address, error) from error
            span.note({"http.response.status_code": response.status_code})
            try:
                if response.status_code != httpx.codes.OK:
                    said = await _complaint(response, limit)
                    raise refusal(response, said, model, self._secret)
                yield response
            finally:
                await response.aclose()

    def safe(self, said: str) -> str:
        """What the server says, without the key."""
        told = without_key(said, self._secret)
        return told if told == said else "The model server repeats the key in what it says."

    async def aclose(self) -> None:
        """Close the connections; those of an event loop that is gone are gone with it."""
        if self._client is not None and self._loop is asyncio.get_running_loop():
            await self._client.aclose()
        self._client = None

    def _connected(self) -> httpx.AsyncClient:
        """The client of this event loop.

        Raises:
            Refusal: what the environment says of proxies and certificates cannot be followed.
        """
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            # Packed data could unpack to any size.
            headers = {"Accept-Encoding": "identity"}
            if self.key:
                headers["Authorization"] = f"Bearer {self.key}"
            try:
                self._client = httpx.AsyncClient(
                    headers=headers,
                    auth=self._login,
                    timeout=httpx.Timeout(None, connect=self._settings.llm_connect_seconds),
                    follow_redirects=False,
                    trust_env=not _is_loopback(self._address),
                )
            except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
                raise Refusal.unprepared(error) from error
            self._loop = loop
        return self._client


def _described(address: httpx.URL, method: str, model: str) -> Attributes:
    """A call to a model server, as OpenTelemetry's conventions name its parts."""
    known = {"http.request.method": method, "server.address": address.host}
    return {**known, "gen_ai.request.model": model} if model else known


async def _complaint(response: httpx.Response, limit: float) -> bytes:
    """What a server says of an error, as far as it can be read."""
    try:
        async with asyncio.timeout(limit):
            return await whole(response.aiter_raw(), _MAX_ERROR_BYTES)
    except (TimeoutError, httpx.HTTPError, GenerationError):
        return b""


def _checked_key(settings: Settings) -> str:
    key = settings.llm_api_key.get_secret_value().strip() if settings.llm_api_key else ""
    if not key.isascii() or not key.isprintable():
        raise SettingsError(
            "llm_api_key holds signs that no key has.",
            "Set CITYDIP_LLM_API_KEY to the key and nothing else.",
        )
    return key


def _checked_address(address: str) -> httpx.URL:
    with suppress(httpx.InvalidURL):
        url = httpx.URL(address)
        if url.host and not re.search(r"\s", address):
            return url
    raise SettingsError(
        "llm_base_url is no address.",
        "Set CITYDIP_LLM_BASE_URL to one such as http://127.0.0.1:8080/v1.",
    )


def _is_loopback(url: httpx.URL) -> bool:
    """Whether an address is this machine's own, for which no proxy is meant."""
    try:
        return ip_address(url.host).is_loopback
    except ValueError:
        return url.host == "localhost"
