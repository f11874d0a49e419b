"""Chooses among what the rules make: different kinds, different documents, short before long."""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from citydip_rag.engine import Engine
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.drafting import english, indonesian
from citydip_rag.evaluation.drafting.absent import Absent, Asked, beyond_the_last
from citydip_rag.evaluation.drafting.rules import Draft, apply, stands_alone
from citydip_rag.evaluation.drafting.statements import Casing, Statement, read_statements
from citydip_rag.evaluation.outcome import DRAFT
from citydip_rag.evaluation.questions import Question
from citydip_rag.schema import Language

_ANSWERABLE: Final = 0.75
_RULES: Final = {Language.INDONESIAN: indonesian.RULES, Language.ENGLISH: english.RULES}
_WORTH: Final = {
    "definition": 1.0,
    "penalty": 1.0,
    "number": 0.95,
    "when": 1.0,
    "why": 1.0,
    "by whom": 0.85,
    "aim": 0.9,
    "who": 0.85,
    "list": 0.8,
    "article": 0.65,
    "heading": 1.0,
    "through": 0.8,
    "whether": 0.5,
}
_ARTICLE: Final = re.compile(r"Pasal (\d+)(?: ayat \(\d+\))?")
_DULL: Final = re.compile(r":$|sebagaimana dimaksud|[Kk]etentuan lebih lanjut|mulai berlaku")
_FITS: Final = range(60, 420)
"""Characters of an article that is asked for as a whole."""
_PARTS: Final = 5
"""One unanswerable question in so many is about an article too far, and one about anything."""
_SPOKEN: Final = 0.1
"""Share of the sentences from which on a language is one of the documents'."""
_WORDS: Final = range(2, 5)
"""Words of a term that is asked about: one alone is seldom a subject."""
_MOST_TITLES: Final = 20
_MOST_EVIDENCE: Final = 8
_EVERY: Final = 4
"""One definition in so many is asked for in the other language."""


def draft_questions(engine: Engine, number: int) -> list[Question]:
    """Draft questions about the indexed documents.

    Args:
        engine: over them.
        number: of questions at most; a quarter of them have no answer in the documents.

    Raises:
        EvaluationError: the documents hold no sentence that a question can be made of.
    """
    statements = read_statements(engine)
    casing = Casing(statement.text for statement in statements)
    made = [d for s in statements if (d := apply(_RULES[s.language], s, casing))]
    candidates = _merged([*made, *_articles(statements), *_headings(statements)])
    if not candidates:
        raise EvaluationError(
            "No sentence of the documents has a form that a question can be made of.",
            "Write questions by hand; eval/README.md says how.",
        )
    chosen = _chosen(candidates, max(1, round(_ANSWERABLE * number)))
    absent = _absent(engine, casing, made, statements, max(1, round(len(chosen) / 3)))
    asked = [*(_answerable(*pair) for pair in _in_both_languages(chosen)), *map(_question, absent)]
    return [
        question.model_copy(update={"id": f"{DRAFT}{place:03}"})
        for place, question in enumerate(asked, start=1)
    ]


def _articles(statements: Sequence[Statement]) -> Iterator[Draft]:
    """A statute's articles and paragraphs, asked for by their numbers."""
    by_place: dict[tuple[str, str], list[Statement]] = defaultdict(list)
    for statement in statements:
        if statement.label and _ARTICLE.fullmatch(statement.place):
            by_place[statement.document_id, statement.place].append(statement)
    for (_, place), own in by_place.items():
        evidence = own[0].evidence
        if len(own) == 1 and len(evidence) in _FITS and not _DULL.search(evidence):
            asked = f"Apa isi {place} {own[0].label}?"
            yield Draft("article", asked, own[0], Language.INDONESIAN)


def _headings(statements: Sequence[Statement]) -> Iterator[Draft]:
    """Headings that are questions, which what stands below them answers."""
    for statement in statements:
        heading = statement.heading.rsplit(" › ", 1)[-1]
        if heading.endswith("?") and stands_alone(heading, statement.language):
            yield Draft("heading", heading, statement, statement.language)


def _merged(drafts: Sequence[Draft]) -> list[tuple[Draft, list[Statement]]]:
    """Each question once, with all sentences that it was made of; none that too many answer."""
    by_question: dict[str, tuple[Draft, list[Statement]]] = {}
    for draft in drafts:
        _, own = by_question.setdefault(draft.question.lower(), (draft, []))
        own.append(draft.statement)
    return [pair for pair in by_question.values() if len(pair[1]) <= _MOST_EVIDENCE]


