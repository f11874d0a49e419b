"""The others' own virtual environment, made of `requirements.lock`."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
FOLDER: Final = HERE / ".venv"
LOCK: Final = HERE / "requirements.lock"
WANTED: Final = HERE / "requirements.txt"

logger = logging.getLogger(__name__)


def python_of(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def prepared(folder: Path = FOLDER, lock: Path = LOCK) -> Path:
    """The interpreter of the others' environment, which is made or made anew if need be."""
    python, mark = python_of(folder), folder / ".ready"
    content = hashlib.sha256(lock.read_bytes()).hexdigest()
    if python.is_file() and mark.is_file() and mark.read_text() == content:
        return python
    logger.info("making the environment of the others in %s", folder)
    venv.create(folder, with_pip=True)
    pip(python, "install", "-r", str(lock))
    mark.write_text(content)
    return python


def write_lock(lock: Path = LOCK, wanted: Path = WANTED) -> None:
    """Write the lock anew from a fresh environment with what is wanted."""
    folder = HERE / ".venv-lock"
    venv.create(folder, clear=True, with_pip=True)
    python = python_of(folder)
    pip(python, "install", "-r", str(wanted))
    frozen = subprocess.run(
        [str(python), "-m", "pip", "freeze"], check=True, capture_output=True, text=True
    ).stdout
    # A build's own suffix, as in 2.13.0+cpu, is found on that machine only.
    lines = [line.partition("+")[0] for line in frozen.splitlines()]
    lock.write_text("\n".join(lines) + "\n", encoding="utf-8")


def pip(python: Path, *arguments: str) -> None:
    """Run an environment's pip."""
    command = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)
