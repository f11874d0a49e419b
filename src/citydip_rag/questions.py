"""What is asked: questions cleaned, and follow-ups made to stand alone."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypedDict

from citydip_rag.corpus.signs import visible
from citydip_rag.embedding import Embedder
from citydip_rag.errors import GenerationError, QuestionError
from citydip_rag.generation import Generator
from citydip_rag.generation.earlier import item_named, known_sentences
from citydip_rag.generation.followups import (
    about,
    asks_for_more,
    is_standalone,
    language_asked_for,
    leeway,
    standalone,
    turn_language,
)
from citydip_rag.generation.leaning import Leaning, leaning
from citydip_rag.generation.rewrites import is_faithful
from citydip_rag.schema import MAX_QUESTION_CHARACTERS, Language, Policy, Turn
from citydip_rag.working import searching

logger = logging.getLogger(__name__)

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters, and halves of characters: no text has them."""


class Options(TypedDict, total=False):
    """How a question is to be answered; all of it may be left out.

    Attributes:
        language: of the answer's own words; by default the question's.
        top_k: passages to return, 1 to 20.
        documents: ids of the only documents to answer from.
        history: the conversation so far, oldest first; the last 10 turns are looked at.
        generator: one of `generators.names`; by default the settings'.
        policy: what becomes of unsupported sentences; by default the settings'.
    """

    language: Language | None
    top_k: int | None
    documents: Sequence[str] | None
    history: Sequence[Turn]
    generator: str | None
    policy: Policy | None


def without_controls(text: str) -> str:
    """The text with spaces for what no text holds and a terminal would obey."""
    return _CONTROL.sub(" ", text)


def checked_question(question: str) -> str:
    """The question without surrounding white space and control characters.

    Raises:
        QuestionError: it is blank or too long.
    """
    question = without_controls(question).strip()
    if not any(character.isalnum() for character in question):
        raise QuestionError("The question is empty.", "Ask in words, in Indonesian or English.")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise QuestionError(
            f"The question has {len(question):,} characters.",
            f"Shorten it to {MAX_QUESTION_CHARACTERS:,} at most.",
        )
    return question


@dataclass(frozen=True, slots=True)
class Understood:
    """What a question asks for in its conversation.

    Attributes:
        question: as asked; or the one that is to be answered again.
        alone: the same so that it can be understood alone.
        leaning: whether it is to be understood so.
        language: in which it is spoken.
        said: sentences shown before.
        leeway: how much less a sentence not shown before may answer; 0 where none is asked for.
        item: the sentence shown before of which it asks to hear more.
    """

    question: str
    alone: str
    leaning: Leaning = Leaning.ALONE
    language: Language = Language.INDONESIAN
    said: frozenset[str] = frozenset()
    leeway: float = 0.0
    item: str = ""


async def understood(
    question: str, turns: Sequence[Turn], generator: Generator, embedder: Embedder
) -> Understood:
    """A question as its conversation makes it to be understood: by the model, or else by rules."""
    spoken = turn_language(question, turns)
    if turns and (wanted := language_asked_for(question)):
        again = await understood(turns[-1].question, turns[:-1], generator, embedder)
        return replace(again, language=wanted)
    whole = not turns or is_standalone(question)
    leans = Leaning.ALONE if whole else leaning(question)
    if leans is Leaning.ALONE:
        return Understood(question, question, leans, spoken)
    item = item_named(question, turns)
    alone = about(question, item, spoken) if item else standalone(question, turns)
    rewritten = await _rewritten(question, turns, spoken, generator, embedder)
    if rewritten:
        alone, leans = rewritten, Leaning.ALONE if rewritten == question else Leaning.LEANS
    more = item if asks_for_more(question) else ""
    said = known_sentences(turns)
    return Understood(question, alone, leans, spoken, said, leeway(question), more)


async def _rewritten(
    question: str,
    turns: Sequence[Turn],
    language: Language,
    generator: Generator,
    embedder: Embedder,
) -> str | None:
    """What a model makes of a follow-up, if it can be trusted."""
    try:
        rewritten = await generator.rewrite(question, turns, language)
    except GenerationError as error:
        logger.warning("the question was not rewritten by the model: %s", error)
        return None
    if rewritten is None:
        return None
    rewritten = " ".join(visible(without_controls(rewritten)).split())
    faithful = await searching(is_faithful, rewritten, question, turns, embedder)
    return rewritten if faithful else None
