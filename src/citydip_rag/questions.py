"""What is asked: questions cleaned, and follow-ups made to stand alone."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Final, TypedDict

from citydip_rag.errors import GenerationError, QuestionError
from citydip_rag.generation import Generator
from citydip_rag.generation.followups import leans_on_earlier, standalone
from citydip_rag.schema import MAX_QUESTION_CHARACTERS, Language, Policy, Turn

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


async def standalone_question(
    question: str, turns: Sequence[Turn], language: Language, generator: Generator
) -> str:
    """A follow-up as a question that stands alone: by the model, or else by rules."""
    if not turns or not leans_on_earlier(question):
        return question
    try:
        rewritten = await generator.rewrite(question, turns, language)
    except GenerationError as error:
        logger.warning("the question was not rewritten by the model: %s", error)
        rewritten = None
    return rewritten or standalone(question, turns)
