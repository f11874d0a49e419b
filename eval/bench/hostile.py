"""What becomes of those who mean harm, and of those who ask meanwhile.

`python eval/bench/hostile.py` serves the shipped article with keys on a free port, attacks it in
each of the ways below, and prints for each what came of it: what the attacker got, how others were
served in that time, and what the log says. Where a line says that others were not served, or the
log holds a key, it ends with status 1.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from bench_common import CITYDIP, ROOT, machine
from rich.console import Console
from rich.table import Table

QUESTION: Final = {"question": "Apa tantangan terbesar diplomasi kota?"}
JSON: Final = {"content-type": "application/json"}
SECONDS: Final = 3.0
"""That the server waits for a request; its own default is longer."""
SLOW: Final = 50
ASK: Final = b"POST /ask HTTP/1.1\r\nHost: 127.0.0.1\r\n"
IDS: Final = ("..%2f..%2f..%2f..%2fetc%2fpasswd", "../../../../etc/passwd", "/etc/passwd", "%00")
BEFORE_IDS: Final = (
    *("/documents/", "/v1/models/", "/static/", "/assets/", "/file="),
    *("/gradio_api/file=", "/gradio_api/proxy=http://127.0.0.1/", "/gradio_api/custom_component/"),
)
HOSTILE_JSON: Final = (
    b'{"question": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    b'{"question": "x", "top_k": ' + b"9" * 5000 + b"}",
    b'{"question": "x", "top_k": 1e999}',
    b'{"question": "x", "__proto__": {"admin": true}}',
    rb'{"question": "\ud800"}',
    b'{"question": "\xff"}',
)
SMUGGLING: Final = (
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nxxxxx",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"Content-Length: +4\r\n\r\nxxxx",
)
SPOOFED: Final = ("evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "")


@dataclass
class Victim:
    """A server that is attacked.

    Attributes:
        address: where it listens.
        keys: of two who may ask, the attacker's and another's.
        seconds: that it waits for a request.
    """

    address: str
    keys: tuple[str, str]
    seconds: float = SECONDS

    def client(self, *, key: int | None = 0) -> httpx.Client:
        """A client with one of the keys or with none."""
        headers = {} if key is None else {"authorization": f"Bearer {self.keys[key]}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60)

    def connection(self, room: int = 0) -> socket.socket:
        """A connection; with little room for answers, if any is given."""
        parts = urlsplit(self.address)
        made = socket.socket()
        if room:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        made.settimeout(self.seconds * 4)
        made.connect((parts.hostname, parts.port))
        return made

    def raw(self, client: httpx.Client, path: str) -> httpx.Response:
        """The answer for a path as it stands."""
        return client.get(httpx.URL(self.address).copy_with(raw_path=path.encode()))


@dataclass
class Others:
    """Somebody else, who asks all the while."""

    victim: Victim
    times: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask as long as the context lasts, and once more."""
        ended = threading.Event()

        def ask() -> None:
            while not ended.is_set():
                self._ask()
                ended.wait(0.2)
            self._ask()

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _ask(self) -> None:
        begun = time.perf_counter()
        try:
            with self.victim.client(key=1) as client:
                answer = client.post("/ask", json=QUESTION)
        except httpx.HTTPError as error:
            self.failed[type(error).__name__] += 1
            return
        if answer.status_code == httpx.codes.OK:
            self.times.append(time.perf_counter() - begun)
        else:
            self.failed[str(answer.status_code)] += 1

    def __str__(self) -> str:
        served = f"{len(self.times)} answered, slowest {max(self.times, default=0):.1f} s"
        return f"{served}; FAILED {dict(self.failed)}" if self.failed else served


def statuses(responses: Sequence[httpx.Response]) -> str:
    """How often which status came."""
    counted = Counter(response.status_code for response in responses)
    return ", ".join(f"{count} × {status}" for status, count in sorted(counted.items()))


def ending_of(connection: socket.socket) -> str:
    """What a server says before it closes."""
    said = b""
    try:
        while part := connection.recv(65536):
            said += part
    except TimeoutError:
        return "still open"
    except OSError:
        pass
    return said.split(b"\r\n")[0].decode("latin-1").removeprefix("HTTP/1.1 ") or "closed"


def endings(victim: Victim, *sent: bytes) -> str:
    """What becomes of connections on which this is sent, all at the same time."""
    with ExitStack() as stack:
        opened = [stack.enter_context(victim.connection()) for _ in sent]
        begun = time.monotonic()
        for connection, words in zip(opened, sent, strict=True):
            with suppress(OSError):  # it has hung up in the middle
                connection.sendall(words)
        counted = Counter(ending_of(connection) for connection in opened)
        seconds = time.monotonic() - begun
    return f"{', '.join(f'{n} × {said}' for said, n in counted.items())} within {seconds:.1f} s"


