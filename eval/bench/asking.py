"""Clients that ask over HTTP and cost next to nothing, for they share the machine with the server.

One task and one kept connection a client, on plain streams; `load.py` says what a request costs.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from bench_common import percentile

LONGEST_SECONDS: Final = 120.0
"""After which a client gives an answer up."""
REFUSED: Final = "503 with Retry-After"


@dataclass
class Tally:
    """What came of the questions of a run.

    Attributes:
        seconds: that it took.
        times: of each answer, in milliseconds.
        errors: by kind; those refused with the time to ask again are `REFUSED`.
    """

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.seconds

    def figures(self) -> dict[str, object]:
        """For the report."""
        p50, p95, p99 = (
            round(percentile(self.times, share), 1) if self.times else None
            for share in (0.5, 0.95, 0.99)
        )
        return {
            "seconds": round(self.seconds, 1),
            "answers": len(self.times),
            "answers_a_second": round(self.rate, 2),
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
            "refused": self.errors[REFUSED],
            "errors": {kind: n for kind, n in self.errors.items() if kind != REFUSED},
        }


@dataclass
class Reply:
    """A response's status, headers with small letters, and body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One kept connection."""

    def __init__(self, address: str) -> None:
        """To a server at `http://host:port`; nothing is opened yet."""
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: dict[str, object]) -> Reply:
        """Send a JSON object and read the response."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        content = json.dumps(body).encode()
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(": ") for line in lines if line)
        headers = {name.lower(): value for name, _, value in pairs}
        reply = Reply(
            int(head.split()[1]),
            headers,
            await reader.readexactly(int(headers.get("content-length", 0))),
        )
        if headers.get("connection", "").lower() == "close":
            self.close()
        return reply

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def ask_for(address: str, clients: int, questions: Iterator[str], seconds: float) -> Tally:
    """Have so many clients ask for so long, each its next question once it has an answer."""
    tally = Tally()
    begun = perf_counter()
    until = begun + seconds
    await asyncio.gather(*(_client(address, questions, until, tally) for _ in range(clients)))
    tally.seconds = perf_counter() - begun
    return tally


async def _client(address: str, questions: Iterator[str], until: float, tally: Tally) -> None:
    connection = Connection(address)
    while perf_counter() < until:
        begun = perf_counter()
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                reply = await connection.post("/ask", {"question": next(questions)})
        except (OSError, EOFError, TimeoutError) as error:  # EOF within a response is an EOFError
            tally.errors[type(error).__name__] += 1
            connection.close()
            continue
        if reply.status == 200:
            tally.times.append((perf_counter() - begun) * 1000)
        elif reply.status == 503 and "retry-after" in reply.headers:
            tally.errors[REFUSED] += 1
            await asyncio.sleep(min(int(reply.headers["retry-after"]), until - perf_counter()))
        else:
            tally.errors[str(reply.status)] += 1
    connection.close()
