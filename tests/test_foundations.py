"""Settings, texts, errors, the public names, and who may import whom."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import citydip_rag
from citydip_rag import errors
from citydip_rag.errors import CitydipError, SettingsError
from citydip_rag.schema import Language
from citydip_rag.settings import DatabaseAddress, load_settings
from citydip_rag.texts import catalogue, text

SOURCE = Path(citydip_rag.__file__).parent
LAYERS = [
    {"errors", "events", "schema", "settings", "texts", "values"},
    {"admission", "client", "observing", "state", "working"},
    {"corpus"},
    {"embedding"},
    {"index"},
    {"retrieval"},
    {"generation"},
    {"grounding"},
    {"parts"},
    {"answering", "conversing", "finding", "questions", "writing"},
    {"copying", "engine", "indexing"},
    {"listing", "live", "removals", "uploads"},
    {"library"},
    {"access", "feedback"},
    {"evaluation"},
    {"server"},
    {"ui"},
    {"evaluation_page", "sign_in_page"},
    {"serving"},
    {"cli"},
]
BESIDE = {("evaluation", "server"), ("evaluation", "ui"), ("server", "ui")}
"""Rooms on the same floor, which must not know each other."""


def test_a_room_imports_only_from_above() -> None:
    floor = {name: number for number, names in enumerate(LAYERS) for name in names}
    for path in SOURCE.rglob("*.py"):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("citydip_rag."):
                other = str(node.module).split(".")[1]
                assert floor[other] <= floor[room], f"{path.name} imports {node.module}"
                assert (other, room) not in BESIDE, f"{path.name} imports {node.module}"


def test_public_names() -> None:
    assert citydip_rag.__all__ == sorted(citydip_rag.__all__)
    assert all(hasattr(citydip_rag, name) for name in citydip_rag.__all__)


def test_the_command_line_starts_without_the_model() -> None:
    code = (
        "import sys, citydip_rag.cli.main;"
        "print([m for m in ('torch','transformers','gradio','sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"


def test_errors_have_names_of_their_own() -> None:
    kinds = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, CitydipError)
    ]
    slugs = [kind.slug for kind in kinds]
    assert len(set(slugs)) == len(slugs)
    assert str(SettingsError("It broke.", "Mend it.")) == "It broke. Mend it."
    assert str(SettingsError("It broke.")) == "It broke."


def test_both_languages_have_the_same_texts() -> None:
    indonesian, english = catalogue(Language.INDONESIAN), catalogue(Language.ENGLISH)
    assert indonesian.keys() == english.keys()
    for key in english:
        assert indonesian[key].strip()
        assert english[key].strip()
        fields = [set(re.findall(r"{(\w+)", texts[key])) for texts in (indonesian, english)]
        assert fields[0] == fields[1], key
    with pytest.raises(KeyError):
        text(Language.ENGLISH, "answer.nothing")


def test_settings_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "citydip.toml").write_text('top_k = 7\nhost = "0.0.0.0"\n', encoding="utf-8")
    assert load_settings().top_k == 7
    monkeypatch.setenv("CITYDIP_TOP_K", "8")
    assert load_settings().top_k == 8
    assert load_settings(top_k=9, host=None).top_k == 9
    assert load_settings().host == "0.0.0.0"  # noqa: S104


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("top_k = 99", "top_k"),
        ("nonsense = 1", "nonsense"),
        ("top_k = [", "citydip.toml"),
        ("passage_min_tokens = 200", "passage_min_tokens"),
    ],
)
def test_bad_settings_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "citydip.toml").write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=said):
        load_settings()


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://ani:geheim@db.example:5432/kota", "postgresql://db.example:5432/kota"),
        ("postgres://one,two:5433/kota?password=geheim", "postgresql://one,two:5433/kota"),
        ("postgresql://ani:ge@heim@db/kota", "postgresql://…"),
        ("postgresql://ani:geheim?@db/kota", "postgresql://…"),
        ("postgresql://ani:geheim/kota", "postgresql://…"),
        ("postgresql://ani:geheim/x@db/kota", "postgresql://db/kota"),
        ("postgresql://[::1]/kota?user=ani&password=geheim", "postgresql://[::1]/kota"),
    ],
)
def test_an_address_of_a_database_keeps_its_secrets(address: str, shown: str) -> None:
    settings = load_settings(index=address)
    assert isinstance(settings.index, DatabaseAddress)
    assert str(settings.index) == shown
    assert settings.index.get_secret_value() == address
    assert "geheim" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_the_index_is_a_folder_or_a_database(tmp_path: Path) -> None:
    assert load_settings(index=str(tmp_path)).index == tmp_path
    for wrong in ("", ".", "a\0b", 7):
        with pytest.raises(SettingsError, match="index"):
            load_settings(index=wrong)


def test_bad_values_are_not_echoed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYDIP_PORT", "secret-in-the-wrong-place")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "port" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_names_that_look_like_settings_are_doubted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CITYDIP_TOPK", "7")
    monkeypatch.setenv("CITYDIP_CLIENT_KEY", "of a client of the server")
    load_settings()
    assert "CITYDIP_TOPK is not a setting; did you mean CITYDIP_TOP_K?" in caplog.text
    assert "CLIENT_KEY" not in caplog.text


@pytest.mark.parametrize(
    "mistyped",
    [
        "Postgresql://ani:geheim@db/kota",
        "postgresql+psycopg://ani:geheim@db/kota",
        "postgresql:/ani:geheim@db/kota",
        "postgres:geheim@db/kota",
        "ani:geheim@db:5432/kota",
    ],
)
def test_a_mistyped_address_is_no_folder_and_its_password_is_not_told(mistyped: str) -> None:
    with pytest.raises(SettingsError, match=r"index: .* begins with postgresql://") as refused:
        load_settings(index=mistyped)
    assert "geheim" not in str(refused.value)
    assert load_settings(index="C:/kota").index == Path("C:/kota")
    assert load_settings(index="kota@rumah/d").index == Path("kota@rumah/d")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REQUEST_SECONDS", "inf"),
        ("SHUTDOWN_SECONDS", "nan"),
        ("CONNECTIONS", "9" * 20),
        ("READ_MEGABYTES", "9" * 20),
        ("KEY_QUESTIONS_PER_MINUTE", "-1"),
        ("LLM_TOTAL_SECONDS", "inf"),
    ],
)
def test_numbers_without_an_end_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"CITYDIP_{name}", value)
    with pytest.raises(SettingsError, match=name.lower()):
        load_settings()
