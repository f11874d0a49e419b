"""How well a claim's words find their like in a piece of evidence, as numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from citydip_rag.embedding.base import FloatArray, IntArray
from citydip_rag.grounding.exact import Finding, Link, Pair, exact_findings
from citydip_rag.grounding.lexicon import lexicon
from citydip_rag.grounding.logic import logic_findings
from citydip_rag.grounding.words import Word

KINDS: Final = (
    "number",
    "count",
    "ordinal",
    "unit",
    "date",
    "name",
    "name_elsewhere",
    "negation",
    "negation_left_out",
    "quantifier_all",
    "quantifier_only",
    "quantifier",
    "modality",
    "modality_left_out",
    "opposite",
    "role",
    "subject",
    "object",
    "bound",
    "rate",
    "relation",
    "cause",
    "choice",
    "binding",
    "another",
    "condition",
    "strange",
)
"""Of the exact checks' findings."""
DOUBTFUL: Final = frozenset({"modality_left_out", "condition", "cause", "object", "strange"})
"""Findings that lower a claim's support, and alone do not refute it."""
CONTRADICTING: Final = frozenset(KINDS) - DOUBTFUL - {"name_elsewhere", "ordinal"}
"""Findings with which a claim is hardly ever borne out, however well the rest aligns."""
FEATURES: Final = (
    "mean",
    "words",
    "worst",
    "second",
    "weak",
    "soft",
    "missed",
    "begins",
    "ends",
    "sure",
    "name_alignment",
    "back",
    "covered",
    "length",
    "cross",
    "novel",
    "novel_worst",
    "pooled",
    "pooled_around",
    "anywhere",
    "anywhere_weak",
    "anywhere_worst",
    *KINDS,
)
"""`words` to `sure` are of the claim's content words, `begins` and `ends` of the first and last,
`back` and `covered` of the evidence's tokens in the claim; `cross` says that the two are in
different languages. Within one language, `novel` is the share of words that the evidence lacks,
`novel_worst` how badly the worst of them aligns. `pooled` is the cosine of the two texts' mean
tokens; `pooled_around` and `anywhere` to `anywhere_worst` are of the whole passage, for a sentence
may draw together what stands apart in it."""
NAME_ALIGNED: Final = 0.75
"""Alignment from which a name counts as found in another spelling or language."""
_FOUND: Final = 0.5
_FUNCTIONAL_COST: Final = 0.3
"""By how much better a word that names something must be like one that does not."""
_MEANT: Final = 0.8
"""Strength of a link between words that the lexicon knows to mean the same."""
_STRANGE: Final = 0.4
"""Alignment below which a word that the evidence lacks is one too many."""
_SHARPNESS: Final = 8.0
_TINY: Final = 1e-9
_EDGE: Final = 3
"""Words at either end of a claim, where it says who and what."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of two texts, with its tokens.

    Attributes:
        words: of the text.
        vectors: (tokens, d) projected, rows of length 1.
        owner: (tokens,) place of the word each token belongs to, or -1.
    """

    words: tuple[Word, ...]
    vectors: FloatArray
    owner: npt.NDArray[np.int64]

    @property
    def whole(self) -> bool:
        """Whether the model saw a token of its last word."""
        return bool(len(self.words)) and len(self.words) - 1 in self.owner

    @classmethod
    def of(cls, words: tuple[Word, ...], vectors: FloatArray, offsets: IntArray) -> Self:
        """Give each token to the word it is a part of."""
        starts = np.array([word.start for word in words], dtype=np.int64)
        ends = np.array([word.end for word in words], dtype=np.int64)
        if not len(words) or not len(vectors):
            return cls(words, vectors, np.full(len(vectors), -1, dtype=np.int64))
        owner = np.searchsorted(starts, offsets[:, 1] - 1, side="right") - 1
        inside = (owner >= 0) & (offsets[:, 0] < ends[owner]) & (offsets[:, 1] > starts[owner])
        return cls(words, vectors, np.where(inside, owner, -1))


@dataclass(frozen=True, slots=True)
class Compared:
    """A claim against one piece of evidence.

    Attributes:
        pair: words, linked by stems and else by token alignment.
        scores: (claim words,) how well each word is found: its tokens' mean best cosine.
        values: features by name.
        findings: what speaks against the claim.
    """

    pair: Pair
    scores: FloatArray
    values: dict[str, float]
    findings: tuple[Finding, ...]


def compare(
    claim: Side, evidence: Side, pair: Pair, anywhere: Mapping[str, float], *, cross: bool
) -> Compared:
    """Features and findings.

    Args:
        claim: with its tokens.
        evidence: with its tokens.
        pair: their words, linked by stems.
        anywhere: what `compared_anywhere` gives for the passage that the evidence is from.
        cross: whether the two are in different languages.
    """
    similarity = claim.vectors @ evidence.vectors.T
    best = similarity.max(axis=1)
    scores = word_means(best, claim.owner, len(claim.words))
    pair = replace(pair, links=_linked(pair, similarity, claim, evidence, scores))
    findings = tuple(
        finding
        for finding in (*exact_findings(pair), *logic_findings(pair))
        if not finding.kind.startswith("name") or scores[finding.place] < NAME_ALIGNED
    )
    values = _values(pair, scores, best, similarity.max(axis=0))
    values["cross"] = float(cross)
    values |= anywhere
    values["pooled"] = _pooled(claim.vectors, evidence.vectors)
    values |= dict.fromkeys(("novel", "novel_worst"), 0.0)
    if not cross:
        content = content_places(pair.claim)
        novel = [float(scores[place]) for place in content if pair.links[place].strength < 1]
        values["novel"] = len(novel) / len(content)
        values["novel_worst"] = 1 - min(novel, default=1.0)
        findings = (*findings, *_strange(pair, scores, content))
    values |= dict.fromkeys(KINDS, 0.0)
    values |= {finding.kind: 1.0 for finding in findings}
    return Compared(pair, scores, values, findings)


