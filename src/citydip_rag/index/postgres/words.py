"""Words in PostgreSQL's text search: candidates by its index, BM25 computed from what it counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

import numpy as np
from psycopg import Connection

from citydip_rag.embedding.base import FloatArray
from citydip_rag.index import bm25s
from citydip_rag.index.base import Hits, IdArray, LexicalIndex
from citydip_rag.index.postgres.database import Row, Rows
from citydip_rag.index.postgres.migrations import FOREVER
from citydip_rag.index.postgres.passages import VALID
from citydip_rag.index.postgres.vectors import end, refuse_used

CANDIDATES: Final = 3_000
"""Texts looked at for a query, as far as its rarest word alone does not bring more."""
_RANKING: Final = 12
"""Words of a query, its rarest, by which those are ordered before the best are scored exactly."""
_SCORED: Final = 4
"""Times as many are scored exactly as are asked for."""
_LONGEST: Final = 100
"""Characters of a word that count; the rest of a longer one is not looked at."""
_WORDS_AT_ONCE: Final = 5_000
_MOST_PLACES: Final = 255
"""Of one word in one text: PostgreSQL counts no further."""
_LAST_PLACE: Final = 16_383
_RANKS: Final = np.cumsum(1 / np.arange(1, _MOST_PLACES + 1) ** 2) / 1.64493406685
"""`ts_rank` of one word in a text that has it once, twice, …, with weights of one: PostgreSQL sums
over its places, which tells how often it stands there."""
_BOUNDS: Final = np.concatenate([_RANKS[:1] / 2, (_RANKS[1:] + _RANKS[:-1]) / 2])


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a query's words are worth.

    Attributes:
        terms: those that some text holds, what should be looked for first coming first.
        worth: (terms,) their inverse document frequencies.
        attainable: the score of a text that had all words without end.
        seeds: the terms whose texts are candidates.
    """

    terms: Sequence[str]
    worth: FloatArray
    attainable: float
    seeds: Sequence[str]


class PostgresWords(LexicalIndex):
    """BM25 as in Lucene over the stems of the configurations `indonesian` and `english`.

    A word counts under its Indonesian stem, or, where that is the word itself, under its English
    one, as in `Bm25sIndex`. Words of our stop list count too, but are looked for last.
    """

    def __init__(self, database: Rows, generation: int) -> None:
        """See one generation.

        Args:
            database: where it is.
            generation: its id.
        """
        self._database = database
        self._generation = generation
        self._size: tuple[int, int] | None = None
        self._asked = lru_cache(maxsize=256)(_Asking(database, generation))

    def __len__(self) -> int:
        """Number of texts."""
        return self._sizes()[0]

    def add(self, ids: IdArray, texts: Sequence[str], documents: Sequence[str] = ()) -> None:
        """Add texts; `documents`, one each, say which partition they go to."""
        refuse_used(self._database, "words", ids)
        owners = documents or [""] * len(ids)
        self._database.run(lambda c: self._copy(c, ids, texts, owners))
        self._count(ids, 1)

    def remove(self, ids: IdArray) -> None:
        """End the texts' validity with the generation before this one."""
        self._count(ids, -1)
        end(self._database, "words", self._generation, ids)

    def search(self, query: str, limit: int, allowed: IdArray | None = None) -> Hits:
        """The texts that cover most of the query, among those that hold its rarer words."""
        asked = self._weighed(query)
        if not asked.terms:
            return Hits(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))
        within = "" if allowed is None else "and number = any(%(allowed)s::bigint[])"
        leading = range(min(_RANKING, len(asked.terms)))
        order = " + ".join(f"(terms @@ %(t{i})s::tsquery)::int * %(w{i})s::float8" for i in leading)
        rows = self._rows(
            f"with found as (select number, length, terms from citydip.words where {VALID} {within}"
            f" and terms @@ %(seeds)s::tsquery order by ({order}) / ({self._norm()}) desc, number"
            f" limit {int(limit) * _SCORED}) select number, length, {_ranks(asked)} from found",
            asked,
            seeds=" | ".join(map(_quoted, asked.seeds)),
            allowed=None if allowed is None else allowed.tolist(),
        )
        numbers = np.array([row[0] for row in rows], dtype=np.int64)
        coverage = self._coverage(asked, rows)
        best = np.lexsort((numbers, -coverage))[: max(limit, 0)]
        return Hits(numbers[best], coverage[best])

    def score(self, query: str, ids: IdArray) -> FloatArray:
        """Coverage of the query by each id."""
        asked = self._weighed(query)
        rows = self._rows(
            f"select number, length, {_ranks(asked)} from citydip.words"
            f" where {VALID} and number = any(%(ids)s::bigint[])",
            asked,
            ids=ids.tolist(),
        )
        found = dict(zip((row[0] for row in rows), self._coverage(asked, rows), strict=True))
        return np.array([found[int(i)] for i in ids], dtype=np.float32)

    def _weighed(self, query: str) -> _Asked:
        return self._asked(tuple(dict.fromkeys(_words(query))), len(self))

    def _coverage(self, asked: _Asked, rows: Sequence[Row]) -> FloatArray:
        """(n,) in [0, 1], from lengths and ranks."""
        if not rows or not asked.terms:
            return np.zeros(len(rows), dtype=np.float32)
        times = np.searchsorted(_BOUNDS, np.array([row[2] for row in rows]), side="right")
        lengths = np.array([row[1] for row in rows])[:, None]
        scores = times / (times + bm25s.K1 * (1 - bm25s.B + bm25s.B * lengths / self._average()))
        return np.asarray(scores @ asked.worth / asked.attainable, dtype=np.float32)

    def _norm(self) -> str:
        """What a text's length makes of a word that it has once."""
        flat, slope = bm25s.K1 * (1 - bm25s.B), bm25s.K1 * bm25s.B / self._average()
        return f"{1 + flat:.6f} + length * {slope:.9f}"

    def _average(self) -> float:
        texts, length = self._sizes()
        return max(length / max(texts, 1), 1e-9)

    def _sizes(self) -> tuple[int, int]:
        """Number of texts, and of words in all of them."""
        if self._size is None:
            ((texts, length),) = self._database.rows(
                "select count(*), coalesce(sum(length), 0)::bigint from citydip.words"
                f" where {VALID}",
                {"generation": self._generation},
            )
            self._size = texts, length
        return self._size

    def _rows(self, statement: str, asked: _Asked, **values: object) -> list[Row]:
        bound: dict[str, object] = {"generation": self._generation}
        for i, (term, worth) in enumerate(zip(asked.terms, asked.worth.tolist(), strict=True)):
            bound[f"t{i}"], bound[f"w{i}"] = _quoted(term), worth
        return self._database.rows(statement, {**bound, **values})

    def _copy(
        self, connection: Connection, ids: IdArray, texts: Sequence[str], documents: Sequence[str]
    ) -> None:
        spoken = [_words(text) for text in texts]
        stems = _stems(connection, spoken)
        statement = (
            "copy citydip.words (number, document_id, since, until, length, terms) from stdin"
        )
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for number, document, words in zip(ids.tolist(), documents, spoken, strict=True):
                terms = _vector([stems[word] for word in words])
                copy.write_row((number, document, self._generation, FOREVER, len(words), terms))

    def _count(self, ids: IdArray, sign: int) -> None:
        """Count the texts of these ids in, or out, for each of their terms."""
        values = {"ids": ids.tolist(), "sign": sign, "generation": self._generation}
        self._database.execute(_COUNT, values)
        self._size = None
        self._asked.cache_clear()


