"""API keys: made, listed and revoked; of a key only its hash is kept.

A key is `cdk_<id>_<secret>`. The id finds its row; the secret is 256 random bits, so a single
SHA-256 keeps it as safe as a slow hash would: those make guessing dear, and there is nothing to
guess, while they would make every request dear.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Row,
    String,
    Table,
    insert,
    or_,
    select,
    update,
)

from citydip_rag.access.principals import Scope
from citydip_rag.errors import AccessKeyError
from citydip_rag.settings import Settings
from citydip_rag.state import State, metadata

LONGEST_KEY: Final = 256
"""Characters; a longer one is no key and is not even hashed."""
LONGEST_NAME: Final = 64
USE_IS_NOTED_EVERY: Final = 600
"""Seconds: when a key was last used is known to this."""
_SECRET_BYTES: Final = 32
_KEY: Final = re.compile(r"cdk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODYS: Final = "0" * 64

_keys = Table(
    "access_keys",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("name", String(LONGEST_NAME), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("revoked", BigInteger),
    Column("last_used", BigInteger),
)
Index(  # two keys may have one name only if all but one are revoked
    "access_keys_one_of_a_name",
    _keys.c.name,
    unique=True,
    sqlite_where=_keys.c.revoked.is_(None),
    postgresql_where=_keys.c.revoked.is_(None),
)


class Key(BaseModel):
    """A key as it is kept."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    digest: str = Field(exclude=True, repr=False)
    scopes: tuple[Scope, ...]
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None

    def why_over(self) -> str:
        """Why it is not taken any more, in a word; empty where it is."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= _now() else ""

    def is_use_due(self) -> bool:
        """Whether it is time to remember a use again: not every question is to write."""
        last = self.last_used
        return last is None or (_now() - last).total_seconds() >= USE_IS_NOTED_EVERY


class Keys:
    """The keys in a database."""

    def __init__(self, state: State) -> None:
        """Use an opened database."""
        self._state = state

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """The keys of a server with these settings.

        Raises:
            StateError: the database cannot be opened.
        """
        return cls(State.open(settings.state_address))

    def close(self) -> None:
        """Give the database's connections back."""
        self._state.close()

    def add(self, name: str, scopes: Iterable[Scope], days: int | None = None) -> str:
        """Make a key.

        Args:
            name: whose it is, or what for.
            scopes: what it opens.
            days: how long it is taken; None: until it is revoked.

        Returns:
            The key, which nobody can find out later.

        Raises:
            AccessKeyError: the name is taken or is none.
            StateError: the database does not answer.
        """
        name = _checked_name(name)
        identity, secret = secrets.token_hex(6), secrets.token_urlsafe(_SECRET_BYTES)
        now = _now()
        row = {
            "id": identity,
            "name": name,
            "digest": digest(secret),
            "scopes": " ".join(sorted(set(scopes))),
            "created": int(now.timestamp()),
            "expires": None if days is None else int((now + timedelta(days=days)).timestamp()),
        }
        with self._state.begin() as connection:
            taken = select(_keys.c.id).where(_keys.c.name == name, _keys.c.revoked.is_(None))
            if connection.execute(taken).first() is not None:
                raise AccessKeyError(
                    f"There is a key named {name!r} already.",
                    f"Choose another name, or revoke that one first: citydip keys revoke {name!r}",
                )
            connection.execute(insert(_keys).values(row))
        return f"cdk_{identity}_{secret}"

    def all(self) -> list[Key]:
        """Every key that was ever made, oldest first.

        Raises:
            StateError: the database does not answer.
        """
        with self._state.begin() as connection:
            return [_read(row) for row in connection.execute(select(_keys).order_by("created"))]

    def any(self) -> bool:
        """Whether a key was ever made, be it revoked by now.

        Raises:
            StateError: the database does not answer.
        """
        with self._state.begin() as connection:
            return connection.execute(select(_keys.c.id).limit(1)).first() is not None

    def find(self, identity: str) -> Key | None:
        """The key of an id.

        Raises:
            StateError: the database does not answer.
        """
        with self._state.begin() as connection:
            row = connection.execute(select(_keys).where(_keys.c.id == identity)).first()
            return None if row is None else _read(row)

    def revoke(self, named: str) -> Key:
        """Have a key of that name or id not taken any more.

        Raises:
            AccessKeyError: there is none.
            StateError: the database does not answer.
        """
        living = _keys.c.revoked.is_(None)
        with self._state.begin() as connection:
            found = select(_keys).where(or_(_keys.c.name == named, _keys.c.id == named), living)
            row = connection.execute(found).first()
            if row is None:
                raise AccessKeyError(
                    f"There is no key {named!r} to revoke.",
                    "See which there are: citydip keys list",
                )
            revoked = update(_keys).where(_keys.c.id == row.id)
            connection.execute(revoked.values(revoked=int(_now().timestamp())))
            return _read(row)

    def note_use(self, key: Key) -> None:
        """Remember that a key is in use.

        Raises:
            StateError: the database does not answer.
        """
        with self._state.begin() as connection:
            used = update(_keys).where(_keys.c.id == key.id)
            connection.execute(used.values(last_used=int(_now().timestamp())))


def parted(text: str) -> tuple[str, str]:
    """The id and the secret of a key; empty where it is of another form."""
    found = _KEY.fullmatch(text[: LONGEST_KEY + 1])
    return (found[1], found[2]) if found else ("", "")


def claimed_id(text: str) -> str:
    """The id that a key names, for the log; empty where it names none. Holds nothing secret."""
    return parted(text)[0]


def digest(secret: str) -> str:
    """What is kept of a secret; of any text, for a form can hold halves of characters too."""
    return sha256(secret.encode(errors="surrogatepass")).hexdigest()


def fits(key: Key | None, secret: str) -> bool:
    """Whether a secret is a key's. Takes as long where there is no such key."""
    expected = _NOBODYS if key is None else key.digest
    return hmac.compare_digest(digest(secret), expected) and key is not None


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise AccessKeyError(
            f"A key's name has 1 to {LONGEST_NAME} printable characters.",
            "Say whose it is or what for: citydip keys add website",
        )
    return name


def _read(row: Row[Any]) -> Key:
    values = dict(row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for it
    return Key(**{**values, "scopes": values["scopes"].split()})


def _now() -> datetime:
    return datetime.now(UTC)