def _strange(pair: Pair, scores: FloatArray, content: Sequence[int]) -> Iterator[Finding]:
    """A word that nothing in evidence of the same language is like."""
    place = min(content, key=lambda p: float(scores[p]))
    if pair.links[place].strength < 1 and scores[place] < _STRANGE:
        yield Finding("strange", pair.claim[place].text, place)


def word_means(best: FloatArray, owner: npt.NDArray[np.int64], count: int) -> FloatArray:
    """Mean of each word's tokens; 1 for a word the model saw no token of."""
    own = owner >= 0
    sums = np.bincount(owner[own], weights=best[own], minlength=count)
    counts = np.bincount(owner[own], minlength=count)
    means: FloatArray = np.where(counts, sums / np.maximum(counts, 1), 1.0).astype(np.float32)
    return means


def _linked(
    pair: Pair, similarity: FloatArray, claim: Side, evidence: Side, scores: FloatArray
) -> tuple[Link, ...]:
    """Words without their like by spelling are linked to what their tokens are closest to."""
    naming = np.array([not word.functional for word in evidence.words] + [False])
    named = np.where(naming[evidence.owner], similarity, similarity - _FUNCTIONAL_COST)
    back = similarity.argmax(axis=0)
    links = list(pair.links)
    peak = np.full(len(links), -2.0)
    for token, owner in enumerate(claim.owner):
        if owner < 0 or pair.links[owner].place >= 0:
            continue
        row = similarity[token] if claim.words[owner].functional else named[token]
        nearest = int(row.argmax())
        if row[nearest] <= peak[owner]:
            continue
        peak[owner] = row[nearest]
        place = int(evidence.owner[nearest])
        mutual = bool(claim.owner[back[nearest]] == owner)
        links[owner] = Link(place, float(scores[owner]), mutual)
    return tuple(_known(pair, links))


def _known(pair: Pair, links: Sequence[Link]) -> Iterator[Link]:
    """The links, and for a word of the lexicon without its like the one that means the same."""
    known = lexicon().exclusives
    for word, link in zip(pair.claim, links, strict=True):
        members = set(known.get(word.key, ()))
        places = [p for p, w in enumerate(pair.evidence) if members & set(known.get(w.key, ()))]
        if link.strength < 1 and members and places and link.place not in places:
            yield Link(places[0], max(link.strength, _MEANT), mutual=True)
        else:
            yield link


def content_places(words: Sequence[Word]) -> list[int]:
    """Places of the words that name something; of all words where none does."""
    places = [place for place, word in enumerate(words) if not word.functional]
    return places or list(range(len(words)))


def _values(pair: Pair, scores: FloatArray, best: FloatArray, back: FloatArray) -> dict[str, float]:
    content = content_places(pair.claim)
    found = np.sort(scores[content])
    names = [float(scores[place]) for place in content if pair.claim[place].is_name]
    return {
        "mean": float(best.mean()),
        "words": float(found.mean()),
        "worst": float(found[0]),
        "second": float(found[min(1, len(found) - 1)]),
        "weak": float(found[: max(1, len(found) // 4)].mean()),
        "soft": soft_minimum(found),
        "missed": float((found < _FOUND).mean()),
        "begins": float(scores[content[:_EDGE]].min()),
        "ends": float(scores[content[-_EDGE:]].min()),
        "sure": sum(pair.links[place].sure for place in content) / len(content),
        "name_alignment": min(names, default=1.0),
        "back": float(back.mean()),
        "covered": float((back > _FOUND).mean()),
        "length": float(np.log(len(content))),
    }


def compared_anywhere(claim: Side, around: FloatArray) -> dict[str, float]:
    """The features that all of a passage's sentences share.

    Args:
        claim: with its tokens.
        around: (tokens, d) of the passage.
    """
    best = (claim.vectors @ around.T).max(axis=1)
    words = word_means(best, claim.owner, len(claim.words))
    found = np.sort(words[content_places(claim.words)])
    return {
        "pooled_around": _pooled(claim.vectors, around),
        "anywhere": float(found.mean()),
        "anywhere_weak": float(found[: max(1, len(found) // 4)].mean()),
        "anywhere_worst": float(found[0]),
    }


def _pooled(one: FloatArray, other: FloatArray) -> float:
    """Cosine of two texts' mean tokens."""
    left, right = one.mean(axis=0), other.mean(axis=0)
    lengths = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float(left @ right) / max(lengths, _TINY)


def soft_minimum(values: FloatArray) -> float:
    """Smooth minimum, whatever the number of values."""
    exponents = -_SHARPNESS * values.astype(np.float64)
    peak = exponents.max()
    return float(-(peak + np.log(np.exp(exponents - peak).mean())) / _SHARPNESS)
