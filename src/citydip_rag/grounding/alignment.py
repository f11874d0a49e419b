"""The default verifier: token alignment, exact checks, and a small calibrated model.

A claim is as supported as its worst-aligned words, not as its average; and what alignment cannot
tell apart (another number, a name, a negation, exchanged roles) is checked in the text. Both need
no model but the embedder, and work across languages.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from citydip_rag.corpus.language import detect_language
from citydip_rag.embedding.base import Embedder, TokenVectors
from citydip_rag.embedding.projection import Projection, unit
from citydip_rag.grounding.base import Support, Verifier
from citydip_rag.grounding.comparing import (
    Compared,
    Side,
    compare,
    compared_anywhere,
    content_places,
)
from citydip_rag.grounding.exact import MAX_WORDS, linked
from citydip_rag.grounding.frames import without_frame
from citydip_rag.grounding.negation import negates
from citydip_rag.grounding.reasons import Reason
from citydip_rag.grounding.support import SupportModel, probability
from citydip_rag.grounding.units import TokensOf, Unit, best_units
from citydip_rag.grounding.verbatim import VerbatimVerifier
from citydip_rag.grounding.words import Word, words_of
from citydip_rag.index import Index
from citydip_rag.index.tokens import PassageTokens
from citydip_rag.schema import Passage

THRESHOLD: Final = 0.5
UNITS: Final = 6
"""Best-aligned units that are looked at closely."""
MAX_CLAIM: Final = 60
"""Words of a claim; a longer one is none that could be checked, unless it is a quotation."""
_CLAUSE_END: Final = re.compile(r"[.,;:!?()\n]")
_MISSING: Final = 0.5
"""Alignment below which a word is named as missing."""
_RUNS_AGAIN: Final = 2
"""Runs of three words that a sentence says again, from which it goes in circles; or"""
_LEAST_VARIED: Final = 0.65
"""of its words that name something, the share that are different, if there are"""
_ENOUGH_WORDS: Final = 8
_MAX_CHARACTERS: Final = 4_000
"""Of a claim; no sentence is longer, and no more fits into the model."""
_SUSPICIOUS: Final = 1_000
"""Characters from which a claim that could not be compared was cut by the model."""
_REMEMBERED: Final = 4096

logger = logging.getLogger(__name__)


_CLAUSE: Final = 0.9
"""Support of what is a clause of the evidence itself."""
_ENOUGH_FOR_A_CLAUSE: Final = 3
"""Words that name something."""
_CONTRARY: Final = frozenset({"negation", "negation_left_out", "opposite"})
"""Findings for which a sentence is not only no evidence, but evidence of the contrary."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A claim against one unit."""

    unit: Unit
    compared: Compared


