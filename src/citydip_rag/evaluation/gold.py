"""Where a question's evidence stands: in which stretches of which documents, in which passages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from textwrap import shorten

import numpy as np

from citydip_rag.engine import Engine
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.lines import Mistakes
from citydip_rag.evaluation.nearest import Place, Sentences
from citydip_rag.evaluation.questions import Entry, EvidenceSpan
from citydip_rag.schema import Citation, Document, DocumentName, Passage

_SHOWN = 60
"""Characters of evidence that a message repeats."""
_CLOSEST = 300
"""And of the sentence that may have been meant."""
_SEARCHED = 50_000
"""Sentences among which that one is looked for."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """`[start, end)` of a document's text, and the place that a statute calls it by."""

    document_id: str
    start: int
    end: int
    place: str = ""

    def meets(self, document_id: str, start: int, end: int) -> bool:
        """Whether one of the two lies within the other."""
        return self.document_id == document_id and (
            (self.start <= start and end <= self.end) or (start <= self.start and self.end <= end)
        )

    def touches(self, passage: Passage) -> bool:
        """Whether at least half of it stands in a passage."""
        common = min(self.end, passage.end) - max(self.start, passage.start)
        return self.document_id == passage.document_id and 2 * common >= self.end - self.start


@dataclass(frozen=True, slots=True)
class Gold:
    """The evidence of one question, found.

    Attributes:
        stretches: each alone carries the answer.
        passages: ids of the passages that hold one.
        covered: largest share of a document that they make up together; 0 where it is a sentence.
    """

    stretches: tuple[Stretch, ...] = ()
    passages: frozenset[str] = frozenset()
    covered: float = 0.0

    def holds(self, citation: Citation) -> bool:
        """Whether a citation quotes evidence: a part of it, or a stretch that contains it."""
        return any(
            s.meets(citation.document_id, citation.start, citation.end) for s in self.stretches
        )


def find_gold(engine: Engine, entries: Sequence[Entry]) -> list[Gold]:
    """Find the evidence of every question, in their order.

    A text is looked for letter by letter, and if it stands nowhere so, with its white space taken
    for any other; wherever it stands counts.

    Raises:
        EvaluationError: evidence is in none of the documents, or on another page than the question
            says; names files and lines.
    """
    names = engine.document_names()
    texts = _Texts(engine, names)
    wanted = {entry.question.place for entry in entries} - {""}
    places = _places(engine, names, wanted)
    found: list[tuple[Stretch, ...]] = []
    mistakes = Mistakes()
    for entry in entries:
        with mistakes.noted():
            found.append(_stretches(entry, texts, places))
            _check_page(entry, found[-1], texts)
    mistakes.refuse()
    holding = _passages(engine, {s.document_id for stretches in found for s in stretches})
    return [
        Gold(
            stretches,
            frozenset(
                passage.id
                for stretch in stretches
                for passage in holding[stretch.document_id]
                if stretch.touches(passage)
            ),
            _covered(stretches, holding, texts),
        )
        for stretches in found
    ]


def _covered(
    stretches: Iterable[Stretch], holding: Mapping[str, Sequence[Passage]], texts: _Texts
) -> float:
    by_document: dict[str, list[Stretch]] = defaultdict(list)
    for stretch in stretches:
        by_document[stretch.document_id].append(stretch)
    shares = [0.0]
    for identity, own in by_document.items():
        document = texts.called(identity)
        if document and sum(len(passage.sentences) for passage in holding[identity]) > 1:
            inside = np.zeros(len(document.text), dtype=np.bool_)
            for stretch in own:
                inside[stretch.start : stretch.end] = True
            shares.append(float(inside.mean()))
    return max(shares)


