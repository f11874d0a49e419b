"""Questions that nothing answers: what they ask for is mentioned in no document.

A person may ask them all the same: about what the documents treat, but for something they do not
say (its budget, who invented it, how it is in another country), how two things have to do with each
other of which two documents treat, what they say of one number for another, about an article that a
statute does not have, and about something else altogether.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, zip_longest
from typing import Final

from citydip_rag.schema import Language

_ID, _EN = Language.INDONESIAN, Language.ENGLISH


@dataclass(frozen=True, slots=True)
class Absent:
    """A question, and why nothing answers it."""

    question: str
    language: Language
    why: str


_NEAR: Final = {
    _ID: (
        ("Bagaimana {topic} diatur di Norwegia?", "norwegia norw"),
        ("Apa pendapat Uni Eropa tentang {topic}?", "eropa europe"),
        ("Berapa anggaran untuk {topic} pada tahun 2023?", "anggaran 2023 budget"),
        ("Apa yang terjadi dengan {topic} selama pandemi Covid-19?", "pandemi pandemic covid"),
        ("Berapa banyak laporan tentang {topic} di Papua?", "papua"),
        ("Kursus daring mana yang mengajarkan {topic}?", "kursus daring course"),
        ("Bagaimana {topic} diatur di Kanada?", "kanada canad"),
        ("Survei mana yang membahas {topic}?", "survei survey jajak"),
    ),
    _EN: (
        ("How is {topic} regulated in Brazil?", "brazil brasil"),
        ("What does the European Union say about {topic}?", "europe eropa"),
        ("What was the budget for {topic} in 2023?", "budget anggaran 2023"),
        ("What happened to {topic} during the Covid-19 pandemic?", "pandemic pandemi covid"),
        ("Which online course teaches {topic}?", "course kursus"),
        ("How is {topic} regarded in Kenya?", "kenya"),
    ),
}
"""Questions about a topic, and beginnings of words of which none may be in the documents."""
_FAR: Final = {
    _ID: (
        ("Apa ibu kota Mongolia?", "mongolia ulan"),
        ("Siapa yang menulis novel Laskar Pelangi?", "laskar hirata"),
        ("Kapan Candi Borobudur dibangun?", "borobudur"),
        ("Bagaimana cara membuat donat?", "donat"),
        ("Berapa tinggi Gunung Rinjani?", "rinjani"),
        ("Apa gejala demam berdarah?", "demam dengue"),
        ("Siapa juara Piala Thomas tahun 2020?", "thomas"),
    ),
    _EN: (
        ("What is the capital of Mongolia?", "mongolia ulan"),
        ("Who painted the Mona Lisa?", "mona vinci"),
        ("How far is the Moon from the Earth?", "moon bulan"),
        ("How are doughnuts made?", "doughnut donut donat"),
        ("What are the symptoms of dengue fever?", "dengue fever demam"),
        ("How high is Mount Kilimanjaro?", "kilimanjaro"),
        ("When was the Suez Canal opened?", "suez"),
    ),
}
_APART: Final = {
    _ID: (
        "Bagaimana {one} memengaruhi {other}?",
        "Apa peran {one} dalam {other}?",
        "Mengapa {other} membutuhkan {one}?",
    ),
    _EN: (
        "How does {one} affect {other}?",
        "What part does {one} play in {other}?",
        "Why does {other} need {one}?",
    ),
}
_FIGURE: Final = re.compile(
    r"(?<![\w/.,(–-])(?<![Pp]asal )(?<!ayat )(?<!Nomor )(?<!angka )\d{2,4}(?![\w/)–-]|[.,]\d)"
)
"""A number that says how many or when, and is not part of a name."""
_STEPS: Final = 40
_TERMS: Final = 60
"""Terms of which pairs are looked for."""
_BEYOND: Final = 40
"""How far behind its last article a statute is asked for another."""


class Asked:
    """Makes the questions for documents of this text and these languages."""

    def __init__(self, text: str, languages: Sequence[Language]) -> None:
        """Look which words they do not have."""
        lowered = text.lower()
        self._near = {one: _without(lowered, _NEAR[one]) for one in languages}
        self._far = {one: _without(lowered, _FAR[one]) for one in languages}

    def near(self, topics: Sequence[tuple[str, Language]]) -> Iterator[Absent]:
        """About what the documents treat: each topic once, then each in another way, and so on."""
        for turn in range(max(map(len, self._near.values()), default=0)):
            for place, (topic, language) in enumerate(topics):
                forms = self._near.get(language, [])
                if turn < len(forms):
                    form, words = forms[(place + turn) % len(forms)]
                    yield Absent(form.format(topic=topic), language, _none(words))

    def far(self) -> Iterator[Absent]:
        """About something else, the languages in turn."""
        for pair in zip_longest(*([(one, *f) for f in own] for one, own in self._far.items())):
            for language, question, words in filter(None, pair):
                yield Absent(question, language, _none(words))


def beyond_the_last(articles: Mapping[str, int]) -> Iterator[Absent]:
    """Articles that statutes do not have, by the statutes' short names and last articles."""
    for label, last in articles.items():
        asked = f"Apa isi Pasal {last + _BEYOND} {label}?"
        yield Absent(asked, _ID, f"{label} ends with article {last}")


def apart(terms: Sequence[tuple[str, Language, str]], texts: Mapping[str, str]) -> Iterator[Absent]:
    """How two things have to do with each other of which different documents treat.

    All words are the documents' own, and yet none of them says it: hard to decline.

    Args:
        terms: each with its language and the document that defines it.
        texts: of all documents in small letters.
    """
    used: set[str] = set()
    for (one, language, own), (other, spoken, another) in combinations(terms[:_TERMS], 2):
        fits = not used & {one, other} and spoken == language and own != another
        if fits and not any(
            one.lower() in text and other.lower() in text for text in texts.values()
        ):
            form = _APART[language][len(used) // 2 % len(_APART[language])]
            used |= {one, other}
            why = f"no document has both “{one}” and “{other}”"
            yield Absent(form.format(one=one, other=other), language, why)


def altered(asked: Iterable[tuple[str, Language]], text: str, names: str) -> Iterator[Absent]:
    """Questions that the documents answer, but for another number, which no document has.

    Args:
        asked: questions with their languages.
        text: of all documents.
        names: of the documents, whose numbers are left as they are.
    """
    known, named = (set(re.findall(r"\d+", each)) for each in (text, names))
    for question, language in asked:
        numbers = [found for found in _FIGURE.finditer(question) if found[0] in known - named]
        if not numbers:
            continue
        found = numbers[-1]
        near = (str(int(found[0]) + step) for step in range(1, _STEPS))
        new = next((figure for figure in near if figure not in known), None)
        if new:
            changed = question[: found.start()] + new + question[found.end() :]
            yield Absent(changed, language, f"in place of {found[0]}; {_none(new)}")


def _without(text: str, forms: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of which the text has no word, nor a longer word that begins so."""
    return [
        (form, words)
        for form, words in forms
        if not any(re.search(rf"\b{word}", text) for word in words.split())
    ]


def _none(words: str) -> str:
    return f"no document has a word that begins with: {', '.join(words.split())}"
