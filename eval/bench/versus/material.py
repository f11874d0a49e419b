"""What is indexed and asked: the same for every system."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from citydip_rag.corpus.sentences import sentence_spans
from citydip_rag.evaluation.datasets import load_beir, load_squad
from versus.adapters.base import Passage

SENTENCES = 4
"""In a passage that is put together from others' sentences."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A BEIR folder."""

    name: str
    passages: Sequence[Passage]
    queries: dict[str, str]
    qrels: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Material:
    """Texts and questions to measure speed with.

    Attributes:
        texts: real ones, all different.
        questions: real ones, each asked once at most for a figure.
        answerable: questions of which each is about the text of that number.
    """

    texts: Sequence[str]
    questions: Sequence[str]
    answerable: Sequence[tuple[str, int]]

    def passages(self, size: int) -> list[Passage]:
        """So many passages: the real ones, then real sentences in new company."""
        real = self.texts[:size]
        made = composed(self.texts, size - len(real))
        if len(real) < size:
            logger.info("%d of %d passages are put together from others", size - len(real), size)
        return [Passage(f"p{n}", text) for n, text in enumerate([*real, *made])]


def read_dataset(folder: Path, limit: int | None = None) -> Dataset:
    """A BEIR folder; with a limit, so many queries and the passages that they are judged on."""
    beir = load_beir(folder)
    queries = dict(list(beir.queries.items())[:limit])
    qrels = {query: beir.qrels[query] for query in queries}
    judged = {text for grades in qrels.values() for text in grades}
    passages = [
        Passage(identity, f"{title}\n{text}" if title else text)
        for identity, (title, text) in beir.corpus.items()
        if limit is None or identity in judged
    ]
    return Dataset(beir.name, passages, queries, qrels)


def read_material(squad: Sequence[Path], datasets: Sequence[Dataset], article: Path) -> Material:
    """Contexts and questions of SQuAD files, then BEIR passages; else an article's paragraphs."""
    texts: dict[str, int] = {}
    answerable = []
    for path in squad:
        data = load_squad(path)
        for context in data.contexts:
            texts.setdefault(context, len(texts))
        answerable += [(q.question, texts[data.contexts[q.context]]) for q in data.questions]
    for dataset in datasets:
        for passage in dataset.passages:
            texts.setdefault(passage.text, len(texts))
    questions = [question for question, _ in answerable]
    questions += [query for dataset in datasets for query in dataset.queries.values()]
    if not texts:
        lines = article.read_text("utf-8").splitlines()
        texts = {line: n for n, line in enumerate(dict.fromkeys(x for x in lines if len(x) > 200))}
    if not questions:
        questions = [text[: text.find(" ", 60)] for text in texts]
    return Material(list(texts), list(dict.fromkeys(questions)), answerable)


def composed(texts: Sequence[str], count: int) -> Iterator[str]:
    """So many different texts of real sentences, each with a number of its own."""
    if count <= 0:
        return
    sentences = [
        text[s.start : s.end] for text in texts for s in sentence_spans(text, 0, len(text))
    ]
    random = np.random.default_rng(0)
    for number in range(count):
        chosen = random.choice(len(sentences), SENTENCES)
        yield " ".join(sentences[i] for i in chosen) + f" Nomor {number}."


def write_passages(passages: Sequence[Passage], path: Path) -> Path:
    """The file that a worker reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(passage._asdict(), ensure_ascii=False) for passage in passages]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