class _Texts:
    """The documents, of which a text's occurrences are wanted."""

    def __init__(self, engine: Engine, names: Mapping[str, DocumentName]) -> None:
        self._engine = engine
        self._documents = [engine.document(identity) for identity in names]

    def find(self, text: str) -> tuple[Stretch, ...]:
        loosely = r"\s+".join(re.escape(word) for word in text.split())
        for form in (re.escape(text), loosely):
            found = tuple(
                Stretch(document.id, match.start(), match.end())
                for document in self._documents
                for match in re.finditer(form, document.text)
            )
            if found:
                return found
        return ()

    def called(self, name: str) -> Document | None:
        known = [d for d in self._documents if name in {d.id, d.source}]
        return known[0] if known else None

    def closest(self, text: str) -> Place | None:
        """The sentence that is most like a text which stands nowhere."""
        return self._sentences.closest(text)

    @cached_property
    def _sentences(self) -> Sentences:
        held = _passages(self._engine, [document.id for document in self._documents])
        return Sentences(
            [
                Place(document.source, document.text[sentence.start : sentence.end])
                for document in self._documents
                for passage in held[document.id]
                for sentence in passage.sentences
            ][:_SEARCHED]
        )


def _stretches(
    entry: Entry, texts: _Texts, places: Mapping[str, Sequence[Stretch]]
) -> tuple[Stretch, ...]:
    found: list[Stretch] = []
    for evidence in entry.question.evidence:
        if isinstance(evidence, EvidenceSpan):
            here = _spanned(entry, evidence, texts)
        else:
            here = texts.find(evidence)
            if not here:
                raise _not_found(entry, evidence, texts.closest(evidence))
        found += here
    place = entry.question.place
    if place and not places[place]:
        raise entry.wrong(
            f"no indexed document has the place {place!r}",
            "Name it as a citation does, without the page: UU 11/2008, Pasal 28 ayat (1).",
        )
    return tuple(dict.fromkeys((*found, *places[place])))


def _not_found(entry: Entry, evidence: str, closest: Place | None) -> EvaluationError:
    remedy = "Index the documents the questions were written for, or correct the line."
    if closest is not None:
        sentence = " ".join(closest.text.split())
        remedy = f"Closest there, in {closest.source}: “{shorten(sentence, _CLOSEST)}”"
    what = f"the evidence {evidence[:_SHOWN]!r}… is in none of the indexed documents"
    return entry.wrong(what, remedy)


def _check_page(entry: Entry, stretches: Sequence[Stretch], texts: _Texts) -> None:
    """Refuse a page that the evidence is not on: the answer's citation would be blamed for it."""
    named = entry.question.page
    documents = [document for s in stretches if (document := texts.called(s.document_id))]
    pages = {
        page.number
        for stretch, document in zip(stretches, documents, strict=True)
        for page in document.pages
        if page.start < stretch.end and stretch.start < page.end
    }
    if named is None or named in pages:
        return
    if not pages:
        without = f"the evidence stands in {documents[0].source}, which has no pages"
        raise entry.wrong(without, "Take the page out of the line.")
    said = " or ".join(map(str, sorted(pages)))
    raise entry.wrong(f"the evidence stands on page {said}, not {named}")


def _spanned(entry: Entry, span: EvidenceSpan, texts: _Texts) -> tuple[Stretch, ...]:
    document = texts.called(span.document)
    if document is None:
        raise entry.wrong(
            f"there is no document {span.document!r} in the index",
            "Name it by its source or its document_id.",
        )
    if span.end > len(document.text):
        raise entry.wrong(
            f"the evidence ends at character {span.end}, and {document.source} has"
            f" {len(document.text)}"
        )
    return (Stretch(document.id, span.start, span.end),)


def _places(
    engine: Engine, names: Mapping[str, DocumentName], wanted: Iterable[str]
) -> dict[str, list[Stretch]]:
    """The sentences of each place and of its parts."""
    found: dict[str, list[Stretch]] = defaultdict(list)
    for place in wanted:
        within = [i for i, name in names.items() if place.startswith(name.label or name.title)]
        for passages in _passages(engine, within).values():
            found[place] += _at(place, passages, names)
    return found


def _at(
    place: str, passages: Sequence[Passage], names: Mapping[str, DocumentName]
) -> Iterator[Stretch]:
    for passage in passages:
        name = names[passage.document_id]
        for sentence in passage.sentences:
            here = f"{name.label or name.title}, {sentence.place}"
            if f"{here},".startswith((f"{place},", f"{place} ")):
                yield Stretch(passage.document_id, sentence.start, sentence.end, here)


def _passages(engine: Engine, document_ids: Iterable[str]) -> dict[str, list[Passage]]:
    store = engine.index.store
    return {i: store.all_passages(store.numbers_of([i])) for i in document_ids}
