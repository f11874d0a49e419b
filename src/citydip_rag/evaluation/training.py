"""`citydip calibrate projection` and `evidence`: the two trained parts, from a SQuAD file.

The evidence head learns two things at once from questions with answer spans: which sentence holds
the answer, and that none does where the passages that hold it are taken away. Started as plain
alignment, it learns low-rank corrections of the token vectors and the weight of each question
token. What is stored blends it with the plain alignment it started from, which keeps it honest on
questions that look unlike the training data.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from citydip_rag.embedding import Embedder
from citydip_rag.embedding.base import FloatArray
from citydip_rag.embedding.projection import Projection, sample_tokens
from citydip_rag.engine import Engine
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.collection import cut_passages, engine_over
from citydip_rag.evaluation.datasets import SquadDataset, SquadQuestion
from citydip_rag.finding import Found
from citydip_rag.retrieval.alignment import sentence_starts
from citydip_rag.retrieval.base import Candidate
from citydip_rag.retrieval.evidence import (
    DENSE_CENTRE,
    DENSE_SCALE,
    PLAIN_WEIGHTS,
    SHARPNESS,
    EvidenceHead,
)
from citydip_rag.schema import Document, Passage
from citydip_rag.settings import Settings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

RANK = 48
HIDDEN = 32
EPOCHS = 2
BATCH = 16
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-2
PASSAGES = 6
"""Passages a training question is shown."""
TRAINED_SHARE = 0.75
"""Share of the trained features in the stored head, chosen on the article's dev questions."""
_PLAIN_SCALE = 1.5
"""Brings plain alignment to the spread of the trained logits."""

Progress = Callable[[int, int], None]
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Example:
    """A question with and without the passages that answer it; gold marks the true sentences."""

    query: FloatArray
    shown: list[Candidate]
    gold: list[bool]
    others: list[Candidate]


def fit_projection(dataset: SquadDataset, settings: Settings, embedder: Embedder) -> Projection:
    """Learn the token projection of a model from a data set's contexts."""
    _, passages = cut_passages(dataset.contexts, settings, embedder)
    encodings = embedder.embed_passages([passage.text for passage in passages])
    return Projection.fit(sample_tokens(encoding.tokens.vectors for encoding in encodings))


def train_head(
    dataset: SquadDataset,
    settings: Settings,
    embedder: Embedder,
    limit: int,
    progress: Progress | None = None,
) -> EvidenceHead:
    """Train the evidence head on every second question of a data set, at most `limit` of them.

    The others are left for calibrating the abstention.

    Raises:
        EvaluationError: there is no question to train on.
    """
    documents, passages = cut_passages(dataset.contexts, settings, embedder)
    questions = [question for question in dataset.questions[::2] if question.answerable]
    with engine_over(documents, passages, settings, embedder, progress) as engine:
        examples = [
            example
            for question in questions[:limit]
            if (example := _example(engine, question, documents, passages)) is not None
        ]
        if not examples:
            raise EvaluationError(
                f"{dataset.name} has no question to train on.",
                "Give a SQuAD file with answerable questions on several contexts.",
            )
        return _train(examples, engine.index.manifest.token_dimension, progress)


def _example(
    engine: Engine,
    question: SquadQuestion,
    documents: Sequence[Document],
    passages: Sequence[Passage],
) -> _Example | None:
    text, start = question.answers[0]
    context = documents[question.context].id
    holding = frozenset(p.id for p in passages if text.lower() in p.text.lower())
    holding |= frozenset(p.id for p in passages if p.document_id == context)
    found = engine.find(question.question)
    others = engine.find(question.question, without=holding)
    gold = next(
        (
            c
            for c in found.candidates
            if c.passage.document_id == context and c.passage.start <= start < c.passage.end
        ),
        None,
    )
    rest = [c for c in _usable(found) if c is not gold][: PASSAGES - 1]
    if gold is None or gold not in _usable(found) or not _usable(others):
        return None
    marks = [span.start <= start < span.end for span in gold.passage.sentences]
    if not any(marks):
        return None
    return _Example(found.query.tokens, [gold, *rest], marks, _usable(others)[:PASSAGES])


def _usable(found: Found) -> list[Candidate]:
    """Candidates in which the model saw tokens of every sentence."""
    usable = []
    for candidate in found.candidates:
        if candidate.tokens is None or len(candidate.tokens.offsets) == 0:
            continue
        bounds = np.append(
            sentence_starts(candidate.tokens, candidate.passage), len(candidate.tokens.offsets)
        )
        if bounds[0] == 0 and (np.diff(bounds) > 0).all():
            usable.append(candidate)
    return usable