_COUNT: Final = f"""
with changed as (
    select lexeme, %(sign)s::int * count(*) as more
    from citydip.words cross join unnest(terms)
    where number = any(%(ids)s::bigint[]) and until = {FOREVER} group by lexeme
), present as (
    select lexeme, coalesce(texts, 0) + more as texts
    from changed left join citydip.term on term = lexeme and until = {FOREVER}
), past as (
    update citydip.term set until = %(generation)s from changed
    where term = lexeme and until = {FOREVER} and since < %(generation)s
)
insert into citydip.term select lexeme, %(generation)s, {FOREVER}, texts from present
on conflict (term, since) do update set texts = excluded.texts
"""


@dataclass(frozen=True, slots=True)
class _Asking:
    """Looks up what words are worth in one generation."""

    database: Rows
    generation: int

    def __call__(self, words: tuple[str, ...], texts: int) -> _Asked:
        rows = self.database.rows(
            "select asked.term, coalesce(t.texts, 0) from (select distinct citydip.lexeme(word)"
            " as term from unnest(%(words)s::text[]) as word) as asked"
            " left join citydip.term as t on t.term = asked.term and t.since <= %(generation)s"
            " and t.until > %(generation)s",
            {"words": list(words), "generation": self.generation},
        )
        stops = _stop_terms()
        known = sorted((term in stops, count, term) for term, count in rows if count)
        worth = np.array([bm25s.idf(texts, count) for _, count, _ in known], dtype=np.float32)
        unknown = (len(rows) - len(known)) * bm25s.idf(texts, 0)
        reached = np.cumsum([count for _, count, _ in known])
        seeds = max(1, int((reached <= CANDIDATES).sum()))
        terms = [term for _, _, term in known]
        return _Asked(terms, worth, float(worth.sum()) + unknown, terms[:seeds])


def _stems(connection: Connection, spoken: Sequence[Sequence[str]]) -> dict[str, str]:
    """The stem of every word, as the server finds it."""
    words = list({word for text in spoken for word in text})
    stems: dict[str, str] = {}
    for start in range(0, len(words), _WORDS_AT_ONCE):
        stems |= connection.execute(
            "select word, citydip.lexeme(word) from unnest(%s::text[]) as word",
            [words[start : start + _WORDS_AT_ONCE]],
        ).fetchall()
    return stems


def _vector(terms: Sequence[str]) -> str:
    """Terms and their places as PostgreSQL reads a tsvector."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for place, term in enumerate(terms, 1):
        places[term].append(str(min(place, _LAST_PLACE)))
    return " ".join(f"{_quoted(term)}:{','.join(at)}" for term, at in places.items())


def _ranks(asked: _Asked) -> str:
    ranks = ", ".join(
        f"ts_rank('{{1,1,1,1}}', terms, %(t{i})s::tsquery)" for i in range(len(asked.terms))
    )
    return f"array[{ranks}]::real[]"


def _quoted(term: str) -> str:
    """A term as PostgreSQL reads it among operators and places."""
    doubled = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


def _words(text: str) -> list[str]:
    return [word[:_LONGEST] for word in bm25s.words(text.replace("\0", " "))]


@lru_cache(maxsize=1)
def _stop_terms() -> frozenset[str]:
    """Stems of the words that say nothing by themselves."""
    listed = files("citydip_rag.index.postgres") / "stop.txt"
    return frozenset(bm25s.terms(listed.read_text(encoding="utf-8")))
