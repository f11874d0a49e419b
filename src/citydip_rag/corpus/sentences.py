"""Sentences with exact offsets, for Indonesian and English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

from citydip_rag.schema import Sentence

if TYPE_CHECKING:
    from nltk.tokenize.punkt import PunktSentenceTokenizer

ABBREVIATIONS: Final = frozenset(
    # Indonesian: titles, degrees, law, addresses, companies, references, money
    "a.l a.n al alm almh an ay bag bpk cq d.a d.h dgn dkk dll dr dra drs dsb dst fa gg h hal hj hlm"
    " ig ir jl jln jlh kab kec kel kep ket kgs km kol komp kpd ky lih lih.juga m.m m.si m.sc m.h"
    " m.hum m.pd m.kes m.t mayjen brigjen letjen jend ltd maks min mr ny no nn nom op.cit p.p per"
    " perum ph ph.d pp prof ps psl pt pd ptu r.a r.m rp rs s.d s.e s.h s.hum s.i.k s.ikom s.ip"
    " s.kom s.pd s.psi s.sos s.t s.tp sbb sda sdr sdri spd st tb tbk tg tgl th tn tsb tt u.b u.p"
    " ub up ust uu vol yg yth"
    # English
    " a.m approx apr art assn aug ave b.a b.sc ca capt cf ch co col corp dec dept ed eds e.g est"
    " etc et.al feb fig figs gen gov hon i.e inc jan jr jul jun lt m.a m.sc mar messrs mrs ms mt"
    " nov nos oct p p.m p.s para pp rep rev sec sen sep sept sr tel u.k u.n u.s u.s.a univ viz"
    " vs".split()
)
_CLOSING: Final = "\"'”’»)]"
_SOFT_LIMIT: Final = 1_200
"""Characters after which a run without a full stop is cut at a clause or a space."""
_HARD_LIMIT: Final = 1_400
"""Characters beyond which nothing is joined again."""
_CLAUSE: Final = re.compile(r"[;:,—–]\s|\s")
_SPACE: Final = re.compile(r"\s*")
_MARKER: Final = re.compile(r"\(?[0-9a-zA-Z]{1,3}[.)]|\W+")
_INITIALS: Final = re.compile(r"(?:^|\W)(?:[A-Z]\.){2,}$")


def sentence_spans(text: str, start: int, end: int) -> list[Sentence]:
    """Sentences of `text[start:end]`, as spans in the whole text.

    Together they cover everything but the white space between them. A run without sentence
    ends longer than 1,200 characters is cut, so that no sentence outgrows the embedder.
    """
    spans: list[Sentence] = []
    for first, last in _punkt().span_tokenize(text[start:end]):
        for left, right in _cut(text, start + first, start + last):
            spans.append(Sentence(start=left, end=right))
    return _joined(text, spans)


@cache
def _punkt() -> PunktSentenceTokenizer:
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    parameters = PunktParameters()
    parameters.abbrev_types = set(ABBREVIATIONS)
    return PunktSentenceTokenizer(parameters)


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    start = _after_space(text, start, end)
    while end - start > _SOFT_LIMIT:
        stops = [
            m.end() for m in _CLAUSE.finditer(text, start + _SOFT_LIMIT // 2, start + _SOFT_LIMIT)
        ]
        stop = stops[-1] if stops else start + _SOFT_LIMIT
        yield start, start + len(text[start:stop].rstrip())
        start = _after_space(text, stop, end)
    if start < end:
        yield start, end


def _after_space(text: str, start: int, end: int) -> int:
    space = _SPACE.match(text, start, end)
    return space.end() if space else start


def _joined(text: str, spans: list[Sentence]) -> list[Sentence]:
    """Give back to a sentence the closing quotes that the splitter put before the next one.

    A piece without a letter or figure (a lone number's dot, a bullet) joins its neighbour, and
    initials (B.J.) join the name they belong to.
    """
    joined: list[Sentence] = []
    for span in spans:
        piece = text[span.start : span.end]
        orphan = piece[0] in _CLOSING and len(piece.strip(_CLOSING + " .")) == 0
        previous = text[joined[-1].start : joined[-1].end] if joined else ""
        open_ended = _MARKER.fullmatch(previous) or _INITIALS.search(previous)
        short = bool(joined) and span.end - joined[-1].start <= _HARD_LIMIT
        if short and (orphan or open_ended):
            joined[-1] = Sentence(start=joined[-1].start, end=span.end)
        else:
            joined.append(span)
    return joined
