"""The page's HTML: exact marks, everything escaped, both languages."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest

from citydip_rag.errors import IndexMissingError
from citydip_rag.schema import (
    Answer,
    Block,
    Citation,
    Claim,
    Document,
    Language,
    PassageHit,
)
from citydip_rag.texts import text
from citydip_rag.ui import render

TITLE = "Diplomasi & <b>Kota</b>"
FIRST = "Walikota bertindak lebih cepat."
SECOND = "Mereka menulis <script>alert('x')</script> & pergi."
TEXT = f"{TITLE}\nMengapa?\n{FIRST} Lalu apa? {SECOND}\nSatu paragraf lagi."
PASSAGE = f"{FIRST} Lalu apa? {SECOND}"

DOCUMENT = Document(
    id="kota",
    title=TITLE,
    source="map/kota.txt",
    sha256="0" * 64,
    text=TEXT,
    language="id",
    blocks=(Block(start=TEXT.index(PASSAGE), end=TEXT.index(PASSAGE) + len(PASSAGE)),),
)
DOCUMENTS = {DOCUMENT.id: DOCUMENT}


def cite(number: int, quote: str) -> Citation:
    start = TEXT.index(quote)
    return Citation(
        number=number,
        document_id=DOCUMENT.id,
        title=TITLE,
        source=DOCUMENT.source,
        start=start,
        end=start + len(quote),
        quote=quote,
    )


def hit(words: str, page: int | None = None) -> PassageHit:
    start = TEXT.index(words)
    return PassageHit(
        id=f"kota:{start}-{start + len(words)}",
        document_id=DOCUMENT.id,
        title=TITLE,
        source=DOCUMENT.source,
        page=page,
        heading=f"{TITLE} › Mengapa?",
        start=start,
        end=start + len(words),
        text=words,
        scores={"dense": 0.8},
    )


def answer(
    words: str,
    *citations: Citation,
    language: Language = Language.INDONESIAN,
    passages: tuple[PassageHit, ...] = (),
    abstained: bool = False,
) -> Answer:
    return Answer(
        question="?",
        answer=words,
        abstained=abstained,
        confidence=0.9,
        language=language,
        citations=citations,
        claims=tuple(
            Claim(text=one.quote, supported=True, support=1, citations=(one.number,))
            for one in citations
        ),
        passages=passages,
        generator="extractive",
        model="e5",
        generation="g1",
        timings_ms={"total": 12.4},
    )


class Reader(HTMLParser):
    """Reads HTML as a browser would: which elements there are, and each mark's text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.marks: list[tuple[str, str]] = []
        self.badges: list[str] = []
        self._open: str | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        named = dict(attrs)
        if tag == "mark":
            self.marks.append((named["data-numbers"] or "", ""))
            self._open = tag
        if named.get("class") == "badge":
            self.badges.append(named["data-number"] or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "mark":
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open:
            numbers, words = self.marks.pop()
            self.marks.append((numbers, words + data))


def blockquotes(html: str) -> list[str]:
    """The text of each quoted passage, as a reader would copy it."""
    return [
        unescape(re.sub(r"<[^>]+>", "", found))
        for found in re.findall(r"<blockquote>(.*?)</blockquote>", html, re.DOTALL)
    ]


def test_two_quotations_of_one_passage_share_a_card_and_are_marked_exactly() -> None:
    said = answer(
        f"{SECOND} [1] {FIRST} [2]", cite(1, SECOND), cite(2, FIRST), passages=(hit(PASSAGE),)
    )
    html = render.answered("Apa?", said, DOCUMENTS)

    read = Reader(html)
    assert html.count('class="card"') == 1
    assert read.badges == ["1", "2"]
    assert read.marks == [("2", FIRST), ("1", SECOND)]
    assert blockquotes(html) == [PASSAGE]


def test_overlapping_quotations_keep_the_text_whole() -> None:
    wide, narrow = f"{FIRST} Lalu apa?", "Lalu apa?"
    said = answer(
        f"{wide} [1] {narrow} [2]", cite(1, wide), cite(2, narrow), passages=(hit(PASSAGE),)
    )
    html = render.answered("Apa?", said, DOCUMENTS)

    assert Reader(html).marks == [("1", f"{FIRST} "), ("1 2", narrow)]
    assert blockquotes(html) == [PASSAGE]


@pytest.mark.parametrize(
    ("documents", "shown"), [(DOCUMENTS, PASSAGE), ({}, FIRST)], ids=["block", "quotation alone"]
)
def test_a_quotation_outside_every_passage_is_shown_in_what_is_known(
    documents: dict[str, Document], shown: str
) -> None:
    html = render.answered("Apa?", answer(f"{FIRST} [1]", cite(1, FIRST)), documents)

    assert blockquotes(html) == [shown]
    assert Reader(html).marks == [("1", FIRST)]


def test_a_quotation_that_does_not_stand_in_a_passage_is_never_marked_in_it() -> None:
    stale = hit(PASSAGE).model_copy(update={"text": "x" * len(PASSAGE)})
    html = render.answered("Apa?", answer(f"{FIRST} [1]", cite(1, FIRST), passages=(stale,)))

    assert Reader(html).marks == [("1", FIRST)]
    assert "xxx" not in html


def test_nothing_from_outside_becomes_html() -> None:
    question = "<img src=x onerror=alert(1)> \"'&"
    said = answer(
        f"{SECOND} [1] <i>lain</i> [7]",
        cite(1, SECOND),
        passages=(hit(PASSAGE),),
    ).model_copy(update={"generator": "<u>g</u>"})
    pages = (
        render.answered(question, said, DOCUMENTS),
        render.answered(
            question, answer("<i>x</i>", passages=(hit(PASSAGE),), abstained=True), DOCUMENTS
        ),
        render.failed(question, "<u>slug</u>"),
        render.waiting(question),
    )
    for html in pages:
        assert {"script", "img", "b", "u"}.isdisjoint(Reader(html).tags)
        assert "<i>x" not in html
        assert "<i>lain" not in html
        assert question in unescape(html)


def test_a_number_that_cites_nothing_stays_text() -> None:
    html = render.answered("Apa?", answer(f"{FIRST} [1] Lihat [7].", cite(1, FIRST)), DOCUMENTS)

    assert Reader(html).badges == ["1"]
    assert "[7]" in html


def test_a_card_says_where_it_stands() -> None:
    said = answer(f"{FIRST} [1]", cite(1, FIRST), passages=(hit(PASSAGE, page=1_204),))
    html = render.answered("Apa?", said, DOCUMENTS)
    start = TEXT.index(FIRST)

    assert "map/kota.txt" in html
    assert '<p class="heading" lang="id" title="Mengapa?">Mengapa?</p>' in html
    assert text(Language.INDONESIAN, "ui.page", page="1.204") in html
    assert text(Language.ENGLISH, "ui.page", page="1,204") in html
    for language in Language:
        where = text(language, "ui.characters", start=start, end=start + len(FIRST))
        assert where in html


def test_quotations_in_another_language_than_the_answer_say_so() -> None:
    said = answer(f"They say: {FIRST} [1]", cite(1, FIRST), language=Language.ENGLISH)
    html = render.answered("What?", said, DOCUMENTS)

    before, _, last = FIRST.rpartition(" ")
    assert f'They say: <span lang="id">{before} <span class="tail">{last} <button' in html
    assert '<div class="said" lang="en">' in html


def test_an_abstention_offers_reading_and_marks_nothing() -> None:
    words = text(Language.ENGLISH, "answer.abstain")
    said = answer(words, language=Language.ENGLISH, passages=(hit(PASSAGE),), abstained=True)
    html = render.answered("What?", said, DOCUMENTS)
    read = Reader(html)

    assert words in html
    assert "reply-abstained" in html
    assert "reply-answer" not in html
    assert (read.marks, read.badges) == ([], [])
    assert "<details" in html
    assert "<details open" not in html
    assert blockquotes(html) == [PASSAGE]


def test_an_abstention_without_passages_has_no_panel() -> None:
    html = render.answered("What?", answer("-", abstained=True), DOCUMENTS)

    assert "evidence" not in html


def test_errors_are_told_in_both_languages_and_unknown_ones_too() -> None:
    for slug, key in ((IndexMissingError.slug, "index-missing"), ("unheard-of", "general")):
        html = render.failed("Apa?", slug)
        for language in Language:
            assert text(language, f"failure.{key}") in unescape(html)


def test_the_last_turn_is_the_one_whose_evidence_shows() -> None:
    html = render.conversation(["<p>one</p>", "<p>two</p>"])

    assert re.findall(r'class="(turn[^"]*)" id="(turn-\d)"', html) == [
        ("turn", "turn-1"),
        ("turn current", "turn-2"),
    ]


def test_a_long_name_is_cut_in_its_middle_and_told_whole_where_one_points() -> None:
    name = f"map/{'panjang-' * 20}akhir.pdf"
    cited = cite(1, FIRST).model_copy(update={"source": name, "title": "Judul " * 40})
    html = render.answered("Apa?", answer(f"{FIRST} [1]", cited), {})

    assert f'title="{name}"' in html
    assert re.search(r'<span class="source"[^>]*>map/panjang-[^<]*…[^<]*akhir\.pdf</span>', html)
    assert f'<h4 title="{"Judul " * 40}">' in html


def test_a_last_word_wider_than_a_phone_may_break() -> None:
    words = "Lihat https://example.org/" + "a" * 80
    said = answer(f"{words} [1]", cite(1, FIRST)).model_copy(
        update={"claims": (Claim(text=words, supported=True, support=1, citations=(1,)),)}
    )

    assert "tail" not in render.answered("Apa?", said, DOCUMENTS)


@pytest.mark.parametrize("page", ["hlm. 7", "p. 7"])
def test_a_cited_page_is_named_in_the_language_of_the_page_not_of_the_question(page: str) -> None:
    place = f"UU 11/2008, Pasal 5 ayat (2), {page}"
    cited = cite(1, FIRST).model_copy(update={"place": place, "page": 7})
    html = render.answered("What?", answer(f"{FIRST} [1]", cited), DOCUMENTS)

    assert '<span class="cited" lang="id">UU 11/2008, Pasal 5 ayat (2)</span>, <span' in html
    assert '<span class="l-id" lang="id">hlm. 7</span>' in html
    assert '<span class="l-en" lang="en">p. 7</span>' in html


def test_a_place_that_is_only_the_title_is_not_said_twice() -> None:
    cited = cite(1, FIRST).model_copy(update={"place": f"{TITLE}, hlm. 7", "page": 7})

    assert 'class="cited"' not in render.answered("Apa?", answer("[1]", cited), DOCUMENTS)


@pytest.mark.parametrize("abstained", [False, True])
def test_an_answer_without_a_receipt_offers_no_rating(*, abstained: bool) -> None:
    said = answer(FIRST, abstained=abstained)
    assert "data-rate" not in render.answered("Apa?", said)
    html = render.answered("Apa?", said.model_copy(update={"receipt": 'a"b'}))
    assert 'data-receipt="a&quot;b"' in html
    assert f'data-kind="{"abstention" if abstained else "answer"}"' in html