class AlignmentVerifier(Verifier):
    """Verifies by token alignment and exact checks; safe to call from many threads."""

    def __init__(
        self,
        embedder: Embedder,
        projection: Projection,
        tokens_of: TokensOf,
        model: SupportModel | None = None,
    ) -> None:
        """Put it together; `for_index` and `for_texts` are the usual ways.

        Args:
            embedder: encodes the claim.
            projection: of token vectors, the one that the passages' have gone through.
            tokens_of: gives the passages' tokens.
            model: turns features into a probability; by default the one that is shipped.
        """
        self._embedder = embedder
        self._projection = projection
        self._tokens_of = tokens_of
        self._model = model or SupportModel.load()
        self._verbatim = VerbatimVerifier()
        if self._model.head != projection.fingerprint:
            logger.warning(
                "the verifier was calibrated for another model; run citydip calibrate grounding"
            )

    @classmethod
    def for_index(cls, embedder: Embedder, index: Index, model: SupportModel | None = None) -> Self:
        """A verifier of claims about an index' passages, whose token vectors are read from it."""

        @lru_cache(maxsize=_REMEMBERED)
        def number(document_id: str, identity: str) -> int | None:
            return index.store.number_of(document_id, identity)

        encode = _encoder(embedder, index.projection)

        def tokens_of(passage: Passage) -> PassageTokens:
            row = number(passage.document_id, passage.id)
            return encode(passage) if row is None else index.tokens[row]

        return cls(embedder, index.projection, tokens_of, model)

    @classmethod
    def for_texts(
        cls, embedder: Embedder, projection: Projection, model: SupportModel | None = None
    ) -> Self:
        """A verifier of claims about passages that no index holds; they are encoded."""
        return cls(embedder, projection, _encoder(embedder, projection), model)

    @property
    def head(self) -> str:
        """Fingerprint of the projection."""
        return self._projection.fingerprint

    def support(self, claim: str, evidence: Sequence[Passage]) -> Support:
        """Probability that the best sentence or two of the evidence bear the claim out."""
        quoted = self._verbatim.support(claim, evidence)
        if quoted.span is not None and not _denied(quoted, evidence):
            return quoted
        words = words_of(claim, MAX_CLAIM + 1)
        if len(claim) > _MAX_CHARACTERS or len(words) > MAX_CLAIM:
            return Support(0.0, reasons=(Reason("too_long"),))
        if _repeats(words):
            return Support(0.0, reasons=(Reason("repeats"),))
        examined = self.examine(claim, evidence)
        if not examined:
            kind = "too_long" if len(claim) > _SUSPICIOUS else "no_evidence"
            return Support(0.0, reasons=(Reason(kind),))
        values = [item.compared.values for item in examined]
        logit, place = self._model.best(values)
        best = examined[place]
        score = probability(logit)
        if score < THRESHOLD:
            if said := next((item for item in examined if _is_clause_of(item.compared)), None):
                return Support(_CLAUSE, said.unit.number, said.unit.span)
            reasons = tuple(_reasons(examined[self._model.nearest(values)].compared))
            return Support(score, best.unit.number, best.unit.span, reasons)
        if denying := self._denying(examined, best):
            reasons = tuple(_reasons(denying.compared))
            low = min(self._chance(denying), 1 - score)
            return Support(low, denying.unit.number, denying.unit.span, reasons)
        unit = self._narrowest(examined, best.unit)
        return Support(score, unit.number, unit.span)

    def _denying(self, examined: Sequence[Examined], best: Examined) -> Examined | None:
        """What says the contrary in more of the claim's own words than the best evidence has."""
        shared = _shared(best)
        return next(
            (
                item
                for item in sorted(examined, key=_shared, reverse=True)
                if _shared(item) > shared
                and self._chance(item) < THRESHOLD
                and any(finding.kind in _CONTRARY for finding in item.compared.findings)
            ),
            None,
        )

    def _chance(self, item: Examined) -> float:
        return probability(self._model.best([item.compared.values])[0])

    def _narrowest(self, examined: Sequence[Examined], best: Unit) -> Unit:
        """The sentence of a pair that alone bears the claim out, if one does."""
        within = [
            (self._model.best([item.compared.values])[0], item.unit)
            for item in examined
            if item.unit.number == best.number
            and best.span.start <= item.unit.span.start
            and item.unit.span.end <= best.span.end
            and item.unit.span != best.span
        ]
        logit, unit = max(within, key=lambda found: found[0], default=(-1.0, best))
        return unit if probability(logit) >= THRESHOLD else best

    def examine(self, claim: str, evidence: Sequence[Passage]) -> list[Examined]:
        """The claim against the units it aligns with best; none if it cannot be read."""
        claim = without_frame(claim)
        words = words_of(claim, MAX_WORDS)
        if not words or not evidence or any(map(str.isalnum, claim[words[-1].end :])):
            return []
        tokens = self._embedder.embed_queries([claim])[0].tokens
        side = Side.of(words, self._projection.apply(tokens.vectors), tokens.offsets)
        if not side.whole:  # the model did not see all of it
            return []
        language = detect_language(claim)
        context: dict[int, tuple[Word, ...]] = {}
        anywhere: dict[int, dict[str, float]] = {}
        found = []
        for piece in best_units(side.vectors, evidence, self._tokens_of, UNITS):
            passage = piece.passage
            if piece.number not in context:
                context[piece.number] = words_of(f"{passage.heading}\n{passage.text}", MAX_WORDS)
                anywhere[piece.number] = compared_anywhere(side, piece.around)
            pair = linked(words, piece.text, context[piece.number])
            other = Side.of(pair.evidence, piece.tokens, piece.offsets)
            cross = passage.language != language.value
            found.append(
                Examined(piece, compare(side, other, pair, anywhere[piece.number], cross=cross))
            )
        return found


