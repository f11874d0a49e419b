"""An index goes from one place to another, as it is: nothing is read or embedded anew."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from citydip_rag.errors import IndexDamagedError, IndexExistsError, IndexMissingError
from citydip_rag.index import Built, Content, Index, IndexPlace, place_of
from citydip_rag.schema import Document, Passage
from citydip_rag.values import DatabaseAddress


def copy_index(
    source: Path | DatabaseAddress,
    target: Path | DatabaseAddress,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Built:
    """Make the current generation of one index the current one of another.

    An interruption leaves the other index as it was; what was taken over until then is kept there
    and used by the next attempt or the next indexing.

    Args:
        source: the folder or database to copy from.
        target: the one to copy to.
        overwrite: whether an index that is there may be replaced.
        progress: called with (passages copied, passages in all).

    Raises:
        IndexExistsError: there is an index already.
        IndexMissingError: there is none to copy.
        IndexDamagedError: what is to be copied is incomplete.
        IndexBusyError: another process writes the target.
    """
    with (
        closing(place_of(source)) as home,
        closing(home.open(None)) as held,
        closing(place_of(target)) as goal,
        goal.writing() as writer,
    ):
        if not overwrite and _holds_an_index(goal):
            raise IndexExistsError(
                "There is an index already where it should go.",
                "Name another place, or add --overwrite.",
            )
        numbers = held.store.numbers()
        content = _content(held, numbers)
        return writer.take(
            content, held.manifest, held.projection, held.encodings(numbers), progress
        )


def _holds_an_index(place: IndexPlace) -> bool:
    try:
        place.current()
    except IndexMissingError:
        return False
    return True


def _content(index: Index, numbers: list[int]) -> Content:
    """All that a generation holds.

    Raises:
        IndexDamagedError: it is not as much as its manifest says.
    """
    passages = index.store.all_passages(numbers)
    manifest = index.manifest
    documents = _in_order(index, passages)
    if (len(documents), len(passages)) != (manifest.documents, manifest.passages):
        raise IndexDamagedError(
            f"The index should hold {manifest.documents} documents and {manifest.passages}"
            f" passages, and holds {len(documents)} and {len(passages)}.",
            "Run: citydip index --rebuild",
        )
    return Content(
        documents, passages, manifest.chunking, manifest.inputs, manifest.reader, manifest.folder
    )


def _in_order(index: Index, passages: list[Passage]) -> list[Document]:
    """The documents in the order of their passages; then those without any."""
    named = dict.fromkeys(passage.document_id for passage in passages)
    return [index.store.document(i) for i in named | dict.fromkeys(index.store.document_ids())]
