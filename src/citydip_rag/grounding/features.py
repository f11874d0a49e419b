"""What speaks for and against the documents holding an answer, as numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from citydip_rag.corpus.language import FUNCTION_WORDS
from citydip_rag.embedding.base import FloatArray
from citydip_rag.retrieval.base import Candidate, Query
from citydip_rag.retrieval.evidence import Evidence
from citydip_rag.schema import Language

FEATURES: Final = (
    "logit",
    "alignment",
    "weak_alignment",
    "worst_word",
    "second_worst_word",
    "words_in_sentence",
    "name_alignment",
    "dense",
    "coverage",
    "time_missing",
    "quantity_missing",
    "name_missing",
    "question_length",
    "cross_language",
    "cross_language_logit",
)
_WORD: Final = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_ASKS_FIGURE_OF_TIME: Final = re.compile(
    r"\b((tahun|tanggal|abad|jam|pukul) (berapa|ke berapa|mana)"
    r"|(what|which) (year|date|day|month|century))\b",
    re.IGNORECASE,
)
_ASKS_WHEN: Final = re.compile(r"\b(kapan(kah)?|when)\b", re.IGNORECASE)
_ASKS_NUMBER: Final = re.compile(
    r"\b((pasal|ayat|nomor|bab|halaman|urutan|peringkat) (ke )?berapa"
    r"|berapa (persen|kali|harga|biaya)"
    r"|how (many times|old|tall|much)|(what|which) (article|section|percentage|number|share))\b",
    re.IGNORECASE,
)
_ASKS_HOW_MANY: Final = re.compile(
    r"\b(berapa(kah)?|how (many|long|often|big|large|far)|what (proportion|amount))\b",
    re.IGNORECASE,
)
_ASKS_NAME: Final = re.compile(
    r"\b(siapa(kah)?|di ?mana(kah)?|(negara|kota|pulau|provinsi|daerah|lembaga|organisasi"
    r"|perusahaan|universitas|tokoh|presiden|menteri|buku|film) (mana|apa)|who|whose|where"
    r"|(which|what) (\w+ )?(country|countries|city|cities|president|minister|mayor|person|people"
    r"|island|province|organi[sz]ation|company|university|scholars?|author|book|film|state|town"
    r"|place))\b",
    re.IGNORECASE,
)
_FIGURE: Final = re.compile(
    r"[0-9]|\b(januari|februari|maret|april|mei|juni|juli|agustus|september|oktober|november|desember"
    r"|january|february|june|july|august|october|december|abad|century)\b",
    re.IGNORECASE,
)
_TIME: Final = re.compile(
    r"\b(ketika|saat|sejak|setelah|sebelum|selama|when|since|during|after|before)\b", re.IGNORECASE
)
_QUANTITY: Final = re.compile(
    r"\b(nol|satu|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan|sepuluh|belasan|puluhan|ratusan"
    r"|ribuan|jutaan|seluruh|semua|setengah|one|two|three|four|five|six|seven|eight|nine|ten|dozens"
    r"|hundreds|thousands|millions|all|half)\b",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"(?<=[\w,;:)] )[\"“'‘(]?([A-Z][\w'’-]+)")


@dataclass(frozen=True, slots=True)
class _QuestionWord:
    """A word of the question that names something.

    Attributes:
        rows: its tokens, as rows of the query's token vectors.
        is_name: written like a name, a number or an acronym.
    """

    text: str
    rows: tuple[int, ...]
    is_name: bool


def features(
    query: Query,
    language: Language,
    candidates: Sequence[Candidate],
    evidence: Sequence[Evidence],
) -> dict[str, float]:
    """The numbers from which the decision to abstain is made, by the names in `FEATURES`.

    Args:
        query: the encoded question.
        language: of the question.
        candidates: passages found, best first, aligned with the question.
        evidence: their sentences, best first.
    """
    best = evidence[0]
    words = _content_words(query)
    aligned = [c.alignment for c in candidates if c.alignment is not None and c.alignment.size]
    anywhere = np.concatenate(aligned, axis=1).max(axis=1)
    found = sorted(_word_score(anywhere, word) for word in words)
    names = [_word_score(anywhere, word) for word in words if word.is_name]
    near = " ".join(item.text for item in evidence[:2])
    cross = float(best.candidate.passage.language != language.value)
    return {
        "logit": best.logit,
        "alignment": float(best.alignment.mean()),
        "weak_alignment": float(np.quantile(best.alignment, 0.2)),
        "worst_word": found[0],
        "second_worst_word": found[min(1, len(found) - 1)],
        "words_in_sentence": float(np.mean([_word_score(best.alignment, w) for w in words])),
        "name_alignment": min(names, default=1.0),
        "dense": max(c.scores.get("dense", 0.0) for c in candidates),
        "coverage": max(c.scores.get("words", 0.0) for c in candidates),
        "time_missing": float(_lacks_time(query.text, near)),
        "quantity_missing": float(_lacks_quantity(query.text, near)),
        "name_missing": float(_lacks_name(query.text, near)),
        "question_length": float(min(len(words), 12)),
        "cross_language": cross,
        "cross_language_logit": cross * best.logit,
    }


def _content_words(query: Query) -> list[_QuestionWord]:
    """The words that name something; all words where there is none."""
    starts = query.offsets[:, 0]
    words = []
    for match in _WORD.finditer(query.text):
        rows = np.flatnonzero((starts >= match.start()) & (starts < match.end()))
        if len(rows):
            text = match.group()
            name = _looks_like_name(text, opens=match.start() == _first_letter(query.text))
            words.append(_QuestionWord(text, tuple(rows.tolist()), name))
    functional = FUNCTION_WORDS[Language.INDONESIAN] | FUNCTION_WORDS[Language.ENGLISH]
    content = [word for word in words if word.text.lower() not in functional]
    every = _QuestionWord(query.text, tuple(range(len(query.tokens))), is_name=False)
    return content or words or [every]


def _looks_like_name(word: str, *, opens: bool) -> bool:
    if any(character.isdigit() for character in word):
        return True
    if word.isupper() and len(word) > 1:
        return True
    return word[0].isupper() and not opens


def _first_letter(text: str) -> int:
    return next((i for i, character in enumerate(text) if character.isalnum()), 0)


def _word_score(best: FloatArray, word: _QuestionWord) -> float:
    return float(best[list(word.rows)].mean())


def _lacks_time(question: str, near: str) -> bool:
    """A question for a time needs one in the sentences that would answer it."""
    if _ASKS_FIGURE_OF_TIME.search(question):
        return not _FIGURE.search(near)
    return bool(_ASKS_WHEN.search(question)) and not (_FIGURE.search(near) or _TIME.search(near))


def _lacks_quantity(question: str, near: str) -> bool:
    """Likewise a question for a number."""
    if _ASKS_NUMBER.search(question):
        return not _FIGURE.search(near)
    asks = _ASKS_HOW_MANY.search(question) and not _ASKS_FIGURE_OF_TIME.search(question)
    return bool(asks) and not (_FIGURE.search(near) or _QUANTITY.search(near))


def _lacks_name(question: str, near: str) -> bool:
    """A question for a person, a place or a body needs a name that the question does not give."""
    if not _ASKS_NAME.search(question):
        return False
    asked = question.lower()
    return not any(name.lower() not in asked for name in _NAME.findall(near))
