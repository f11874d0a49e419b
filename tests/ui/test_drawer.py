"""The drawer's frame and scripts, without a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import citydip_rag.corpus
from citydip_rag.corpus import known_suffixes
from citydip_rag.corpus.reading import read_parts
from citydip_rag.errors import CitydipError
from citydip_rag.schema import FileStatus, Language
from citydip_rag.texts import catalogue
from citydip_rag.ui import documents


def test_every_text_the_scripts_name_is_there() -> None:
    script = documents.script()
    keys = catalogue(Language.ENGLISH)
    named = set(re.findall(r'\b(?:said|showOutcome|announce)\("(\w+)"', script))
    named |= set(re.findall(r'\b(?:button|say)\((?:find\()?"[^"]+"\)?, "(\w+)"', script))
    named |= {f"{key}_one" for key in re.findall(r'counted\("(\w+)"', script)}
    named |= {f"{key}_other" for key in re.findall(r'counted\("(\w+)"', script)}
    named |= {f"status_{status}" for status in FileStatus}
    assert len(named) > 20
    assert {f"documents.{key}" for key in named} <= keys.keys()


def test_every_problem_that_has_a_text_can_arise() -> None:
    def slugs(error: type[CitydipError]) -> set[str]:
        return {error.slug}.union(*(slugs(kind) for kind in error.__subclasses__()))

    ours = {"general", "network", "stopped", "folder", "indexing", "body-too-large", "status-413"}
    for key in catalogue(Language.ENGLISH):
        section, _, problem = key.partition(".")
        if section == "problem" and problem not in ours:
            assert re.sub(r"-\d+$", "", problem) in slugs(CitydipError)


@pytest.mark.parametrize(
    "forbidden", ["innerHTML", "outerHTML", "insertAdjacentHTML", "http:", "alert("]
)
def test_scripts_write_text_only_and_name_no_host(forbidden: str) -> None:
    assert forbidden not in documents.script()


def test_the_frame_offers_what_can_be_read_and_labels_what_it_has() -> None:
    html = documents.panel()
    suffixes = documents.facts()["suffixes"]
    assert suffixes == known_suffixes()
    assert f'accept="{",".join(known_suffixes())}"' in html

    ids: set[str] = set()
    named: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            values = dict(attrs)
            ids.update(filter(None, [values.get("id")]))
            named.update(filter(None, [values.get("aria-labelledby"), values.get("for")]))

    Reader().feed(html)
    assert named
    assert named <= ids


def reasons() -> dict[str, str]:
    """The English texts by which the page knows a reason."""
    return {key: words for key, words in catalogue(Language.ENGLISH).items() if "reason." in key}


def known_as(reason: str) -> list[str]:
    """Keys of the texts that have a reason's form, found as the scripts do it."""
    return [
        key
        for key, words in reasons().items()
        if re.fullmatch(re.sub(r"\\{\w+\\}", ".+", re.escape(words)), reason, re.DOTALL)
    ]


@pytest.mark.parametrize(
    ("name", "content", "key"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n ", "blank"),
        ("a.txt", bytes(range(256)) * 9, "binary"),
        ("a (1).pdf", b"%PDF-1.4 nothing", "pdf_damaged"),
        ("a.docx", b"PK nothing", "damaged"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "password_or_old"),
        ("a.zip", b"PK nothing", "archive_damaged"),
        ("a.doc", b"x", "old_format"),
        ("a.png", b"x", "kind"),
    ],
)
def test_why_a_file_was_not_read_is_known_by_its_form(
    tmp_path: Path, name: str, content: bytes, key: str
) -> None:
    (tmp_path / name).write_bytes(content)
    [part] = read_parts(tmp_path / name, name)

    assert known_as(part.reason) == [f"reason.{key}"]


def test_no_form_of_a_reason_is_out_of_date() -> None:
    folder = Path(citydip_rag.corpus.__path__[0])
    source = "\n".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    said = re.sub(r"\"(,?)\s*f?\"", lambda gap: " " if gap[1] else "", source)
    for key, words in reasons().items():
        for sentence in re.split(r"(?<=\.) (?=[A-Z])", words):
            form = re.sub(r"\\{\w+\\}", r"\{[^\n]+\}", re.escape(sentence))
            assert re.search(form, said), (key, sentence)