def _train(examples: Sequence[_Example], dimension: int, progress: Progress | None) -> EvidenceHead:
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

    torch.manual_seed(0)
    order = np.random.default_rng(0)
    module = _module(dimension)
    output = list(module.output.parameters())
    body = [p for name, p in module.named_parameters() if not name.startswith("output")]
    groups: list[dict[str, Any]] = [
        {"params": body},
        {"params": output, "lr": 5 * LEARNING_RATE, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups,
        lr=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
    )
    one, zero = torch.tensor(1.0), torch.tensor(0.0)
    done = 0
    for _ in range(EPOCHS):
        shuffled = order.permutation(len(examples))
        for first in range(0, len(shuffled), BATCH):
            batch = [examples[i] for i in shuffled[first : first + BATCH]]
            losses = []
            for example in batch:
                query = torch.from_numpy(example.query)
                shown = module(query, example.shown)
                gold = shown[0][torch.tensor(example.gold)]
                none = torch.cat(module(query, example.others)).max()
                choice = torch.logsumexp(torch.cat(shown), 0) - torch.logsumexp(gold, 0)
                losses.append(
                    cross_entropy(gold.max(), one) + cross_entropy(none, zero) + 0.5 * choice
                )
            loss = torch.stack(losses).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            done += len(batch)
            if progress is not None:
                progress(done, EPOCHS * len(examples))
    return _blended(module)


def _module(dimension: int) -> Any:
    import torch
    from torch import nn
    from torch.nn.functional import normalize, softplus

    class Head(nn.Module):
        """The trained half of `EvidenceHead`, differentiable."""

        def __init__(self) -> None:
            super().__init__()
            self.query_down = nn.Linear(dimension, RANK, bias=False)
            self.query_up = nn.Linear(RANK, dimension, bias=False)
            self.text_down = nn.Linear(dimension, RANK, bias=False)
            self.text_up = nn.Linear(RANK, dimension, bias=False)
            self.hidden = nn.Linear(dimension, HIDDEN)
            self.gate = nn.Linear(HIDDEN, 1)
            self.output = nn.Linear(5, 1)
            for start in (self.query_up.weight, self.text_up.weight, self.gate.weight):
                nn.init.zeros_(start)
            nn.init.zeros_(self.gate.bias)
            with torch.no_grad():
                self.output.weight.copy_(torch.tensor([[*PLAIN_WEIGHTS, 2.0]]))
                self.output.bias.fill_(-6.0)

        def forward(self, query: Tensor, candidates: Sequence[Candidate]) -> list[Tensor]:
            weights = softplus(self.gate(torch.tanh(self.hidden(query)))[:, 0])
            weights = weights / weights.sum()
            turned = normalize(query + self.query_up(self.query_down(query)), dim=-1)
            return [self._logits(turned, weights, c) for c in candidates]

        def _logits(self, turned: Tensor, weights: Tensor, candidate: Candidate) -> Tensor:
            tokens = candidate.tokens
            assert tokens is not None  # noqa: S101  # `_usable` has looked
            raw = torch.from_numpy(tokens.vectors)
            texts = normalize(raw + self.text_up(self.text_down(raw)), dim=-1)
            bounds = np.append(sentence_starts(tokens, candidate.passage), len(raw))
            parts = torch.split(turned @ texts.T, np.diff(bounds).tolist(), dim=1)
            best = torch.stack([part.amax(1) for part in parts], 1)
            count = best.shape[1]
            around = torch.stack([best[:, max(0, i - 1) : i + 2].amax(1) for i in range(count)], 1)
            dense = (candidate.scores["dense"] - DENSE_CENTRE) * DENSE_SCALE
            values = torch.stack(
                [
                    weights @ best,
                    _soft_minimum(best, weights),
                    _soft_minimum(around, weights),
                    (weights @ best.amax(1)).expand(count),
                    torch.full((count,), dense),
                ],
                dim=-1,
            )
            result: Tensor = self.output(values)[:, 0]
            return result

    return Head()


def _soft_minimum(values: Tensor, weights: Tensor) -> Tensor:
    import torch

    return -torch.logsumexp(-SHARPNESS * values + torch.log(weights + 1e-6)[:, None], 0) / SHARPNESS


def _blended(module: torch.nn.Module) -> EvidenceHead:
    state = {name: value.detach().numpy() for name, value in module.state_dict().items()}
    trained, plain = TRAINED_SHARE, (1 - TRAINED_SHARE) * _PLAIN_SCALE
    weights = state["output.weight"][0]
    output = np.concatenate(
        [
            trained * weights[:4],
            plain * np.array(PLAIN_WEIGHTS),
            [trained * weights[4] + plain * 2.0],
        ]
    )
    return EvidenceHead(
        query_down=state["query_down.weight"],
        query_up=state["query_up.weight"],
        text_down=state["text_down.weight"],
        text_up=state["text_up.weight"],
        hidden=state["hidden.weight"],
        hidden_bias=state["hidden.bias"],
        gate=state["gate.weight"][0],
        gate_bias=state["gate.bias"],
        output=output.astype(np.float32),
        output_bias=(trained * state["output.bias"] - plain * 6.0).astype(np.float32),
    )
