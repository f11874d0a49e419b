"""The command line and an index that is damaged."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from citydip_rag import Settings
from citydip_rag.cli.console import run
from citydip_rag.cli.main import app
from citydip_rag.index.generation import POINTER
from citydip_rag.settings import load_settings


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


@pytest.mark.parametrize(
    ("error", "line", "status"),
    [
        (
            KeyError("/home/rini/secret"),
            "internal-error Something unforeseen happened: KeyError.",
            2,
        ),
        (OSError(28, "No space left on device"), "system-error The system refused: No space", 2),
        (KeyboardInterrupt(), "Interrupted; nothing is lost.", 130),
        (BrokenPipeError(), "", 141),
    ],
)
def test_whatever_happens_is_one_line_and_no_trace(
    error: BaseException, line: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit) as caught:
        run(fail)
    said = capsys.readouterr().err
    assert caught.value.code == status
    assert said.startswith(line)
    assert "Traceback" not in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("arguments", "variables", "line"),
    [
        (["ask", "\udcff"], {}, "invalid-question The question is empty."),
        (["serve"], {"CITYDIP_HOST": "a..b"}, "address There is no address 'a..b' to listen on."),
        (["serve", "--host", "192.0.2.1"], {}, "address Cannot listen on 192.0.2.1:7860"),
        (["index"], {"CITYDIP_SEEDS": ""}, "settings A setting is not valid: seeds"),
        (["ask", "Apa itu?", "--index", __file__], {}, "index-missing 'test_damaged.py' is a file"),
    ],
)
def test_bad_arguments_are_named(
    arguments: list[str],
    variables: dict[str, str],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["citydip", *arguments])
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as caught:
        run(app)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith(line)


def test_a_slip_in_a_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CITYDIP_SEED", "documents")
    load_settings()
    assert "CITYDIP_SEED is not a setting; did you mean CITYDIP_SEEDS?" in caplog.text
    assert "documents" not in caplog.text
