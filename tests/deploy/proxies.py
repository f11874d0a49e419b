"""A real nginx with the configuration that is shipped, and real servers behind it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "nginx"
_MAIN = """
daemon off; pid {folder}/nginx.pid; error_log stderr warn; worker_processes 2; {user}
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {more}
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def shipped(name: str, changes: Mapping[str, str]) -> str:
    """A shipped file with other addresses; each must be there."""
    text = (SHIPPED / name).read_text(encoding="utf-8")
    for before, after in changes.items():
        assert before in text, f"{name} holds no {before}"
        text = text.replace(before, after)
    return text


@contextmanager
def nginx(folder: Path, more: str, port: int) -> Iterator[None]:
    """Run nginx until the context ends.

    Args:
        folder: of the configuration; the shipped folder `citydip` is copied into it if not there.
        more: what stands in `http`.
        port: on which it will listen.
    """
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed: apt-get install nginx")
    for name in ("site.conf", "proxy.conf", "servers.conf"):
        if not (folder / "citydip" / name).exists():
            (folder / "citydip").mkdir(parents=True, exist_ok=True)
            shutil.copy(SHIPPED / "citydip" / name, folder / "citydip" / name)
    main = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    main.write_text(_MAIN.format(folder=folder, user=user, more=more), encoding="utf-8")
    log = folder / "nginx.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen([program, "-e", "stderr", "-c", str(main)], stderr=errors) as process,
    ):
        try:
            _wait(port, process, log)
            yield
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        threading.Event().wait(0.05)
    pytest.fail("nginx does not listen")


@contextmanager
def citydip(*options: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run `citydip serve` in a process of its own; does not wait until it is ready."""
    command = [sys.executable, "-c", "from citydip_rag.cli import main; main()", "serve"]
    environment = {**os.environ, "CITYDIP_ALLOWED_HOSTS": "citydip.example.org"}
    with subprocess.Popen([*command, "--port", str(port), *options], env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


def wait_until_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended"
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        threading.Event().wait(0.2)
    pytest.fail("the server does not become ready")
