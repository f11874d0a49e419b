"""Reports hold what they ought to, whatever the texts in them, and are written whole or not."""

from __future__ import annotations

import os
import re
import stat
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar
from xml.etree import ElementTree as ET

import pytest

from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation import SuiteReport, compare, load_gates
from citydip_rag.evaluation.outcome import Cited, Outcome, Quotation
from citydip_rag.evaluation.proposing import looseness
from citydip_rag.evaluation.reports import (
    check_writable,
    comparison_markdown,
    html_report,
    junit_report,
    markdown_report,
    write_all,
)
from citydip_rag.evaluation.reports.charts import round_up
from citydip_rag.evaluation.reports.notes import cautions
from evaluation.questions import declined, miscited, outcome, report

EVIL = 'Apa <script>alert(1)</script> "&" | `x` @siapa \x01 *itu*?'


@pytest.fixture
def broken(tmp_path: Path) -> SuiteReport:
    """A report whose one gate of two does not hold, and a question of special characters."""
    (tmp_path / "gates.toml").write_text(
        "[at_least]\ncitation_recall = 0.9\nanswered = 0.5\n", encoding="utf-8"
    )
    evil = miscited("evil").model_copy(update={"question": EVIL})
    outcomes: list[Outcome] = [outcome("a"), evil, declined("b"), declined("c", abstained=False)]
    return load_gates(tmp_path / "gates.toml").judged(report(*outcomes, generator="extractive"))


class Page(HTMLParser):
    """Counts elements, and wants every one of them closed."""

    VOID: ClassVar = {"meta", "br"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page(broken: SuiteReport) -> None:
    page = Page(html_report(broken))
    assert "1 of 2 gates broken" in page.text
    assert "answers are quotations, no language model" in page.text
    order = [page.text.index(title) for title in ("What went wrong 2 of", "95 % interval")]
    assert order == sorted(order)
    assert EVIL in page.text
    assert not [tag for tag, _ in page.seen if tag in {"script", "img", "link", "iframe"}]
    assert not [a for _, attrs in page.seen for a in attrs if a.startswith("on") or a == "src"]
    ids = [attrs["id"] for _, attrs in page.seen if "id" in attrs]
    assert len(set(ids)) == len(ids)
    targets = [str(attrs["href"]) for tag, attrs in page.seen if tag == "a"]
    assert targets
    assert all(target.startswith("#") and target[1:] in ids for target in targets)
    assert "url(" not in html_report(broken)


def test_a_page_of_every_kind_of_report() -> None:
    assert "No gates were set" in Page(html_report(report(outcome("a")))).text
    draft = outcome(
        "draft-1", by_model=True, failure="generation", facts=({"text": "x", "found": False},)
    )
    page = Page(html_report(report(draft.model_copy(update={"citations": ()}), model="m")))
    assert "Drafts that nobody has reviewed: 1 of 1" in page.text
    assert "the model failed, generation" in page.text


def test_the_comment(broken: SuiteReport) -> None:
    text = markdown_report(broken)
    assert text.startswith("## Grounding: 1 of 2 gates broken\n")
    row = next(line for line in text.split("\n") if line.startswith("| citation_recall"))
    assert row.endswith("| 2 | ❌ \\>= 0.9 |")
    assert "answers are quotations, no language model" in text
    assert "add it to the question's evidence" in text
    for line in text.split("\n"):
        if line.startswith("| evil"):
            assert line.replace("\\|", "").count("|") == 6
    assert "\\<script\\>" in text
    assert "@siapa" not in text
    many = report(*(miscited(f"q{n}") for n in range(300)))
    assert len(markdown_report(many)) < 65_536


HOSTILE = "q\n# Kepala `x`\x1b[2J\x9b2J ![](http://a.id) www.a.id #12 @siapa <b> " + "x" * 900


def test_ids_and_questions_say_nothing_in_markdown(tmp_path: Path) -> None:
    (tmp_path / "gates.toml").write_text("[at_least]\ncitation_recall = 0.9\n", encoding="utf-8")
    evil = [
        miscited(f"{HOSTILE}{n}").model_copy(update={"question": HOSTILE, "file": HOSTILE})
        for n in range(30)
    ]
    judged = load_gates(tmp_path / "gates.toml").judged(report(outcome("a"), *evil))
    before = report(outcome("a"), *(outcome(o.id, question=HOSTILE) for o in evil))
    for text in (markdown_report(judged), comparison_markdown(compare(before, judged))):
        assert len(text) < 65_536
        assert not re.search(r"[\x1b\x9b]|^# |`x`", text, re.MULTILINE)
        prose = re.sub(r"`[^`\n]*`", "", text)  # nothing is read from code
        assert not re.search(r"http:|www\.|#1|@s|[^\\][!<]b|[^\\]!\[", prose)
        assert max(map(len, re.findall("`[^`]*`", text))) < 100


def test_a_comment_that_would_be_too_long_is_cut() -> None:
    long = "|" * 299
    evil = [miscited(f"{n}{long}").model_copy(update={"question": long + "?"}) for n in range(30)]
    cited = {"document_id": "d", "source": "d", "start": 0, "end": 9, "text": long}
    wrong = Cited(**cited, right=False, exact=True)
    both = {"gold": (Quotation(**cited),), "citations": (wrong,)}
    text = markdown_report(report(*(one.model_copy(update=both) for one in evil)))
    assert len(text) < 65_536
    assert text.endswith("The rest is too long for a comment.\n\n</details>\n")
    assert text.count("\n| 0") == 1


def test_evidence_in_no_passage_or_in_too_many_is_warned_of() -> None:
    nowhere, everywhere = outcome("a", relevant=0, ranks=()), outcome("b", relevant=11)
    told = list(cautions(report(nowhere, everywhere, outcome("c"), declined("d"))))
    assert told[0].startswith("The evidence of 1 question (a) stands in no passage")
    assert told[1].startswith("The evidence of 1 question (b) stands in more than 10 passages")
    assert list(cautions(report(outcome("c"), declined("d")))) == []


def test_evidence_that_tells_nothing_right_from_wrong_is_warned_of() -> None:
    brief, whole = outcome("a", brief=True), outcome("b", covered=0.8)
    told = list(cautions(report(brief, whole, outcome("c", covered=0.79))))
    assert told[0].startswith("The evidence of 1 question (a) is very short")
    assert told[1].startswith("The evidence of 1 question (b) is nearly all of a document")
    assert len(told) == 2


def test_proposed_bounds_on_few_questions_are_said_to_be_loose() -> None:
    many = [outcome(f"q{n}") for n in range(50)]
    assert "only 49 questions were asked" in looseness(report(*many[1:]))
    assert looseness(report(*many)) == ""


def test_junit(broken: SuiteReport) -> None:
    root = ET.fromstring(junit_report(broken))  # noqa: S314  # it is our own
    gates, questions = root.findall("testsuite")
    assert (gates.get("tests"), gates.get("failures")) == ("2", "1")
    failure = gates.find("testcase/failure")
    assert failure is not None
    assert "citation_recall is 0.500" in str(failure.get("message"))
    assert str(failure.text).startswith("evil: Apa <script>")
    assert (questions.get("tests"), questions.get("skipped")) == ("4", "2")
    assert questions.get("failures") == "0"


def test_writing_all_or_nothing(tmp_path: Path) -> None:
    first, second = tmp_path / "new" / "a.json", tmp_path / "b.html"
    write_all({first: "1", second: "2"})
    assert (first.read_text(), second.read_text()) == ("1", "2")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(first.stat().st_mode) == 0o666 & ~mask
    (tmp_path / "folder").mkdir()
    with pytest.raises(EvaluationError, match=f"The file {tmp_path}/folder cannot be written"):
        write_all({first: "changed", tmp_path / "folder": "x"})
    names = sorted(path.name for path in tmp_path.rglob("*"))
    assert names == ["a.json", "b.html", "folder", "new"]


def test_links_stay_links_and_files_keep_their_mode(tmp_path: Path) -> None:
    file, link, new = tmp_path / "a.json", tmp_path / "link", tmp_path / "new"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file)
    new.symlink_to(tmp_path / "folder" / "b.json")
    check_writable([link, new])
    write_all({link: "1", new: "2"})
    assert link.is_symlink()
    assert new.is_symlink()
    assert (file.read_text(), (tmp_path / "folder" / "b.json").read_text()) == ("1", "2")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    new.unlink()
    new.symlink_to(new)
    with pytest.raises(EvaluationError, match="it is a link to itself"):
        check_writable([new])