def _shared(item: Examined) -> int:
    """How many of a claim's words that name something its evidence has itself."""
    pair = item.compared.pair
    return sum(pair.links[place].strength == 1 for place in content_places(pair.claim))


def _is_clause_of(compared: Compared) -> bool:
    """Whether a claim is the beginning of a clause of the evidence, but for small words.

    Nothing may speak against it either: neither a negation nor a condition that is left out.
    """
    pair = compared.pair
    content = content_places(pair.claim)
    if compared.findings or len(content) < _ENOUGH_FOR_A_CLAUSE:
        return False
    links = [pair.links[place] for place in content]
    places = [link.place for link in links]
    if any(link.strength < 1 for link in links) or places != sorted(set(places)):
        return False
    within = pair.evidence[places[0] : places[-1] + 1]
    before = pair.evidence[: places[0]]
    opens = not any(w.clause == within[0].clause and not w.functional for w in before)
    same = within[0].sentence == within[-1].sentence
    return opens and same and sum(not word.functional for word in within) == len(content)


def _repeats(words: Sequence[Word]) -> bool:
    """Whether a sentence goes in circles, as those of failing models do; quotations may."""
    stems = [word.stem for word in words]
    runs = list(zip(stems, stems[1:], stems[2:], strict=False))
    content = [words[place].stem for place in content_places(words)]
    varied = len(set(content)) / max(1, len(content))
    circles = len(content) >= _ENOUGH_WORDS and varied < _LEAST_VARIED
    return circles or len(runs) - len(set(runs)) >= _RUNS_AGAIN


def _denied(quoted: Support, evidence: Sequence[Passage]) -> bool:
    """Whether a quotation begins behind the word that denies it."""
    if quoted.span is None or quoted.passage is None:
        return False
    passage = evidence[quoted.passage]
    start = quoted.span.start - passage.start
    before = words_of(_CLAUSE_END.split(passage.text[:start])[-1], MAX_WORDS)
    return any(map(negates, before))


def _encoder(embedder: Embedder, projection: Projection) -> TokensOf:
    """Encodes passages."""

    @lru_cache(maxsize=64)
    def encode(passage: Passage) -> PassageTokens:
        tokens = embedder.embed_passages([passage.text], [passage.lead])[0].tokens
        return as_indexed(projection, tokens)

    return encode


def as_indexed(projection: Projection, tokens: TokenVectors) -> PassageTokens:
    """Token vectors as an index would give them back."""
    return PassageTokens(unit(projection.compress(tokens.vectors)), tokens.offsets)


def _reasons(compared: Compared) -> list[Reason]:
    """What the checks found, and the words that nothing in the evidence is like."""
    reasons = [finding.reason for finding in compared.findings]
    told = {finding.place for finding in compared.findings}
    places = content_places(compared.pair.claim)
    worst = sorted(places, key=lambda place: float(compared.scores[place]))[:2]
    for place in worst:
        link = compared.pair.links[place]
        if place not in told and link.strength < 1 and compared.scores[place] < _MISSING:
            reasons.append(Reason("word", compared.pair.claim[place].text))
    return list(dict.fromkeys(reasons)) or [Reason("weak")]