def _chosen(
    candidates: Sequence[tuple[Draft, list[Statement]]], wanted: int
) -> list[tuple[Draft, list[Statement]]]:
    """The best ones, each of which makes others of its kind, document and section less wanted."""
    kinds: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    sections: Counter[str] = Counter()
    spread = [zlib.crc32(draft.question.encode()) / 2**32 for draft, _ in candidates]
    left = list(enumerate(candidates))
    chosen: list[tuple[int, tuple[Draft, list[Statement]]]] = []

    def worth(entry: tuple[int, tuple[Draft, list[Statement]]]) -> float:
        place, (draft, _) = entry
        statement = draft.statement
        return (
            _WORTH[draft.kind]
            - max(0, len(draft.question) - 60) / 150
            - 0.1 * kinds[draft.kind]
            - 0.05 * documents[statement.document_id]
            - 0.25 * sections[statement.document_id + statement.heading]
            - 1e-6 * spread[place]
        )

    while left and len(chosen) < wanted:
        best = max(left, key=worth)
        left.remove(best)
        chosen.append(best)
        statement = best[1][0].statement
        kinds[best[1][0].kind] += 1
        documents[statement.document_id] += 1
        sections[statement.document_id + statement.heading] += 1
    return [pair for _, pair in sorted(chosen, key=lambda entry: entry[0])]


def _in_both_languages(
    chosen: Sequence[tuple[Draft, list[Statement]]],
) -> Iterator[tuple[Draft, list[Statement]]]:
    """Now and then a definition is asked for by somebody who reads the other language."""
    seen = 0
    for draft, own in chosen:
        seen += draft.kind == "definition"
        if draft.kind != "definition" or not draft.term or seen % _EVERY:
            yield draft, own
        elif draft.language is Language.INDONESIAN:
            within = f" in {draft.statement.label}" if draft.statement.label else ""
            asked = f"What is meant by “{draft.term}”{within}?"
            yield replace(draft, question=asked, language=Language.ENGLISH), own
        else:
            asked = f"Apa yang dimaksud dengan “{draft.term}”?"
            yield replace(draft, question=asked, language=Language.INDONESIAN), own


def _absent(
    engine: Engine,
    casing: Casing,
    drafts: Sequence[Draft],
    statements: Sequence[Statement],
    wanted: int,
) -> list[Absent]:
    """Most are about what the documents treat, the others about something else."""
    terms = dict.fromkeys((d.topic, d.statement.language) for d in drafts if d.topic)
    topics = [term for term in terms if len(term[0].split()) in _WORDS] or _titles(engine, casing)
    topics.sort(key=lambda topic: zlib.crc32(topic[0].encode()))
    last: dict[str, int] = {}
    for statement in statements:
        if statement.label and (found := _ARTICLE.match(statement.place)):
            last[statement.label] = max(last.get(statement.label, 0), int(found[1]))
    spoken = Counter(statement.language for statement in statements)
    languages = [one for one in Language if spoken[one] > _SPOKEN * len(statements)]
    text = "\n".join(engine.document(identity).text for identity in engine.document_ids())
    asked = Asked(text, languages)
    beyond = list(beyond_the_last(last))[: wanted // _PARTS]
    far = list(asked.far())[: max(1, wanted // _PARTS)]
    near = list(asked.near(topics))[: wanted - len(beyond) - len(far)]
    return [*near, *beyond, *far]


def _titles(engine: Engine, casing: Casing) -> list[tuple[str, Language]]:
    """What documents that define no terms are about: their titles, if these are words."""
    known = {language.value: language for language in Language}
    documents = [engine.document(i) for i in engine.document_ids()[:_MOST_TITLES]]
    titled = [(d.title.split(":")[0], d) for d in documents if d.title not in d.source]
    return [
        (casing.named(title), known[document.language])
        for title, document in titled
        if document.language in known and title.replace(" ", "").isalpha()
    ]


def _answerable(draft: Draft, own: Sequence[Statement]) -> Question:
    statement = draft.statement
    place = f"{statement.label}, {statement.place}" if statement.label and statement.place else ""
    return Question(
        id=DRAFT,
        question=draft.question,
        language=draft.language,
        answerable=True,
        evidence=tuple(dict.fromkeys(each.evidence for each in own)),
        place=place if draft.kind == "article" else "",
        page=statement.page,
        facts=draft.facts,
        note=f"{draft.kind}; {place or statement.heading or statement.document_id}",
    )


def _question(absent: Absent) -> Question:
    return Question(
        id=DRAFT,
        question=absent.question,
        language=absent.language,
        answerable=False,
        note=absent.why,
    )
