"""The bench of attacks against a real server: each is refused, and others are served."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "eval" / "bench"))

import hostile

from citydip_rag import Engine
from citydip_rag.access import Scope
from citydip_rag.server.connections import MAX_HEAD_BYTES, Doors, GuardedProtocol
from citydip_rag.serving import build_app
from keyed import UNLIMITED, changed, key_for
from servers import running

PATIENCE = 0.4
ELSEWHERE = {"upgrades", "hostile JSON", "what the page does not use"}
"""Attacks with tests of their own, which take no code of the bench's but one request."""
CROWD = 60


def test_each_attack_is_refused_and_others_are_served(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hostile, "SLOW", 5)
    library = changed(
        engine, state=str(tmp_path / "state.sqlite"), request_seconds=PATIENCE, **UNLIMITED
    )
    keys = (key_for(library, Scope.ASK, name="a"), key_for(library, Scope.ASK, name="b"))

    async def built() -> object:
        return build_app(library.live.current.settings, library.live)

    protocol = partial(GuardedProtocol, doors=Doors(40, PATIENCE))
    happened = {}
    with running(
        asyncio.run(built()),
        http=protocol,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
    ) as address:
        victim = hostile.Victim(address, keys, PATIENCE)
        for name, attack in hostile.attacks(CROWD):
            if name in ELSEWHERE:
                continue
            others = hostile.Others(victim)
            with others.asking():
                happened[name] = attack(victim)
            assert others.times
            assert not others.failed, name
    assert happened["slow-loris, 5 heads"].startswith("5 × 408 ")
    assert happened["slow-loris, 5 bodies"].startswith("5 × 408 ")
    assert happened["decompression bombs"] == "5 × 415"
    assert happened["path traversal in ids"].endswith("; 0 gave a file away")
    assert happened["cross-user reads"] == "3 × 403, 1 × 404"
    assert happened["request smuggling"].startswith("5 × 400 ")
    assert happened["foreign names in Host"] == "4 × 421"
    assert happened[f"{CROWD} idle connections"].endswith(f"{CROWD} closed by the server")
    assert happened["guessing keys"] == "10 × 401, 5 × 429"
    assert " 500" not in "".join(happened.values())


def test_a_log_is_told_in_short() -> None:
    lines = [
        '{"level": "INFO", "message": "POST /ask 200", "route": "/ask", "status": 200}',
        '{"level": "INFO", "message": "POST /ask 415", "status": 415, "problem": "encoding"}',
        "no JSON",
    ]
    assert hostile.logged(lines) == "1 lines, as: POST /ask 415 encoding"
    assert hostile.logged([]) == "0 lines"
