"""The exact verifier: a claim is supported if it is one of a passage's sentences, word for word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from citydip_rag.grounding.base import Support, Verifier
from citydip_rag.schema import Passage, Span


class VerbatimVerifier(Verifier):
    """Accepts quotations and nothing else; white space may differ, no other character may.

    A quotation is of whole sentences: cut out of one, "eligible for a grant" may have stood behind
    "nobody is". Only the sign that ends it may be absent.
    """

    def support(self, claim: str, evidence: Sequence[Passage]) -> Support:
        """1 with the exact span if the claim is a quotation, else 0."""
        words = claim.split()
        if not words:
            return Support(0.0)
        pattern = re.compile(r"\s+".join(map(re.escape, words)))
        for place, passage in enumerate(evidence):
            for span in _whole(pattern, passage):
                return Support(1.0, place, span)
        return Support(0.0)


def _whole(pattern: re.Pattern[str], passage: Passage) -> Iterator[Span]:
    """Where the words stand and are whole sentences."""
    starts = {sentence.start for sentence in passage.sentences}
    for match in pattern.finditer(passage.text):
        start, end = passage.start + match.start(), passage.start + match.end()
        if start not in starts:
            continue
        for sentence in passage.sentences:
            rest = passage.text[end - passage.start : sentence.end - passage.start]
            if sentence.end >= end and not rest.strip(" .!?:;\"'”’»)"):
                yield Span(start=start, end=sentence.end)
                break