def slow_heads(victim: Victim) -> str:
    """Heads of requests that never end."""
    return endings(victim, *[b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "] * SLOW)


def slow_bodies(victim: Victim) -> str:
    """Bodies that never end."""
    key = b"Authorization: Bearer %s\r\n" % victim.keys[0].encode()
    return endings(victim, *[ASK + key + b"Content-Length: 39\r\n\r\n{"] * SLOW)


def no_readers(victim: Victim) -> str:
    """Clients that ask for much and take nothing of it."""
    asked = b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 2000
    with ExitStack() as stack:
        opened = [stack.enter_context(victim.connection(room=2048)) for _ in range(SLOW)]
        for connection in opened:
            connection.setblocking(False)
            with suppress(OSError):
                connection.send(asked)
        time.sleep(victim.seconds * 5)
        for connection in opened:
            connection.settimeout(victim.seconds)
        counted = Counter("broken off" if is_cut(one) else "still open" for one in opened)
    return ", ".join(f"{count} × {what}" for what, count in counted.items())


def is_cut(connection: socket.socket) -> bool:
    """Whether a server has broken a connection off."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def large_heads(victim: Victim) -> str:
    """A head of 33 KiB, and a key of a megabyte."""
    head = b"GET /documents HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
    return endings(victim, head + b"x" * 33_000, head + b"x" * 1_000_000)


def bombs(victim: Victim) -> str:
    """Compressed bodies that would fill the memory."""
    bomb = gzip.compress(b" " * 100_000_000)
    with victim.client() as client:
        zipped = {**JSON, "content-encoding": "gzip"}
        paths = ("/ask", "/v1/chat/completions", "/mcp", "/feedback", "/gradio_api/queue/join")
        return statuses([client.post(path, content=bomb, headers=zipped) for path in paths])


def traversal(victim: Victim) -> str:
    """Paths to other files in every id."""
    with victim.client() as client:
        got = [victim.raw(client, before + name) for before in BEFORE_IDS for name in IDS]
    leaked = sum("root:" in response.text for response in got)
    return f"{statuses(got)}; {leaked} gave a file away"


def cross_user(victim: Victim) -> str:
    """Another's conversation on the page, by its name, and receipts that were made up."""
    mine = {"session_hash": secrets.token_hex(8)}
    with victim.client(key=1) as other, victim.client() as client:
        other.post(
            "/gradio_api/queue/join", json={**mine, "data": ["x", None, None], "fn_index": 0}
        )
        paths = ("/gradio_api/queue/data", f"/gradio_api/heartbeat/{mine['session_hash']}")
        heard = [client.get(path, params=mine) for path in paths]
        cancelled = client.post("/gradio_api/cancel", json={**mine, "event_id": "x", "fn_index": 0})
        receipt = other.post("/ask", json=QUESTION).json()["receipt"][:-8] + "A" * 8
        rated = client.post("/feedback", json={"receipt": receipt, "rating": "good"})
        return statuses([*heard, cancelled, rated])


def smuggling(victim: Victim) -> str:
    """Requests that hide another."""
    hidden = b"GET /documents HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    return endings(victim, *(ASK + framing + hidden for framing in SMUGGLING))


def upgrades(victim: Victim) -> str:
    """Wishes for another protocol."""
    asked = b"GET /documents HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: "
    return endings(victim, *(asked + name + b"\r\n\r\n" for name in (b"websocket", b"h2c")))


def hosts(victim: Victim) -> str:
    """Other names for the server (DNS rebinding)."""
    with victim.client() as client:
        return statuses([client.get("/documents", headers={"host": name}) for name in SPOOFED])


def hostile_json(victim: Victim) -> str:
    """Deep, huge, endless and broken JSON, to each route that takes any."""
    paths = ("/ask", "/ask/stream", "/search", "/feedback", "/v1/chat/completions", "/mcp")
    with victim.client() as client:
        return statuses(
            [
                client.post(path, content=sent, headers=JSON)
                for path in paths
                for sent in HOSTILE_JSON
            ]
        )


def unused_routes(victim: Victim) -> str:
    """What Gradio would do, and the page never asks for."""
    with victim.client() as client:
        uploaded = client.post("/gradio_api/upload", files={"files": ("a.txt", b"a")})
        called = [
            client.post("/gradio_api/component_server", json={"session_hash": "x"}),
            client.post(
                "/gradio_api/queue/join", json={"data": [], "fn_index": 9, "session_hash": "x"}
            ),
            client.get("/gradio_api/file=http://127.0.0.1/"),
            client.get("/monitoring"),
        ]
        return statuses([uploaded, *called])


def wrong_keys(victim: Victim) -> str:
    """Keys that are not valid, many of them."""
    with victim.client(key=None) as client:
        return statuses(
            [client.get("/documents", headers={"x-api-key": f"guess{n}"}) for n in range(15)]
        )


def idle(victim: Victim, count: int) -> str:
    """Connections that say nothing."""
    with ExitStack() as crowd:
        begun = time.monotonic()
        opened = [crowd.enter_context(victim.connection()) for _ in range(count)]
        seconds = time.monotonic() - begun
        time.sleep(victim.seconds * 2)
        for connection in opened:
            connection.setblocking(False)
        closed = sum(is_closed(connection) for connection in opened)
    return f"{count:,} opened in {seconds:.1f} s; {closed:,} closed by the server"


def is_closed(connection: socket.socket) -> bool:
    """Whether a server has closed a connection on which nothing was said."""
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


Attack = tuple[str, Callable[[Victim], str]]


def attacks(connections: int) -> list[Attack]:
    """All of them by name; the last leaves addresses refused for a while."""
    return [
        (f"slow-loris, {SLOW} heads", slow_heads),
        (f"slow-loris, {SLOW} bodies", slow_bodies),
        (f"{SLOW} that read no answer", no_readers),
        ("a head of 33 KiB, a key of 1 MB", large_heads),
        ("decompression bombs", bombs),
        ("path traversal in ids", traversal),
        ("cross-user reads", cross_user),
        ("request smuggling", smuggling),
        ("upgrades", upgrades),
        ("foreign names in Host", hosts),
        ("hostile JSON", hostile_json),
        ("what the page does not use", unused_routes),
        (f"{connections:,} idle connections", partial(idle, count=connections)),
        ("guessing keys", wrong_keys),
    ]


@contextmanager
def victim_with_log() -> Iterator[tuple[Victim, Path]]:
    """A real `citydip serve` with keys, and the file of its log."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told: dict[str, Any] = {
            "CITYDIP_INDEX": folder / "index",
            "CITYDIP_SEEDS": ROOT / "seeds",
            "CITYDIP_STATE": folder / "state.sqlite",
            "CITYDIP_REQUEST_SECONDS": SECONDS,
        }
        unlimited = [
            f"CITYDIP_{who}_QUESTIONS_{how}"
            for who in ("KEY", "ADDRESS")
            for how in ("PER_MINUTE", "AT_ONCE")
        ]
        environ = {**os.environ, **{name: str(value) for name, value in told.items()}}
        environ |= dict.fromkeys(unlimited, "0")
        subprocess.run([*CITYDIP, "index"], env=environ, check=True, stdout=subprocess.DEVNULL)
        keys = [new_key(who, environ) for who in ("attacker", "other")]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        log = folder / "log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                [*CITYDIP, "serve", "--port", str(port)],
                env=environ,
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        try:
            victim = Victim(f"http://127.0.0.1:{port}", (keys[0], keys[1]))
            wait_for(victim)
            yield victim, log
        finally:
            process.terminate()
            process.wait(timeout=60)


def new_key(name: str, environ: dict[str, str]) -> str:
    """A key that may ask."""
    made = subprocess.check_output([*CITYDIP, "keys", "add", name], env=environ, text=True)
    return next(word for word in made.split() if word.startswith("cdk_"))


def wait_for(victim: Victim) -> None:
    """Until a server answers."""
    for _ in range(240):
        with suppress(httpx.HTTPError), victim.client(key=None) as client:
            client.get("/health/live")
            return
        time.sleep(0.5)
    raise TimeoutError("The server does not answer.")


def logged(lines: Sequence[str]) -> str:
    """What a log says of an attack: how many lines, and one that tells of a refusal."""
    said = [json.loads(line) for line in lines if line.startswith("{")]
    own = [line for line in said if (line.get("route"), line.get("status")) != ("/ask", 200)]
    telling: dict[str, Any] = next(
        (line for line in own if "problem" in line or line["level"] == "WARNING"), {}
    )
    message, problem = telling.get("message", ""), telling.get("problem", "")
    return f"{len(own):,} lines" + (f", as: {message[:70]} {problem}".rstrip() if message else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what became of each attack; 1 where others were not served or a key was logged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=int, default=10_000, help="connections that say nothing")
    options = parser.parse_args(arguments)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    console = Console(width=180)
    table = Table("attack", "what happened", "others meanwhile", "log", title=machine())
    bad = False
    with victim_with_log() as (victim, log):
        for name, attack in attacks(options.idle):
            before = log.stat().st_size
            others = Others(victim)
            with others.asking():
                happened = attack(victim)
            lines = log.read_bytes()[before:].decode(errors="replace").splitlines()
            bad = bad or bool(others.failed)
            table.add_row(name, happened, str(others), logged(lines))
        text = log.read_text(encoding="utf-8", errors="replace")
        leaked = any(key.split("_", 2)[2] in text for key in victim.keys)
        traces = text.count("Traceback")
    console.print(table)
    console.print(f"keys in the log: {leaked}; traces in the log: {traces}")
    return int(bad or leaked)


if __name__ == "__main__":
    sys.exit(main())
