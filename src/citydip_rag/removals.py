"""What servers over one index tell each other: how a job stands, and what was removed meanwhile."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from citydip_rag.corpus import document_id
from citydip_rag.engine import Engine
from citydip_rag.index import Note


class Kept(BaseModel):
    """What outlives a server: how its last job stood, and what it no longer answered from."""

    state: str = "idle"
    withdrawn: tuple[str, ...] = ()


def read_kept(note: Note | None) -> Kept:
    """What a server noted down; nothing where no note can be read."""
    try:
        return Kept.model_validate_json(note.text) if note else Kept()
    except ValueError:
        return Kept()


def removed_documents(engine: Engine) -> frozenset[str]:
    """Ids of what a server removed and an index still holds, because it was read before.

    Where the folder can be seen it decides: a file that has come back counts again, however the
    times of notes and generations compare. Elsewhere a note counts until the next generation.
    """
    note = engine.index.place.note()
    withdrawn = read_kept(note).withdrawn
    if note is None or not withdrawn:
        return frozenset()
    manifest = engine.index.manifest
    folder = Path(manifest.folder)
    if manifest.folder and folder.is_dir():
        gone = {
            document_id(report.source)
            for source, record in manifest.inputs.items()
            if not (folder / source).exists()
            for report in record.reports
        }
        return frozenset(withdrawn) & gone
    return frozenset(withdrawn) if note.written >= manifest.created else frozenset()
