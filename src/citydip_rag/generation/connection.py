"""The way to a chat server: its address, its key, and one client for each event loop."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, cast

import httpx

from citydip_rag.errors import GenerationError, GeneratorUnavailableError, SettingsError
from citydip_rag.generation.faults import (
    BrokenStreamError,
    RefusedError,
    Response,
    fault_of,
    web_page,
)
from citydip_rag.generation.patience import Patience
from citydip_rag.settings import Settings

MAX_ERROR_BYTES: Final = 64_000
MAX_LIST_BYTES: Final = 4_000_000


class Connection:
    """Sends requests to one server."""

    def __init__(self, settings: Settings) -> None:
        """Check address and key; nothing is sent yet.

        Raises:
            SettingsError: one of them cannot be used; the key is not shown.
        """
        self._base = checked_url(settings.llm_base_url)
        self.key = checked_key(settings)
        self._connect = settings.llm_connect_seconds
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @asynccontextmanager
    async def send(
        self, method: str, path: str, patience: Patience, body: Any = None
    ) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """The bytes of a good response; leaving the context closes it, read or not.

        Args:
            method: of HTTP.
            path: below the base address; with a leading slash, below the server's root.
            patience: how long all this may take.
            body: sent as JSON.

        Raises:
            GenerationError: there is none.
        """
        url = self._base.join(path)
        request = self._ready().build_request(method, url, json=body)
        response = await self._exchange(request, patience)
        try:
            if response.status_code != httpx.codes.OK:
                raw = await _read(response, patience, MAX_ERROR_BYTES)
                raise fault_of(Response(response.status_code, response.headers, raw), self.key)
            _check(response)
            async with aclosing(_chunks(response, patience)) as chunks:
                yield chunks
        finally:
            await response.aclose()

    async def fetch(self, method: str, path: str, patience: Patience, body: Any = None) -> bytes:
        """The whole of a good response; raises as `send` does."""
        async with self.send(method, path, patience, body) as chunks:
            whole = bytearray()
            async for chunk in chunks:
                whole += chunk
                if len(whole) > MAX_LIST_BYTES:
                    raise BrokenStreamError("The LLM server sends more than it was asked for.")
            return bytes(whole)

    async def aclose(self) -> None:
        """Close all connections."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.aclose()

    def _ready(self) -> httpx.AsyncClient:
        """The client of the running loop; that of another loop cannot be used, nor closed, here."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            headers = {"Accept-Encoding": "identity", "User-Agent": "citydip-rag"}
            if self.key:
                headers["Authorization"] = f"Bearer {self.key}"
            self._client = httpx.AsyncClient(
                headers=headers,
                timeout=httpx.Timeout(None, connect=self._connect),
                follow_redirects=False,
                trust_env=not is_loopback(self._base.host),
            )
            self._loop = loop
        return self._client

    async def _exchange(self, request: httpx.Request, patience: Patience) -> httpx.Response:
        try:
            return await patience.wait_for(self._ready().send(request, stream=True))
        except httpx.ConnectTimeout:
            raise GeneratorUnavailableError(
                f"The LLM server did not accept a connection within {self._connect:g} s.",
                "Check that it runs, and CITYDIP_LLM_BASE_URL.",
            ) from None
        except httpx.ConnectError as error:
            if "CERTIFICATE" in str(error):
                raise RefusedError(
                    "The LLM server's certificate is not trusted.",
                    "Use its right name, or point SSL_CERT_FILE to its authority's certificate.",
                ) from None
            raise GeneratorUnavailableError(
                "The LLM server cannot be reached.",
                "Start it, or set CITYDIP_LLM_BASE_URL to where it listens.",
            ) from None
        except httpx.TransportError:
            raise GeneratorUnavailableError(
                "The LLM server closed the connection without an answer.",
                "Look into the server's log.",
            ) from None


def checked_url(address: str) -> httpx.URL:
    """The base address, ending in a slash so that paths can be joined to it.

    Raises:
        SettingsError: it is none.
    """
    try:
        url = httpx.URL(address.strip().rstrip("/").removesuffix("/chat/completions") + "/")
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in {"http", "https"} or not url.host:
        raise SettingsError(
            "llm_base_url is no web address.",
            "Set CITYDIP_LLM_BASE_URL to one such as http://127.0.0.1:8080/v1.",
        )
    return url


def checked_key(settings: Settings) -> str:
    """The key, or nothing.

    Raises:
        SettingsError: it cannot be sent in a header.
    """
    key = settings.llm_api_key.get_secret_value().strip() if settings.llm_api_key else ""
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SettingsError(
            "llm_api_key holds characters that no key has.",
            "Set CITYDIP_LLM_API_KEY to the key alone.",
        )
    return key


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself; it is never reached through a proxy."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _check(response: httpx.Response) -> None:
    """Refuse what is certainly no answer before it is read."""
    if response.headers.get("content-type", "").startswith("text/html"):
        raise web_page()
    if response.headers.get("content-encoding", "identity") != "identity":
        raise BrokenStreamError("The LLM server sends packed data that nobody asked for.")


async def _chunks(response: httpx.Response, patience: Patience) -> AsyncGenerator[bytes, None]:
    async with aclosing(cast("AsyncGenerator[bytes, None]", response.aiter_raw())) as raw:
        while True:
            try:
                chunk = await patience.wait_for(anext(raw, None))
            except httpx.TransportError:
                raise broken() from None
            if chunk is None:
                return
            yield chunk


async def _read(response: httpx.Response, patience: Patience, most: int) -> bytes:
    """The beginning of a body; of one that breaks off, what came."""
    whole = bytearray()
    try:
        async for chunk in _chunks(response, patience):
            whole += chunk
            if len(whole) >= most:
                break
    except GenerationError:
        pass
    return bytes(whole[:most])


def broken() -> BrokenStreamError:
    """The error where an answer stops before its end."""
    return BrokenStreamError(
        "The LLM server's answer broke off in the middle (broken stream).",
        "Ask again; if it happens again, look into the server's log.",
    )
