"""Drafts questions: what the rules make of the documents' sentences, and what nothing answers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from citydip_rag.engine import Engine
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.drafting import english, indonesian
from citydip_rag.evaluation.drafting.absent import Absent
from citydip_rag.evaluation.drafting.choosing import Candidate, chosen
from citydip_rag.evaluation.drafting.rules import Draft, apply, stands_alone
from citydip_rag.evaluation.drafting.shares import Drafts, shares
from citydip_rag.evaluation.drafting.statements import Casing, Statement, read_statements
from citydip_rag.evaluation.drafting.unanswerable import Unanswerable
from citydip_rag.evaluation.outcome import DRAFT
from citydip_rag.evaluation.questions import Question
from citydip_rag.schema import DocumentName, Language

_ANSWERABLE: Final = 0.75
_RULES: Final = {Language.INDONESIAN: indonesian.RULES, Language.ENGLISH: english.RULES}
_ARTICLE: Final = re.compile(r"Pasal (\d+)(?: ayat \(\d+\))?")
_DULL: Final = re.compile(r":$|sebagaimana dimaksud|[Kk]etentuan lebih lanjut|mulai berlaku")
_FITS: Final = range(60, 420)
"""Characters of an article that is asked for as a whole."""
_MOST_EVIDENCE: Final = 8
_EVERY: Final = 4
"""One definition in so many is asked for in the other language."""


def draft_questions(engine: Engine, number: int) -> list[Question]:
    """The questions of `drafted` alone."""
    return list(drafted(engine, number).questions)


def drafted(engine: Engine, number: int) -> Drafts:
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
    wanted = max(1, min(number - 1, round(_ANSWERABLE * number)))
    taken = chosen(candidates, wanted, statements)
    absent = Unanswerable(engine, casing, made, statements).some(_rest(len(taken), wanted, number))
    names = engine.document_names()
    asked = [
        *(_answerable(*pair, names) for pair in _in_both_languages(taken)),
        *map(_question, absent),
    ]
    numbered = [
        question.model_copy(update={"id": f"{DRAFT}{place:03}"})
        for place, question in enumerate(asked, start=1)
    ]
    return Drafts(tuple(numbered), shares(engine, statements, candidates, taken))


def _rest(taken: int, wanted: int, number: int) -> int:
    """How many unanswerable questions go with so many answerable ones."""
    return number - taken if taken == wanted else max(1, round(taken / 3))


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


def _merged(drafts: Sequence[Draft]) -> list[Candidate]:
    """Each question once, with all sentences that it was made of; none that too many answer."""
    by_question: dict[str, tuple[Draft, list[Statement]]] = {}
    for draft in drafts:
        _, own = by_question.setdefault(draft.question.lower(), (draft, []))
        own.append(draft.statement)
    return [pair for pair in by_question.values() if len(pair[1]) <= _MOST_EVIDENCE]


def _in_both_languages(
    taken: Sequence[Candidate],
) -> Iterator[Candidate]:
    """Now and then a definition is asked for by somebody who reads the other language."""
    seen = 0
    for draft, own in taken:
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


def _answerable(
    draft: Draft, own: Sequence[Statement], names: Mapping[str, DocumentName]
) -> Question:
    statement = draft.statement
    source = names[statement.document_id].source
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
        note="; ".join(filter(None, (draft.kind, source, place or statement.heading))),
    )


def _question(absent: Absent) -> Question:
    return Question(
        id=DRAFT,
        question=absent.question,
        language=absent.language,
        answerable=False,
        note=absent.why,
    )
