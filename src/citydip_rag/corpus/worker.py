"""Files are read in a process of their own, so that no file can harm the one that serves.

The child answers one request a line. A file that takes too long, needs too much memory or brings
the child down costs that child alone; the next file gets a new one.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from citydip_rag.corpus.base import Extract
from citydip_rag.corpus.reading import Part, read_parts
from citydip_rag.schema import Block, Heading, Page

MODULE: Final = __spec__.name
"""What the child runs."""
_GRACE: Final = 5.0
"""Seconds after which a child ends itself, should nobody have ended it."""
_CHUNK: Final = 1 << 20
_START: Final = 30.0
"""Seconds a child may take to start."""


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What reading one file may cost.

    Attributes:
        seconds: of wall-clock time.
        megabytes: of address space of the child; not enforced outside Linux.
    """

    seconds: float = 120.0
    megabytes: int = 2_048


class ReaderProcess:
    """Reads files in a child process; a context manager that ends the child."""

    def __init__(self, limits: ReadingLimits | None = None) -> None:
        """Start nothing yet: the child starts with the first file."""
        self._limits = limits or ReadingLimits()
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the child."""
        self.close()

    def read(self, path: Path, source: str) -> list[Part]:
        """Read a file and the files inside it; a failure of any kind is a part with its reason."""
        request = {"path": os.fspath(path.absolute()), "source": source}
        try:
            child = self._started()
            _send(child, request)
            reply = _receive(child, self._limits.seconds)
        except TimeoutError:
            self.close()
            reason = f"{source} took longer than {self._limits.seconds:g} seconds to read."
            return [Part(source, reason=f"{reason} Split it, or save it anew.", transient=True)]
        except (OSError, EOFError, ValueError):
            self.close()
            reason = f"{source} brought its reader down, or needs over {self._limits.megabytes} MB."
            return [Part(source, reason=f"{reason} Split it, or save it anew.", transient=True)]
        return [_part(item) for item in reply]

    def close(self) -> None:
        """End the child, however busy it is."""
        if self._child is not None:
            _kill(self._child)
            self._child.communicate()
            self._child = None

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(  # noqa: S603  # ourselves, with our own arguments
                [
                    sys.executable,
                    "-m",
                    MODULE,
                    str(self._limits.seconds + _GRACE),
                    str(self._limits.megabytes),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=0,  # so that what it runs, such as Tesseract, ends with it
            )
            _receive(self._child, _START)  # it says when it is ready
        return self._child


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End a child and what it started."""
    if hasattr(os, "killpg") and child.poll() is None:
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()


def _send(child: subprocess.Popen[bytes], request: dict[str, str]) -> None:
    assert child.stdin is not None  # noqa: S101  # it was asked for
    child.stdin.write(json.dumps(request).encode() + b"\n")
    child.stdin.flush()


def _receive(child: subprocess.Popen[bytes], seconds: float) -> Any:
    """The child's next line.

    Raises:
        TimeoutError: it did not come in time.
        EOFError: the child has ended.
        ValueError: what came is no JSON.
    """
    assert child.stdout is not None  # noqa: S101  # it was asked for
    line = bytearray()
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            chunk = os.read(child.stdout.fileno(), _CHUNK)
            if not chunk:
                raise EOFError
            line += chunk
    return json.loads(line)


def _packed(part: Part) -> dict[str, Any]:
    packed: dict[str, Any] = {
        "source": part.source,
        "reason": part.reason,
        "skipped": part.skipped,
        "transient": part.transient,
    }
    if part.extract is not None:
        extract = part.extract
        packed["extract"] = {
            "text": extract.text,
            "title": extract.title,
            "label": extract.label,
            "notes": list(extract.notes),
            "headings": [[h.start, h.end, h.level] for h in extract.headings],
            "blocks": [[b.start, b.end] for b in extract.blocks],
            "pages": [[p.start, p.end, p.number] for p in extract.pages],
        }
    return packed


def _part(packed: dict[str, Any]) -> Part:
    data = packed.get("extract")
    extract = data and Extract(
        text=data["text"],
        title=data["title"],
        label=data["label"],
        notes=tuple(data["notes"]),
        headings=tuple(Heading(start=s, end=e, level=level) for s, e, level in data["headings"]),
        blocks=tuple(Block(start=s, end=e) for s, e in data["blocks"]),
        pages=tuple(Page(start=s, end=e, number=number) for s, e, number in data["pages"]),
    )
    return Part(packed["source"], extract, packed["reason"], packed["skipped"], packed["transient"])


def _limit_memory(megabytes: int) -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # a system without such limits
        import resource

        size = megabytes * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """End this process if it is still reading by then, even deep inside a library."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)


def _answer(request: dict[str, str]) -> list[dict[str, Any]]:
    source = request["source"]
    try:
        return [_packed(part) for part in read_parts(Path(request["path"]), source)]
    except (MemoryError, RecursionError, SystemError):
        reason = f"{source} is too large or too deep to be read."
        return [_packed(Part(source, reason=reason, transient=True))]
    except Exception as error:  # noqa: BLE001  # any library may fail on a file in ways of its own
        reason = f"{source} cannot be read ({type(error).__name__}). Open it and save it anew."
        return [_packed(Part(source, reason=reason))]


def run() -> None:
    """Be the child: answer requests on standard input until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who ends us
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what libraries print
    seconds, megabytes = float(sys.argv[1]), int(sys.argv[2])
    _limit_memory(megabytes)
    replies.write(b"true\n")
    replies.flush()
    for line in sys.stdin.buffer:
        with _alarm(seconds):
            reply = _answer(json.loads(line))
        replies.write(json.dumps(reply).encode() + b"\n")
        replies.flush()


if __name__ == "__main__":
    run()
