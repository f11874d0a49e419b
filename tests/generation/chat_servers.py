"""Chat servers on loopback: a scripted one for faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def event(text: str, finish: str | None = None) -> bytes:
    """One event of a chat completion."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


END = event("", "stop") + b"data: [DONE]\n\n"


def reply(status: int, body: bytes, kind: str = "application/json", more: str = "") -> bytes:
    """A whole HTTP response."""
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    return f"{head}{more}connection: close\r\n\r\n".encode() + body


@dataclass
class Call:
    """One request: what came, and the way back."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes, pause: float = 0.0) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            if pause:
                await asyncio.sleep(pause)


Script = Callable[[Call, int], Awaitable[None]]
"""Answers a call; the number counts the calls from 1."""


@dataclass
class FaultyServer:
    """Does what its script says."""

    script: Script
    address: str = ""
    calls: list[Call] = field(default_factory=list)
    open: int = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines) if k}
            length = int(headers.get("content-length", "0"))
            body = json.loads(await reader.readexactly(length)) if length else {}
            call = Call(first.split(" ")[1], headers, body, writer)
            self.calls.append(call)
            answering = asyncio.ensure_future(self.script(call, len(self.calls)))
            leaving = asyncio.ensure_future(reader.read(1))
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def faulty(script: Script) -> AsyncIterator[FaultyServer]:
    """A scripted server, on a free port, for as long as the block lasts."""
    made = FaultyServer(script)
    server = await asyncio.start_server(made._serve, "127.0.0.1", 0)
    made.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield made
