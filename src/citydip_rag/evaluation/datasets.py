"""Reads the field's formats: BEIR folders, SQuAD 2.0 JSON, NLI JSON lines.

Every malformed entry is refused with its file and line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.lines import (
    filled_lines,
    json_fault,
    json_lines,
    read_text,
    valid,
    wrong,
)

Value = TypeVar("Value")
_MALFORMED: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What reading a file raises that is of another form."""
_GRADE: Final = re.compile(r"[+-]?[0-9]{1,9}(?:\.0)?")
_HIGHEST: Final = 1_000
"""Grade of a judgement: nobody tells more degrees apart."""


@dataclass(frozen=True, slots=True)
class BeirDataset:
    """A BEIR folder (Thakur et al. 2021).

    Attributes:
        corpus: id to (title, text).
        queries: id to text, those with judgements only.
        qrels: query id to the ids of relevant texts with their grades.
    """

    name: str
    corpus: dict[str, tuple[str, str]]
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class SquadQuestion:
    """A question of a SQuAD file.

    Attributes:
        context: number of its context.
        answers: (text, start in the context) of each gold answer; empty if impossible.
    """

    id: str
    question: str
    context: int
    answers: tuple[tuple[str, int], ...]

    @property
    def answerable(self) -> bool:
        """Whether its context holds the answer."""
        return bool(self.answers)


@dataclass(frozen=True, slots=True)
class SquadDataset:
    """A SQuAD 2.0 file (Rajpurkar et al. 2018): distinct contexts, and questions on them."""

    name: str
    contexts: tuple[str, ...]
    questions: tuple[SquadQuestion, ...]


class NliPair(BaseModel):
    """A line of a file for natural language inference.

    Attributes:
        kind: what sort of claim it is, where the file says so.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    premise: str = Field(pattern=r"\S")
    hypothesis: str = Field(pattern=r"\S")
    label: Literal["entailment", "neutral", "contradiction"]
    kind: str = ""

    @property
    def entailed(self) -> bool:
        """Whether the premise bears the hypothesis out."""
        return self.label == "entailment"


def load_nli(path: Path) -> list[NliPair]:
    """Read a file of premises, hypotheses and labels, one JSON object a line.

    Raises:
        EvaluationError: names the first line that is wrong.
    """
    pairs = [valid(NliPair, path, number, entry) for number, entry in json_lines(path)]
    if not pairs:
        raise EvaluationError(f"{path.name} holds no pairs.")
    return pairs


def load_beir(folder: Path, split: str = "test") -> BeirDataset:
    """Read a BEIR folder.

    Raises:
        EvaluationError: a file is missing, or a line of it is wrong.
    """
    corpus = {
        identity: (str(entry.get("title") or ""), text)
        for identity, text, entry in _beir_lines(folder / "corpus.jsonl")
    }
    queries = {identity: text for identity, text, _ in _beir_lines(folder / "queries.jsonl")}
    qrels = _qrels(folder / "qrels" / f"{split}.tsv", queries, corpus)
    judged = {identity: text for identity, text in queries.items() if identity in qrels}
    if not judged:
        raise EvaluationError(f"{folder.name} holds no judged queries.")
    return BeirDataset(folder.name, corpus, judged, qrels)


def load_squad(path: Path) -> SquadDataset:
    """Read a SQuAD 1.1 or 2.0 file.

    Raises:
        EvaluationError: the file is not of this format, or an answer is not in its context.
    """
    contexts: dict[str, int] = {}
    questions: list[SquadQuestion] = []
    try:
        articles = _json(path)["data"]
        for paragraph in (p for article in articles for p in article["paragraphs"]):
            number = contexts.setdefault(_as(str, paragraph["context"]), len(contexts))
            questions += [
                _squad_question(path, paragraph["context"], number, entry)
                for entry in paragraph["qas"]
            ]
    except _MALFORMED as error:
        raise EvaluationError(f"{path.name} is not a SQuAD file: {error!r:.200}.") from error
    if not questions:
        raise EvaluationError(f"{path.name} holds no questions.")
    return SquadDataset(path.stem, tuple(contexts), tuple(questions))


def _json(path: Path) -> Any:
    """What a file holds."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        what = f"not valid JSON: {json_fault(error)}"
        raise EvaluationError(f"{path.name} is not a SQuAD file: {what}.") from error


def _as(kind: type[Value], value: Any) -> Value:
    """A value that must be of a kind; a number with a fraction is no place."""
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{value!r:.60} is no {kind.__name__}")
    return value


def _squad_question(path: Path, context: str, number: int, entry: Any) -> SquadQuestion:
    answers = tuple((_as(str, a["text"]), _as(int, a["answer_start"])) for a in entry["answers"])
    if entry.get("is_impossible"):
        answers = ()
    for text, start in answers:
        if not text.strip() or context[start : start + len(text)] != text:
            raise EvaluationError(
                f"{path.name}: question {entry['id']!r}: the answer {text!r} is not at"
                f" character {start} of its context."
            )
    return SquadQuestion(str(entry["id"]), _as(str, entry["question"]), number, answers)


def _beir_lines(path: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    seen: set[str] = set()
    for number, entry in json_lines(path):
        identity = _text(path, number, entry, "_id")
        if identity in seen:
            raise wrong(path, number, f"_id {identity!r} is used twice")
        seen.add(identity)
        yield identity, _text(path, number, entry, "text"), entry


def _qrels(
    path: Path, queries: Container[str], corpus: Container[str]
) -> dict[str, dict[str, int]]:
    """The judgements; the first line may be one, or say what the columns are."""
    qrels: dict[str, dict[str, int]] = {}
    for number, line in filled_lines(path):
        row = line.rstrip("\r").split("\t")
        if number == 1 and not _GRADE.fullmatch(row[-1].strip()):
            continue
        if len(row) != 3 or not _GRADE.fullmatch(row[2].strip()):
            raise wrong(path, number, "expected query, text and grade")
        query, text, grade = row[0], row[1], int(float(row[2]))
        if grade > _HIGHEST:
            raise wrong(path, number, f"the grade is above {_HIGHEST}")
        if query not in queries or text not in corpus:
            raise wrong(path, number, "names a query or a text that is not there")
        if grade > 0:
            qrels.setdefault(query, {})[text] = grade
    return qrels


def _text(path: Path, number: int, entry: dict[str, Any], field: str) -> str:
    value = entry.get(field)
    if not isinstance(value, str) or not value.strip():
        raise wrong(path, number, f"{field}: expected text")
    return value
