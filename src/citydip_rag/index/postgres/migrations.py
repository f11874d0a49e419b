"""The tables of an index, made and changed in numbered steps.

A row of documents, passages, vectors, words and terms is valid in the generations `[since, until)`.
Rows are never changed but for their end, so a reader sees the generation it opened while the next
is written, and what did not change is not written again.
"""

from __future__ import annotations

from typing import Final

from psycopg import Connection, errors

from citydip_rag.errors import (
    CitydipError,
    IndexMismatchError,
    IndexNewerError,
    MissingDependencyError,
)

PARTITIONS: Final = 8
"""By document. As many servers, at most, can hold an index together."""
PARTITIONED: Final = {"passage": "number", "vector": "number", "words": "number", "encoding": "key"}
"""The tables that are, and what is unique in each part."""
FOREVER: Final = 2**63 - 1
"""The end of what is valid until further notice."""

# What is unique is so in each part: a table with a unique index has no foreign partitions.
_PARTS: Final = "".join(
    f"create table citydip.{table}_{part} partition of citydip.{table}"
    f" for values with (modulus {PARTITIONS}, remainder {part});\n"
    f"create unique index on citydip.{table}_{part} ({key});\n"
    for table, key in PARTITIONED.items()
    for part in range(PARTITIONS)
)
_TABLES: Final = f"""
create table citydip.generation (
    id bigint primary key, name text not null unique, digest text not null,
    manifest text not null, projection text not null,
    numbers bigint not null, made timestamptz not null default clock_timestamp()
);
comment on column citydip.generation.numbers is 'numbers of passages given away so far';
create table citydip.projection (
    fingerprint text primary key, embedder text not null, content bytea not null
);
create table citydip.note (
    single boolean primary key default true check (single), content text not null,
    written timestamptz not null
);

create table citydip.document (
    id text not null, since bigint not null, until bigint not null, title text not null,
    source text not null, label text not null, digest bytea not null, body text not null,
    primary key (id, since)
);
create table citydip.passage (
    number bigint not null, id text not null, document_id text not null,
    since bigint not null, until bigint not null,
    position integer not null, start integer not null, "end" integer not null,
    heading text not null, context text not null, language text not null, page integer,
    sentences text not null, body text not null, key bytea not null
) partition by hash (document_id);
create index on citydip.passage (document_id);
create table citydip.vector (
    number bigint not null, document_id text not null,
    since bigint not null, until bigint not null, embedding vector not null
) partition by hash (document_id);
alter table citydip.vector alter column embedding set storage plain;
create table citydip.words (
    number bigint not null, document_id text not null,
    since bigint not null, until bigint not null, length integer not null, terms tsvector not null
) partition by hash (document_id);
create index on citydip.words using gin (terms) with (fastupdate = off);
create table citydip.encoding (
    key bytea not null, vector bytea, tokens bytea not null, offsets bytea not null
) partition by hash (key);
comment on column citydip.encoding.vector is 'null: to be embedded anew';
alter table citydip.encoding alter column tokens set storage external;
create table citydip.term (
    term text not null, since bigint not null, until bigint not null, texts bigint not null,
    primary key (term, since)
);
{_PARTS}
create function citydip.lexeme(word text) returns text
language sql immutable strict parallel safe as $$
    select case when stem <> word then stem
        else coalesce(nullif((ts_lexize('pg_catalog.english_stem', word))[1], ''), word) end
    from (
        select coalesce(nullif((ts_lexize('pg_catalog.indonesian_stem', word))[1], ''), word)
    ) as indonesian (stem)
$$;
comment on function citydip.lexeme is
    'stem by the dictionary of the configuration indonesian, else by that of english';
"""
MIGRATIONS: Final = (_TABLES,)
"""Step n leads from version n to version n + 1; a step that was released is never changed."""
VERSION: Final = len(MIGRATIONS)

_FOUND: Final = "select max(version)::integer from citydip.migration"


def migrate(connection: Connection) -> None:
    """Bring the tables to this program's version, all of them or none; call with the lock held.

    Raises:
        IndexNewerError: a newer program made them.
        MissingDependencyError: the server has no pgvector.
    """
    with connection.transaction():
        connection.execute("create schema if not exists citydip")
        connection.execute(
            "create table if not exists citydip.migration"
            " (version integer primary key, applied timestamptz not null default now())"
        )
        found = connection.execute(_FOUND).fetchone()
        version = (found and found[0]) or 0
        check_version(max(version, VERSION))
        if version < 1:
            _require_pgvector(connection)
        for number, step in enumerate(MIGRATIONS[version:], version + 1):
            connection.execute(step)
            connection.execute("insert into citydip.migration values (%s)", [number])


def check_version(found: int) -> None:
    """Refuse tables of another version than this program's.

    Raises:
        IndexMismatchError: they are older.
        IndexNewerError: they are newer.
    """
    if found < VERSION:
        raise IndexMismatchError(
            f"The index's tables have version {found}, this program reads {VERSION}.",
            "Run: citydip index",
        )
    if found > VERSION:
        raise IndexNewerError(
            f"The index's tables have version {found}, this program knows {VERSION}.",
            "Use the newer program, or another database with CITYDIP_INDEX.",
        )


def _require_pgvector(connection: Connection) -> None:
    try:
        connection.execute("create extension if not exists vector")
    except (errors.FeatureNotSupported, errors.UndefinedFile) as error:
        raise _without_pgvector("Install pgvector on the server.") from error
    except errors.InsufficientPrivilege as error:
        raise _without_pgvector("Have its owner run: create extension vector") from error


def _without_pgvector(remedy: str) -> CitydipError:
    return MissingDependencyError("The database of the index has no pgvector.", remedy)
