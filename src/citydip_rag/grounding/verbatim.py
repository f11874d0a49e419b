"""The exact verifier: a claim is supported if it stands in a passage, word for word."""

from __future__ import annotations

import re
from collections.abc import Sequence

from citydip_rag.grounding.base import Support, Verifier
from citydip_rag.schema import Passage, Span


class VerbatimVerifier(Verifier):
    """Accepts quotations and nothing else; white space may differ, no other character may."""

    def support(self, claim: str, evidence: Sequence[Passage]) -> Support:
        """1 with the exact span if the claim is a quotation, else 0."""
        words = claim.split()
        if not words:
            return Support(0.0)
        # "no" does not stand in "another": a quotation begins and ends where words do.
        left = r"(?<!\w)" if re.match(r"\w", words[0]) else ""
        right = r"(?!\w)" if re.search(r"\w\Z", words[-1]) else ""
        pattern = re.compile(left + r"\s+".join(map(re.escape, words)) + right)
        for place, passage in enumerate(evidence):
            match = pattern.search(passage.text)
            if match:
                span = Span(start=passage.start + match.start(), end=passage.start + match.end())
                return Support(1.0, place, span)
        return Support(0.0)
