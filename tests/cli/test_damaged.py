"""The command line and an index that is damaged."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from citydip_rag import Settings
from citydip_rag.cli import app
from citydip_rag.cli.console import run
from citydip_rag.index.generation import POINTER


def test_a_damaged_index_is_refused_with_the_command_that_mends_it(
    tmp_path: Path,
    article_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    index = tmp_path / "index"
    shutil.copytree(article_settings.index, index)
    generation = index / (index / POINTER).read_text(encoding="utf-8").split()[0]
    tokens = generation / "tokens.int8"
    content = bytearray(tokens.read_bytes())
    content[len(content) // 2] ^= 1
    tokens.write_bytes(content)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", ["citydip", "ask", "Apa itu?", "--index", str(index)])
    with pytest.raises(SystemExit) as caught:
        run(app)
    printed = capsys.readouterr()
    assert caught.value.code == 2
    assert printed.err.splitlines() == [
        "index-damaged The index file tokens.int8 is damaged.",
        "→ Run: citydip index --rebuild",
    ]
    assert printed.out == ""
