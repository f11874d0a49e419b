"""Which loader reads a file: what is in it decides, then its name."""

from __future__ import annotations

import zipfile
from functools import cache
from pathlib import Path
from typing import Final

from citydip_rag.corpus.archive import ZipLoader
from citydip_rag.corpus.base import Loader
from citydip_rag.corpus.docx import DocxLoader
from citydip_rag.corpus.eml import EmailLoader
from citydip_rag.corpus.epub import EpubLoader
from citydip_rag.corpus.html import HtmlLoader
from citydip_rag.corpus.markdown import MarkdownLoader
from citydip_rag.corpus.odf import OdfLoader
from citydip_rag.corpus.pdf import PdfLoader
from citydip_rag.corpus.pptx import PptxLoader
from citydip_rag.corpus.rtf import RtfLoader
from citydip_rag.corpus.table import CsvLoader
from citydip_rag.corpus.text import TextLoader
from citydip_rag.corpus.xlsx import XlsxLoader
from citydip_rag.errors import UnknownFormatError

LOADERS: Final[tuple[Loader, ...]] = (
    TextLoader(),
    MarkdownLoader(),
    PdfLoader(),
    DocxLoader(),
    PptxLoader(),
    XlsxLoader(),
    OdfLoader(),
    RtfLoader(),
    HtmlLoader(),
    EpubLoader(),
    EmailLoader(),
    CsvLoader(),
    ZipLoader(),
)
_HEAD: Final = 1024
_PARTS: Final = (
    ("word/document.xml", ".docx"),
    ("ppt/presentation.xml", ".pptx"),
    ("xl/workbook.xml", ".xlsx"),
    ("META-INF/container.xml", ".epub"),
    ("content.xml", ".odt"),
)
"""A member that only this kind of package has."""
_OLD_OFFICE: Final = {".doc": ".docx", ".xls": ".xlsx", ".ppt": ".pptx"}


def known_suffixes() -> list[str]:
    """Endings of the files we can read."""
    return sorted(_by_suffix())


def loader_for(path: Path, source: str) -> Loader:
    """The loader for a file.

    A PDF, an office document or an RTF file is known by its first bytes, so that one with a wrong
    ending is read for what it is.

    Raises:
        UnknownFormatError: no loader reads it.
        OSError: it cannot be opened.
    """
    suffix = Path(source).suffix.lower()
    loader = _by_suffix().get(_suffix_of_content(path) or suffix)
    if loader is not None:
        return loader
    newer = _OLD_OFFICE.get(suffix)
    if newer:
        raise UnknownFormatError(
            f"{source} is in an old Office format.", f"Open it, save it as {newer}, index again."
        )
    raise UnknownFormatError(
        f"{source}: files of this kind cannot be read.",
        f"Save it as one of: {', '.join(known_suffixes())}.",
    )


@cache
def _by_suffix() -> dict[str, Loader]:
    return {suffix: loader for loader in LOADERS for suffix in loader.suffixes}


def _suffix_of_content(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if b"%PDF-" in head:
        return ".pdf"
    if head.startswith(b"{\\rtf"):
        return ".rtf"
    if head.startswith(b"PK\x03\x04"):
        return _suffix_of_package(path)
    return None


def _suffix_of_package(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as package:
            names = set(package.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None  # its own loader says what is wrong with it
    return next((suffix for name, suffix in _PARTS if name in names), None)
