"""Whether a generation is whole: all that its manifest counts is there."""

from __future__ import annotations

from typing import Final

from citydip_rag.errors import IndexDamagedError
from citydip_rag.index.generation import REBUILD, Manifest
from citydip_rag.index.postgres.database import Rows
from citydip_rag.index.postgres.passages import VALID

_COUNTED: Final = {"document": "id", "passage": "number", "vector": "embedding", "words": "terms"}
_COUNTS: Final = ", ".join(
    f"(select count({column}) from citydip.{table} where {VALID})"
    for table, column in _COUNTED.items()
)
_ENCODED: Final = (
    f"(select count(*) from citydip.passage as p where {VALID} and exists"
    " (select from citydip.encoding as e where e.key = p.key))"
)
_WORTH: Final = "exists (select from citydip.term) or not exists (select from citydip.words)"


def check_whole(database: Rows, generation: int, manifest: Manifest) -> None:
    """Count what a generation holds: a third of a second for 100,000 passages.

    Raises:
        IndexDamagedError: something is missing, or left over.
    """
    ((documents, *counts, worth),) = database.rows(
        f"select {_COUNTS}, {_ENCODED}, {_WORTH}", {"generation": generation}
    )
    if documents != manifest.documents:
        raise IndexDamagedError(
            f"The index should hold {manifest.documents} documents and holds {documents}.", REBUILD
        )
    if different := [count for count in counts if count != manifest.passages]:
        raise IndexDamagedError(
            f"The index should hold {manifest.passages} passages and holds {different[0]}.", REBUILD
        )
    if not worth:
        raise IndexDamagedError("The index has lost what its words are worth.", REBUILD)


def is_whole(database: Rows, generation: int, manifest: Manifest) -> bool:
    """Whether `check_whole` has nothing to say."""
    try:
        check_whole(database, generation, manifest)
    except IndexDamagedError:
        return False
    return True
