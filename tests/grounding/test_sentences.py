"""A model's text becomes sentences: whatever it writes around them, and however long it is."""

from __future__ import annotations

import random
import time
from operator import itemgetter

import pytest

from citydip_rag.grounding import ProseSplitter, Sentence

TRUE = "Meskipun memiliki banyak keuntungan, diplomasi kota juga menghadapi tantangan."
ALSO = "Salah satu yang terbesar adalah potensi benturan dengan kebijakan pemerintah pusat."


def split(text: str, size: int = 5) -> list[Sentence]:
    splitter = ProseSplitter()
    found: list[Sentence] = []
    for start in range(0, len(text), size):
        found += splitter.feed(text[start : start + size])
    return found + splitter.finish()


@pytest.mark.parametrize("size", [1, 5, 40, 10_000])
@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (f"{TRUE} [1] {ALSO} [2]", [(1,), (2,)]),
        (f"{TRUE}【1】{ALSO}【2】", [(1,), (2,)]),
        (f"{TRUE}【1†source】 {ALSO} [2†L3-L9]", [(1,), (2,)]),
        (f"{TRUE} [1] [7] [8]. {ALSO} [2].", [(1, 7, 8), (2,)]),
        (f"{TRUE} [1], [2] dan [3] {ALSO} [2] and [1]", [(1, 2, 3), (2, 1)]),
        (f"{TRUE} [?] {ALSO} [?]", [(), ()]),
        (f"{TRUE} [1] [?] {ALSO} [ ? ]", [(1,), ()]),
        (
            f"[{TRUE}](http://a.id/b(c)) [1] ![foto kota](http://a.id/x.png) {ALSO} [2]",
            [(1,), (2,)],
        ),
        (f"[{TRUE} {ALSO} [2]](http://a.id/b)", [(), (2,)]),
        (f'<p>{TRUE}</p> [1]<br/><a href="javascript:a(1)">{ALSO}</a> [2]', [(1,), (2,)]),
        (f"<script>alert(1)</script><!-- x --> {TRUE} [1]\n<b>{ALSO}</b> [2]", [(1,), (2,)]),
        (f"$$\\frac{{a}}{{b}}$$ {TRUE} [1] \\(y\\) {ALSO} [2]", [(1,), (2,)]),
        (f"| 1 | {TRUE} [1] |\n| --- | :---: |\n| 2 | {ALSO} [2] |\n", [(1,), (2,)]),
    ],
)
def test_what_stands_around_sentences_is_not_said(
    text: str, numbers: list[tuple[int, ...]], size: int
) -> None:
    found = split(text, size)
    assert [sentence.text for sentence in found] == [TRUE, ALSO]
    assert [sentence.numbers for sentence in found] == numbers


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("| Iklim | Kota-kota mengurangi emisi. |\n", "Iklim — Kota-kota mengurangi emisi."),
        ("Jika x < y dan y > z, kota menang.", "Jika x < y dan y > z, kota menang."),
        ("Harganya $5 di kota dan $6 di desa.", "Harganya $5 di kota dan $6 di desa."),
        ("Kota itu $$x > y$$ dan besar.", "Kota itu $$x > y$$ dan besar."),
        ("Isi \\[kurung] tetap [ada] di kota.", "Isi [kurung] tetap [ada] di kota."),
        ("Kota [ada](lihat di sini) dan besar.", "Kota [ada](lihat di sini) dan besar."),
    ],
)
def test_what_is_said_stays(text: str, words: str) -> None:
    assert [sentence.text for sentence in split(text)] == [words]


_CHANCE = random.Random(1)  # noqa: S311  # for a text, not for a secret
HARD = {
    "dots": ". " * 10_000,
    "signs": "".join(_CHANCE.choice(".,;:!? -*|=") for _ in range(20_000)),
    "initials": "".join(f"{_CHANCE.choice('ABCDEFGH')}. " for _ in range(7_000)),
    "figures": "3." + "".join(_CHANCE.choice("0123456789") for _ in range(20_000)),
    "addresses": "".join(f"http://a{n}.example.com/x.y?q={n}&" for n in range(900)),
    "blank lines": "a.\n" + "\n \n\t\n" * 5_000,
    "spaces": "a. " + " " * 20_000,
    "abbreviations": "".join(f"Dr. No. {n} " for n in range(2_000)),
    "ellipses": "".join(f"w{n}... " for n in range(3_000)),
    "markers": ".[1]" * 5_000,
    "brackets": "[a](" * 5_000,
    "tags": "<a b='" * 3_300,
    "one word": "a:" + "k" * 20_000,
}


def timed(text: str) -> tuple[list[Sentence], float, float]:
    """Sentences of a text that comes in pieces; seconds for all of it, and for the worst piece."""
    begun, longest = time.thread_time(), 0.0
    splitter = ProseSplitter()
    found: list[Sentence] = []
    for start in range(0, len(text), 5):
        before = time.thread_time()
        found += splitter.feed(text[start : start + 5])
        longest = max(longest, time.thread_time() - before)
    found += splitter.finish()
    return found, time.thread_time() - begun, longest


@pytest.mark.parametrize("name", HARD)
def test_no_text_takes_long(name: str) -> None:
    """Some took minutes, on the loop that everybody waits for."""
    split(f"{TRUE} {ALSO}")  # loads what splits
    found, whole, longest = timed(HARD[name][:20_000])
    for _ in range(2):  # the quickest of three, since other work may share the machine
        if whole >= 3:
            found, whole, longest = min(
                timed(HARD[name][:20_000]), (found, whole, longest), key=itemgetter(1)
            )
    assert whole < 3
    assert longest < 0.5
    assert all(len(sentence.text) <= 1_500 for sentence in found)


def test_a_text_without_an_end_is_given_in_parts() -> None:
    splitter = ProseSplitter()
    found = splitter.feed("kata benar " * 1_000)
    assert len(found) >= 8, "nobody waits for the end"
    assert splitter.feed("x" * 100_000)
    assert len("".join(s.text for s in [*found, *splitter.finish()])) > 8_000


def test_pieces_of_any_size_give_the_same_sentences() -> None:
    text = "\n".join(f"{n}. {TRUE} [{n}] Menurut Dr. A. Budi, {ALSO} [2][3]" for n in range(1, 40))
    expected = split(text, 10_000)
    assert len(expected) == 78
    for size in (1, 7, 64):
        assert split(text, size) == expected
