"""docs/running.md: its commands are run here where they can be, and what it names is there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from citydip_rag import Engine, Settings, index_folder, load_settings
from citydip_rag.access import Keys, Scope
from citydip_rag.embedding import Embedder
from citydip_rag.indexing import up_to_date
from citydip_rag.settings import Settings as Known
from citydip_rag.state.database import State
from postgres import Postgres

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "running.md"
HOSTS = ("sudo ", "docker ")
"""Begin what changes the machine that it is run on; its files are looked at instead."""
_PLACES = ("state.sqlite", "index/state.sqlite")
"""Of keys and feedback: as the units have it, and where CITYDIP_STATE is not set."""
_LAST = ["citydip index"]
"""Ends what puts it back."""


def blocks() -> list[list[str]]:
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [block.strip().split("\n") for block in found]


def block_with(word: str) -> list[str]:
    found = [block for block in blocks() if any(word in line for line in block)]
    assert len(found) == 1, word
    return found[0]


def commands() -> list[str]:
    return [line for block in blocks() for line in block]


def test_what_it_links_to_and_names_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http|#)([^)#]+)\)", text):
        assert (PAGE.parent / target).exists(), target
    headings = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^## (.+)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings
    for name in re.findall(r"\bCITYDIP_([A-Z_]+)\b", text):
        assert name.lower() in Known.model_fields, name
    for line in commands():
        for path in re.findall(r"(?<![\w/])(deploy/[\w./@-]+|requirements\.lock)", line):
            made_here = path.startswith(("deploy/secrets", "deploy/documents"))
            assert made_here or (ROOT / path).exists(), path


@pytest.mark.parametrize("line", [x for x in commands() if x.startswith("citydip serve")])
def test_options_of_serve_are_options(line: str) -> None:
    """What they do is tested in test_serving.py and test_nginx.py."""
    done = subprocess.run(
        [*_CITYDIP, *shlex.split(line)[1:], "--help"], capture_output=True, text=True, check=True
    )
    for option in re.findall(r"--[a-z-]+", line):
        assert option in done.stdout


_CITYDIP = [sys.executable, "-c", "from citydip_rag.cli import main; main()"]


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment in which `citydip` is this program."""
    program = tmp_path / "bin" / "citydip"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(_CITYDIP)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("place", _PLACES)
def test_what_is_saved_while_it_serves_can_be_put_back(
    place: str,
    tmp_path: Path,
    article_settings: Settings,
    embedder: Embedder,
    shell: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    there.mkdir()
    shutil.copytree(ROOT / "seeds", here / "seeds")
    shutil.copytree(article_settings.index, here / "index")
    kept = State.open(here / place)
    Keys(kept).add("Rini", [Scope.ASK])
    settings = load_settings(seeds=here / "seeds", index=here / "index")
    index_folder(settings, embedder)
    stop = threading.Event()
    changing = threading.Thread(target=_change, args=(settings, embedder, stop))
    changing.start()
    try:
        _run([*block_with("--create"), *block_with(f"file:{place}?")], here, shell)
    finally:
        stop.set()
        changing.join()
        kept.close()
    shutil.copytree(here / "saved", there / "saved")
    _run(block_with("--extract"), there, shell)
    assert list(there.rglob("state.sqlite*")) == [there / "saved" / "state.sqlite"]
    _run([*block_with(f"cp saved/state.sqlite {place}"), *_LAST], there, shell)
    back = State.open(there / place)
    assert [key.name for key in Keys(back).all()] == ["Rini"]
    back.close()
    monkeypatch.chdir(there)
    restored = load_settings()
    assert up_to_date(restored) is not None
    engine = Engine.open(restored, embedder)
    assert "diplomasi-kota.txt" in engine.index.manifest.inputs
    engine.close()


@pytest.mark.parametrize("place", _PLACES)
def test_no_database_is_made_or_saved_where_there_is_none(place: str, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    with pytest.raises(subprocess.CalledProcessError):
        _run(block_with(f"file:{place}?"), tmp_path, {**os.environ})
    assert list(tmp_path.rglob("*.sqlite")) == []


def _change(settings: Settings, embedder: Embedder, stop: threading.Event) -> None:
    """Go on making generations."""
    number = 0
    while not stop.is_set():
        number += 1
        (settings.seeds / "berubah.txt").write_text(f"Kota {number}\nAda kota.", encoding="utf-8")
        index_folder(settings, embedder)


def test_what_is_in_postgresql_can_be_put_back(postgres_server: Postgres) -> None:
    address, other = postgres_server.create(), postgres_server.create()
    State.open(address).close()
    names = [place.rpartition("/")[2] for place in (address, other)]
    for line, name in zip(block_with("pg_dump"), names, strict=True):
        words = shlex.split(line.replace("saved/", f"{postgres_server.data}/"))
        if words[-1] == "citydip":
            words[-1] = name
        arguments = [word.replace("--dbname=citydip", f"--dbname={name}") for word in words[1:]]
        postgres_server.run(words[0], *arguments)
    version = "select version from state_version"
    assert postgres_server.run("psql", "-d", names[1], "-Atc", version).strip() == "1"


def test_the_secrets_of_the_cluster_fit_together(tmp_path: Path) -> None:
    """Its files name each other's; what the machine itself is changed by is left out."""
    made = [line for line in block_with("postgres_password") if not line.startswith(HOSTS)]
    _run(made, tmp_path, {**os.environ})
    secrets = tmp_path / "deploy" / "secrets"
    text = (ROOT / "deploy" / "compose.cluster.yaml").read_text(encoding="utf-8")
    wanted = set(re.findall(r"file: \./secrets/(\w+)", text))
    assert {path.name for path in secrets.iterdir()} == wanted
    assert {path.stat().st_mode & 0o777 for path in secrets.iterdir()} == {0o600}
    password = (secrets / "postgres_password").read_text(encoding="utf-8").strip()
    for name in ("citydip_index", "citydip_state"):
        parts = urlsplit((secrets / name).read_text(encoding="utf-8").strip())
        assert (parts.username, parts.password, parts.hostname) == ("citydip", password, "db")


def test_every_command_is_run_or_known() -> None:
    run = {
        *block_with("pg_dump"),
        *block_with("--create"),
        *block_with("--extract"),
        *block_with("postgres_password"),
        *(line for place in _PLACES for line in block_with(f"file:{place}?")),
        *(f"cp saved/state.sqlite {place}" for place in _PLACES),
        *_LAST,
    }
    rest = [line for line in commands() if line not in run]
    known = ("citydip serve", "citydip doctor", "mkdir ", "sh -c 'umask 077; openssl", *HOSTS)
    assert [line for line in rest if not line.startswith(known)] == []


def _run(lines: list[str], folder: Path, environment: dict[str, str]) -> None:
    subprocess.run(
        ["bash", "-euc", "\n".join(lines)], cwd=folder, env=environment, check=True, timeout=180
    )