def test_what_is_no_file_is_written_to(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    null, out = Path("/dev/null"), Path("/dev/stdout")
    check_writable([pipe, null, null, out])
    write_all({pipe: "1", null: "2", out: "3"})
    assert os.read(reader, 9) == b"1"
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert null.is_char_device()
    assert capfd.readouterr().out == "3"


def test_what_the_run_reads_is_not_written_over(tmp_path: Path) -> None:
    own, folder = tmp_path / "q.jsonl", tmp_path / "index"
    own.write_text("")
    folder.mkdir()
    (tmp_path / "link").symlink_to(own)
    (tmp_path / "hard").hardlink_to(own)
    for path in (own, tmp_path / "link", tmp_path / "hard", folder / "new.json"):
        with pytest.raises(EvaluationError, match="cannot be written: this run reads it"):
            check_writable([path], [folder, own])
    check_writable([tmp_path / "new.json"], [folder, own, tmp_path / "gone"])


def test_a_disk_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "a.json"
    old.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EvaluationError, match="No space left on device"):
        write_all({old: "new"})
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_paths_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path, said in (
        (tmp_path, "it is a folder"),
        (tmp_path / "file" / "a.json", "file is no folder"),
    ):
        with pytest.raises(EvaluationError, match=said):
            check_writable([path])
    with pytest.raises(EvaluationError, match="two reports would go there"):
        check_writable([tmp_path / "a", tmp_path / "a"])


@pytest.mark.parametrize(
    ("number", "rounded"), [(0.2, 1), (1, 1), (3, 5), (11, 20), (46, 50), (250, 500), (501, 1000)]
)
def test_round_numbers(number: float, rounded: float) -> None:
    assert round_up(number) == rounded
