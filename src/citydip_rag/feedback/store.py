"""Ratings and logged questions in the state database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, Final, Self

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from citydip_rag.feedback.nouns import Asked, Rated, Rating
from citydip_rag.feedback.receipts import Seal
from citydip_rag.settings import Settings
from citydip_rag.state import State, metadata

_AT_ONCE: Final = 500
"""Rows that are read or deleted in one go, so that nobody waits long for a turn."""

_key = Table(
    "receipt_key",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, nullable=False),
)
_ratings = Table(
    "feedback",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("day", Date, nullable=False, index=True),
    Column("rating", String(8), nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("comment", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("standalone", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("abstained", Boolean, nullable=False),
    Column("language", String(8), nullable=False),
    Column("citations", JSON, nullable=False),
    Column("generator", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("generation", Text, nullable=False),
    Column("policy", String(16), nullable=False),
)
_questions = Table(
    "question_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("day", Date, nullable=False, index=True),
    Column("question", Text, nullable=False),
    Column("standalone", Text, nullable=False),
    Column("language", String(8), nullable=False),
    Column("abstained", Boolean, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("generator", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("generation", Text, nullable=False),
    Column("timings_ms", JSON, nullable=False),
)
_INSERT: Final[dict[str, Callable[[Table], sqlite.Insert | postgresql.Insert]]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
"""Both know what to do where the row is there already, each in a dialect of its own."""


class Store:
    """What is kept; safe to use from many threads and processes. All of it blocks.

    Every method raises `StateError` where the database does not answer or cannot be written.
    """

    def __init__(self, state: State) -> None:
        """Use an opened database."""
        self._state = state
        self._insert = _INSERT[state.engine.dialect.name]

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the database that the settings name; raises as `State.open` does."""
        return cls(State.open(settings.state_address))

    def close(self) -> None:
        """Give its connections back."""
        self._state.close()

    def key(self) -> bytes:
        """The key that receipts are signed with; whoever comes first makes it."""
        wanted = select(_key.c.key)
        with self._state.begin() as connection:
            known: bytes | None = connection.execute(wanted).scalar()
            if known is not None:
                return known
            made = self._insert(_key).values(id=1, key=Seal.new_key())
            connection.execute(made.on_conflict_do_nothing())
            ours_or_theirs: bytes = connection.execute(wanted).scalar_one()
            return ours_or_theirs

    def rate(self, rated: Rated) -> None:
        """Keep a rating, in place of an earlier one of the same answer."""
        row = _row(rated)
        made = self._insert(_ratings).values(row)
        with self._state.begin() as connection:
            connection.execute(made.on_conflict_do_update(index_elements=["id"], set_=row))

    def take_back(self, identity: str) -> None:
        """Forget the rating of an answer, if there is one."""
        with self._state.begin() as connection:
            connection.execute(delete(_ratings).where(_ratings.c.id == identity))

    def ratings(self, rating: Rating | None = None) -> Iterator[Rated]:
        """The ratings, or those of one kind; the newest first."""
        wanted = select(_ratings).order_by(_ratings.c.day.desc(), _ratings.c.id)
        if rating is not None:
            wanted = wanted.where(_ratings.c.rating == rating.value)
        with self._state.begin() as connection:
            for row in connection.execute(wanted.execution_options(yield_per=_AT_ONCE)):
                yield Rated.model_validate(row._asdict())

    def log(self, asked: Sequence[Asked]) -> None:
        """Keep questions."""
        with self._state.begin() as connection:
            connection.execute(insert(_questions), [_row(one) for one in asked])

    def asked(self) -> Iterator[Asked]:
        """The logged questions, the newest first."""
        columns = [column for column in _questions.c if column.name != "id"]
        wanted = select(*columns).order_by(_questions.c.id.desc())
        with self._state.begin() as connection:
            for row in connection.execute(wanted.execution_options(yield_per=_AT_ONCE)):
                yield Asked.model_validate(row._asdict())

    def forget_ratings(self, before: date | None = None) -> int:
        """Delete the ratings from before a day, or all: how many."""
        return self._forget(_ratings, before)

    def forget_questions(self, before: date | None = None) -> int:
        """Delete the logged questions from before a day, or all: how many."""
        return self._forget(_questions, before)

    def _forget(self, table: Table, before: date | None) -> int:
        old = select(table.c.id)
        if before is not None:
            old = old.where(table.c.day < before)
        some = delete(table).where(table.c.id.in_(old.limit(_AT_ONCE)))
        forgotten, found = 0, _AT_ONCE
        while found == _AT_ONCE:
            with self._state.begin() as connection:
                if self._state.engine.dialect.name == "sqlite":  # which else only marks as free
                    connection.exec_driver_sql("pragma secure_delete = on")
                found = connection.execute(some).rowcount
            forgotten += found
        return forgotten


def _row(kept: Rated | Asked) -> dict[str, Any]:
    """As plain values; both databases have a type of their own for days."""
    return {**kept.model_dump(mode="json"), "day": kept.day}
