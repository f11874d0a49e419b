"""Our own question files: what is asked, and what the documents hold on it.

`eval/questions.schema.json` is the same as a JSON Schema; `eval/README.md` says it in words.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict

from citydip_rag.errors import EvaluationError, QuestionError
from citydip_rag.evaluation.lines import Mistakes, filled_lines, json_object, valid, wrong
from citydip_rag.questions import checked_question
from citydip_rag.schema import MAX_QUESTION_CHARACTERS, Frozen, Language, Turn

MAX_EVIDENCE_CHARACTERS: Final = 10_000
"""Longer ones name their place by document, start and end."""

_BRIEF: Final = 15
"""Characters of evidence: shorter ones are no sentence,"""
_FEW_WORDS: Final = 3
"""nor are those of fewer words."""

Text = Annotated[str, Field(pattern=r"\S")]
EvidenceText = Annotated[str, Field(pattern=r"\S", max_length=MAX_EVIDENCE_CHARACTERS)]
Fact = Text | Annotated[tuple[Text, ...], Field(min_length=1)]


class EvidenceSpan(Frozen):
    """Evidence by its place in a document's text, as `/ask` gives it with a citation."""

    document: Text = Field(description="The document's `source` or `document_id`.")
    start: Annotated[int, Field(ge=0, description="Its first character.")]
    end: Annotated[int, Field(ge=1, description="The character behind its last.")]

    @model_validator(mode="after")
    def _not_empty(self) -> EvidenceSpan:
        if self.start >= self.end:
            raise ValueError("end lies behind start")
        return self


Evidence = Annotated[
    Annotated[EvidenceText, Tag("text")] | Annotated[EvidenceSpan, Tag("span")],
    Discriminator(lambda value: "text" if isinstance(value, str) else "span"),
]

_WITH_ANSWER: Final[JsonDict] = {
    "if": {"properties": {"answerable": {"const": True}}},
    "then": {
        "anyOf": [
            {"required": ["evidence"], "properties": {"evidence": {"minItems": 1}}},
            {"required": ["place"], "properties": {"place": {"minLength": 1}}},
        ]
    },
    "else": {
        "properties": {
            "evidence": {"maxItems": 0},
            "place": {"maxLength": 0},
            "facts": {"maxItems": 0},
        }
    },
}


class Question(BaseModel):
    """A line of a question file. An answerable one has evidence or a place, others have neither."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", title="Question", json_schema_extra=_WITH_ANSWER
    )

    id: Text = Field(description="Unlike any other in its file. `draft-…`: not yet reviewed.")
    question: Annotated[str, Field(max_length=MAX_QUESTION_CHARACTERS)] = Field(
        pattern=r"\S", description="As a person would ask it."
    )
    language: Language = Field(description="Of the question, and so of the answer.")
    answerable: bool = Field(description="Whether the documents hold the answer.")
    evidence: tuple[Evidence, ...] = Field(
        default=(),
        description="Texts or spans of the documents, each of which alone carries the answer.",
    )
    place: str = Field(
        default="",
        description="Where the answer stands, as a citation names it without its page: `UU 11/2008,"
        " Pasal 28 ayat (1)`; in place of evidence, or beside it.",
    )
    page: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="The page it stands on."
    )
    facts: tuple[Fact, ...] = Field(
        default=(),
        description="What a complete answer says, each a short text or a list of ways to say it.",
    )
    history: tuple[Turn, ...] = Field(
        default=(), description="The conversation before the question, oldest turn first."
    )
    note: str = Field(default="", description="For whoever reviews the file; not used.")

    @field_validator("question")
    @classmethod
    def _can_be_asked(cls, question: str) -> str:
        try:
            checked_question(question)
        except QuestionError as error:
            raise ValueError(error.message.rstrip(".")) from error
        return question

    @model_validator(mode="after")
    def _evidence_fits(self) -> Question:
        has_evidence = bool(self.evidence or self.place)
        if self.answerable and not has_evidence:
            raise ValueError(
                f"question {self.id} is answerable and has no evidence: fill in `evidence` with an"
                " exact sentence of the document, or set `answerable` to false"
            )
        if has_evidence and not self.answerable:
            raise ValueError(
                f"question {self.id} is not answerable and has evidence: take it out, or set"
                " `answerable` to true"
            )
        if self.facts and not self.answerable:
            raise ValueError("an unanswerable question has no key facts")
        return self

    def json_line(self) -> str:
        """As a line of a question file."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        return json.dumps(content, ensure_ascii=False) + "\n"

    @property
    def has_brief_evidence(self) -> bool:
        """Whether a text of its evidence is so short that it stands where no answer does."""
        texts = [text for text in self.evidence if isinstance(text, str)]
        return any(len(t.strip()) < _BRIEF or len(t.split()) < _FEW_WORDS for t in texts)

    def alternatives(self) -> tuple[tuple[str, ...], ...]:
        """Its key facts, each as the ways to say it."""
        return tuple((fact,) if isinstance(fact, str) else fact for fact in self.facts)


@dataclass(frozen=True, slots=True)
class Entry:
    """A question, and the line it stands in."""

    question: Question
    path: Path
    line: int

    def wrong(self, what: str, remedy: str = "") -> EvaluationError:
        """What is wrong with it, by its file and line."""
        return wrong(self.path, self.line, f"question {self.question.id}: {what}", remedy)


def read_questions(path: Path) -> list[Entry]:
    """Read a question file, one JSON object a line.

    Raises:
        EvaluationError: names the lines that are wrong.
    """
    entries: list[Entry] = []
    seen: set[str] = set()
    mistakes = Mistakes()
    for number, line in filled_lines(path):
        with mistakes.noted():
            entry = Entry(_question(path, number, line, seen), path, number)
            entries.append(entry)
            seen.add(entry.question.id)
    mistakes.refuse()
    if not entries:
        raise EvaluationError(f"{path.name} holds no questions.")
    return entries


def _question(path: Path, number: int, line: str, seen: Container[str]) -> Question:
    question = valid(Question, path, number, json_object(path, number, line))
    if question.id in seen:
        raise wrong(path, number, f"id {question.id!r} is used twice")
    return question


def read_files(paths: Iterable[Path]) -> list[Entry]:
    """The questions of several files.

    Raises:
        EvaluationError: lines are wrong, or two files are called alike, so that their questions
            could not be told apart in a report.
    """
    listed = list(paths)
    for path in listed:
        if sum(other.name == path.name for other in listed) > 1:
            raise EvaluationError(
                f"{path.name} was given twice.", "Give each file once, under a name of its own."
            )
    return [entry for path in listed for entry in read_questions(path)]


def load_questions(path: Path) -> Sequence[Question]:
    """The questions of a file, without their lines; errors as of `read_questions`."""
    return [entry.question for entry in read_questions(path)]


def question_schema() -> dict[str, Any]:
    """A question file's line as a JSON Schema."""
    made = Question.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
