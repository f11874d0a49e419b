"""What is drawn while an answer is written: in the terminal, and what is left of it if stopped."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator

import pytest
from rich.console import Console

from citydip_rag import Engine
from citydip_rag.cli.following import answer_of, drawn
from citydip_rag.events import Checked, Discarded, Event, Retrieved, Written
from citydip_rag.schema import Citation, Claim, Language
from citydip_rag.writing import Fate, Writing

QUESTION = "Apa tantangan terbesar diplomasi kota?"


def checked(text: str, *, supported: bool, shown: bool) -> Checked:
    claim = Claim(
        text=text, supported=supported, support=float(supported), citations=(1,) * supported
    )
    citation = Citation(number=1, document_id="d", title="", source="", start=0, end=1, quote="K")
    return Checked(claim=claim, shown=shown, citation=citation if supported else None)


def test_each_sentence_and_what_became_of_it() -> None:
    writing = Writing()
    for piece in ("Kota ", "bekerja. [1] ", "Bulan jatuh. [2] La"):
        writing.take(Written(text=piece))
    assert writing.pending == "Kota bekerja. [1] Bulan jatuh. [2] La"
    writing.take(checked("Kota bekerja.", supported=True, shown=True))
    writing.take(checked("Bulan jatuh.", supported=False, shown=False))
    assert writing.sentences == [("Kota bekerja.", "backed"), ("Bulan jatuh.", "left-out")]
    assert writing.pending == "La"
    writing.take(checked("La", supported=False, shown=True))
    assert writing.sentences[-1] == ("La", "doubtful")
    writing.take(Discarded(notice=""))
    assert (writing.sentences, writing.pending) == ([], "")


def test_what_is_left_of_an_answer_that_is_stopped() -> None:
    writing = Writing()
    assert writing.so_far() is None
    writing.take(
        Retrieved(
            question=QUESTION,
            language=Language.INDONESIAN,
            confidence=0.9,
            answering=True,
            passages=(),
        )
    )
    writing.take(checked("Bulan jatuh.", supported=False, shown=False))
    assert writing.so_far() is None, "nothing of it is to be shown"
    writing.take(checked("Kota bekerja.", supported=True, shown=True))
    writing.take(checked("Ia maju.", supported=True, shown=True))
    writing.take(checked("Entahlah.", supported=False, shown=True))
    writing.take(Written(text="Dan lagi"))
    answer = writing.so_far()
    assert answer is not None
    assert answer.answer == "Kota bekerja. [1] Ia maju. [1] Entahlah."
    assert [citation.number for citation in answer.citations] == [1]
    assert len(answer.claims) == 3


def test_a_terminal_shows_sentences_as_they_fare() -> None:
    writing = Writing()
    writing.take(checked("Kota bekerja.", supported=True, shown=True))
    writing.take(checked("Bulan jatuh.", supported=False, shown=False))
    writing.pending = "Dan la"
    text = drawn(writing)
    assert text.plain == "Kota bekerja. Bulan jatuh. Dan la"
    assert [str(span.style) for span in text.spans] == ["strike dim", "dim"]


@pytest.mark.parametrize("terminal", [True, False])
async def test_the_answer_follows_what_was_drawn(engine: Engine, *, terminal: bool) -> None:
    seen = io.StringIO()
    console = Console(file=seen, force_terminal=terminal, width=120)
    answer = await answer_of(engine.stream(QUESTION), console)
    assert answer.model_dump(exclude={"timings_ms"}) == (await engine.ask(QUESTION)).model_dump(
        exclude={"timings_ms"}
    )
    assert (answer.claims[0].text[:40] in seen.getvalue()) is terminal


async def test_a_stream_without_an_answer_is_a_defect() -> None:
    async def broken() -> AsyncGenerator[Event]:
        yield Written(text="x")

    with pytest.raises(AssertionError):
        await answer_of(broken())


def test_every_fate_looks_different() -> None:
    looks = set()
    for shown, supported in ((True, True), (True, False), (False, False)):
        one = checked("Kota.", supported=supported, shown=shown)
        writing = Writing(checked=[one])
        looks.add(tuple(str(span.style) for span in drawn(writing).spans))
        assert Fate.of(one) == writing.sentences[0][1]
    assert len(looks) == 3
