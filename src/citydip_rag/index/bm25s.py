"""The bm25s lexical index over Snowball stems of Indonesian and English."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from citydip_rag.embedding.base import FloatArray
from citydip_rag.index.base import Hits, IdArray, LexicalIndex

if TYPE_CHECKING:
    import Stemmer

K1: Final = 1.2
B: Final = 0.75
_WORD: Final = re.compile(r"\w+")
_TERMS: Final = "terms.json"
_IDS: Final = "ids.npy"


class Bm25sIndex(LexicalIndex):
    """BM25 as in Lucene (Robertson and Zaragoza 2009; Kamphuis et al. 2020), scored eagerly.

    A word is indexed under its Indonesian and its English stem, so that one index serves both
    languages and a document that mixes them.
    """

    def __init__(self) -> None:
        """An empty index."""
        self._ids: IdArray = np.zeros(0, dtype=np.int64)
        self._rows: dict[int, int] = {}
        self._saved: Path | None = None
        self._loaded_terms: list[list[str]] | None = []
        self._model: Any = None
        self._last: tuple[str, FloatArray] | None = None
        """What was computed last: a question is first searched for and then scored."""

    def __len__(self) -> int:
        """Number of texts."""
        return len(self._ids)

    def add(self, ids: IdArray, texts: Sequence[str]) -> None:
        """Add texts; BM25's statistics are computed anew."""
        if any(int(i) in self._rows for i in ids) or len(set(ids.tolist())) != len(ids):
            raise ValueError("an id is already used")
        self._build(self._terms() + [terms(text) for text in texts])
        self._set_ids(np.concatenate([self._ids, np.asarray(ids, dtype=np.int64)]))

    def remove(self, ids: IdArray) -> None:
        """Remove texts; BM25's statistics are computed anew."""
        keep = ~np.isin(self._ids, ids)
        self._build([row for row, kept in zip(self._terms(), keep, strict=True) if kept])
        self._set_ids(self._ids[keep])

    def search(self, query: str, limit: int, allowed: IdArray | None = None) -> Hits:
        """The texts that cover most of the query."""
        coverage = self._coverage(query)
        if allowed is not None:
            mask = np.isin(self._ids, allowed)
            coverage = np.where(mask, coverage, 0.0)
        limit = min(limit, len(coverage))
        if limit == 0:
            return Hits(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))
        best = np.argpartition(-coverage, limit - 1)[:limit]
        best = best[np.lexsort((best, -coverage[best]))]
        best = best[coverage[best] > 0]
        return Hits(self._ids[best], coverage[best])

    def score(self, query: str, ids: IdArray) -> FloatArray:
        """Coverage of the query by each id."""
        rows = [self._rows[int(i)] for i in ids]
        return self._coverage(query)[rows]

    def save(self, folder: Path) -> None:
        """Write bm25s' own files, and the ids and terms beside them."""
        if self._model is not None:
            self._model.save(str(folder), show_progress=False)
        np.save(folder / _IDS, self._ids)
        content = json.dumps(self._terms(), ensure_ascii=False)
        (folder / _TERMS).write_text(content, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        loaded = cls()
        loaded._set_ids(np.load(folder / _IDS, allow_pickle=False))
        loaded._saved, loaded._loaded_terms = folder, None
        if (folder / "params.index.json").is_file():
            loaded._model = _library().BM25.load(str(folder), load_corpus=False, mmap=True)
        return loaded

    def _terms(self) -> list[list[str]]:
        """Each text's terms; after a load they are read only when the index is changed."""
        if self._loaded_terms is None and self._saved is not None:
            self._loaded_terms = json.loads((self._saved / _TERMS).read_text(encoding="utf-8"))
        return self._loaded_terms or []

    def _build(self, texts: list[list[str]]) -> None:
        self._loaded_terms = texts
        self._model = None
        if any(texts):
            self._model = _library().BM25(k1=K1, b=B, method="lucene")
            self._model.index(texts, show_progress=False)

    def _coverage(self, query: str) -> FloatArray:
        """(n,) float32 in [0, 1]: BM25 over the sum of the query terms' idf."""
        last = self._last
        if last is None or last[0] != query:
            last = self._last = (query, self._computed(query))
        return last[1]

    def _computed(self, query: str) -> FloatArray:
        wanted = list(dict.fromkeys(terms(query)))
        if self._model is None or not wanted:
            return np.zeros(len(self), dtype=np.float32)
        vocabulary = self._model.vocab_dict
        known = [vocabulary[term] for term in wanted if term in vocabulary]
        attainable = sum(self._idf(column) for column in known)
        attainable += (len(wanted) - len(known)) * idf(len(self), 0)
        if not known:
            return np.zeros(len(self), dtype=np.float32)
        scores: FloatArray = self._model.get_scores_from_ids(known)
        return np.asarray(scores / attainable, dtype=np.float32)

    def _idf(self, column: int) -> float:
        bounds = self._model.scores["indptr"]
        return idf(len(self), int(bounds[column + 1] - bounds[column]))

    def _set_ids(self, ids: IdArray) -> None:
        self._ids = ids
        self._last = None
        self._rows = {int(i): row for row, i in enumerate(ids)}


def _library() -> Any:
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # importing it sets DEBUG
    return bm25s


def words(text: str) -> list[str]:
    """A text's words in small letters, in order."""
    return _WORD.findall(text.lower())


def terms(text: str) -> list[str]:
    """The stems of a text's words, in order."""
    return [_stem(word) for word in words(text)]


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    indonesian, english = _stemmers()
    stem = str(indonesian.stemWord(word))
    return stem if stem != word else str(english.stemWord(word))


@lru_cache(maxsize=1)
def _stemmers() -> tuple[Stemmer.Stemmer, Stemmer.Stemmer]:
    import Stemmer

    return Stemmer.Stemmer("indonesian"), Stemmer.Stemmer("english")


def idf(texts: int, containing: int) -> float:
    """Worth of a term that so many of the texts contain."""
    return float(np.log(1 + (texts - containing + 0.5) / (containing + 0.5)))
