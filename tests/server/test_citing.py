"""Sources below an answer, and how they come off again."""

from __future__ import annotations

import pytest

from citydip_rag import Engine
from citydip_rag.schema import Language, PassageHit
from citydip_rag.server.citing import below, in_full, place_of, without_sources


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("Apa tantangan terbesar diplomasi kota?", "Sumber:\n[1] "),
        ("What is the greatest challenge of city diplomacy?", "Sources:\n[1] "),
        ("Berapa gram tepung untuk membuat donat?", "Bagian terdekat:\n- "),
    ],
)
async def test_sources_come_off_as_they_were_put_on(
    engine: Engine, question: str, heading: str
) -> None:
    answer = await engine.ask(question)
    assert below(answer).startswith(f"\n\n{heading}")
    assert without_sources(in_full(answer)) == answer.answer
    noted = answer.model_copy(update={"notice": "Catatan."})
    assert in_full(noted).endswith("\n\nCatatan.")
    assert without_sources(in_full(noted)) == answer.answer


def test_a_list_with_no_answer_before_it_is_none_of_ours() -> None:
    text = "Sumber:\n[1] ini bagian jawaban."
    assert without_sources(text) == text


def test_where_a_passage_stands() -> None:
    passage = PassageHit(
        id="a:0-1",
        document_id="a",
        title="Judul",
        source="a.pdf",
        page=7,
        heading="Judul › Bab 1",
        text="x",
        start=0,
        end=1,
        scores={},
    )
    assert place_of(passage, Language.INDONESIAN) == "Judul, halaman 7, Bab 1"
    plain = passage.model_copy(update={"page": None, "heading": "Judul"})
    assert place_of(plain, Language.INDONESIAN) == "Judul"
