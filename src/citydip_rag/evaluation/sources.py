"""What figures do not show: files that gave no text, and files that are others by now."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from citydip_rag.corpus.walk import FileFailure, shown_name, walk_files
from citydip_rag.engine import Engine
from citydip_rag.schema import FileStatus


def unread_files(engine: Engine) -> tuple[str, ...]:
    """The files that were to be indexed and could not be read."""
    return tuple(
        report.source
        for record in engine.index.manifest.inputs.values()
        for report in record.reports
        if report.status is FileStatus.FAILED
    )


def changed_files(engine: Engine) -> tuple[str, ...]:
    """The files of the indexed folder that came, went or changed since the index was made.

    Only those are read that were touched since. Where the folder is not known or no longer there,
    nothing is said.
    """
    manifest = engine.index.manifest
    folder = Path(manifest.folder)
    if not manifest.folder or not folder.is_dir():
        return ()
    known = {source: record.sha256 for source, record in manifest.inputs.items()}
    found = list(walk_files(folder, engine.index.place.folder))
    here = {_source(item, folder): item for item in found}
    changed = {
        source
        for source, item in here.items()
        if source not in known or _differs(item, known[source], manifest.created)
    }
    return tuple(sorted(changed | (known.keys() - here.keys())))


def notes(engine: Engine) -> Mapping[str, tuple[str, ...]]:
    """Both, as a report has them."""
    return {"unread": unread_files(engine), "changed": changed_files(engine)}


def _source(item: Path | FileFailure, folder: Path) -> str:
    if isinstance(item, FileFailure):
        return item.source
    return shown_name(item.relative_to(folder).as_posix())


def _differs(item: Path | FileFailure, sha256: str, since: datetime) -> bool:
    """Whether a file that was touched since then has other bytes than were read; "" if none was."""
    if isinstance(item, FileFailure) or not sha256:
        return False
    try:
        state = item.stat()
        if max(state.st_mtime, state.st_ctime) < since.timestamp():
            return False
        with item.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() != sha256
    except OSError:
        return True
