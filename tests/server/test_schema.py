"""What our description of the API says is what the API does, whatever it is sent.

Schemathesis makes requests out of the description, right ones and wrong ones, and compares each
answer with what the description allows.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from citydip_rag.access import Scope, limits
from citydip_rag.embedding import Embedder
from citydip_rag.engine import Engine
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.server.app import create_app
from citydip_rag.settings import Settings
from keyed import UNLIMITED, key_for
from servers import running

NOT_CHECKED: Final = "positive_data_acceptance"
"""The description cannot say which questions there are answers to: which documents and generators
there are, or that `/v1` wants a message of the user's."""


@contextmanager
def served(own_settings: Settings, embedder: Embedder, *scopes: Scope) -> Iterator[tuple[str, str]]:
    """A server with a folder of its own: its address, and a key of these scopes."""
    state = str(own_settings.index.with_name("state.sqlite"))
    settings = own_settings.model_copy(update={"state": state, **UNLIMITED})
    library = Library(LiveEngine(Engine.open(settings, embedder)))
    key = key_for(library, *scopes) if scopes else ""
    with running(create_app(library)) as address:
        yield address, key


def checked(folder: Path, address: str, *options: str) -> str:
    """Have a server checked; what was found."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--no-color"),
            *("run", f"{address}/openapi.json"),
            *("--generation-deterministic", "--no-shrink", "--max-examples", "8"),
            *("--generation-with-security-parameters", "false"),  # else each request has two keys
            *("--continue-on-failure", "--request-timeout", "60", "--suppress-health-check", "all"),
            *options,
        ],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    found = done.stdout + done.stderr
    assert done.returncode == 0, found
    return found


@pytest.fixture(autouse=True)
def unlimited_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong keys are to be told so each time."""
    monkeypatch.setattr(limits, "FAILURES_A_MINUTE", 0)


def test_with_a_key_everything_is_as_described(
    own_settings: Settings, embedder: Embedder, tmp_path: Path
) -> None:
    with served(own_settings, embedder, Scope.ADMIN) as (address, key):
        found = checked(
            tmp_path,
            address,
            *("--header", f"Authorization: Bearer {key}", "--exclude-checks", NOT_CHECKED),
        )
    assert "Selected: 16/16" in found
    assert "Tested: 16" in found


def test_without_keys_everything_is_as_described(
    own_settings: Settings, embedder: Embedder, tmp_path: Path
) -> None:
    with served(own_settings, embedder) as (address, _):
        checked(
            tmp_path,
            address,
            *("--phases", "coverage", "--exclude-checks", f"{NOT_CHECKED},ignored_auth"),
        )
