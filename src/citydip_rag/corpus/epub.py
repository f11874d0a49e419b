"""Electronic books: their chapters in the order of reading."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote
from zipfile import ZipInfo

from citydip_rag.corpus.base import Extract, Loader, TextBuilder
from citydip_rag.corpus.html import decode_page
from citydip_rag.corpus.markup import append_markup, parse_html
from citydip_rag.corpus.packed import PackedFiles, unpacking
from citydip_rag.errors import DocumentError

if TYPE_CHECKING:
    from lxml.etree import _Element

_CONTAINER: Final = "META-INF/container.xml"
_ENCRYPTION: Final = "META-INF/encryption.xml"
_PAGES: Final = frozenset({"application/xhtml+xml", "text/html", "text/x-oeb1-document"})
_FONT_SCRAMBLING: Final = frozenset(
    {"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"}
)
"""Not a lock: only the fonts are made hard to take out, and we need none."""


class EpubLoader(Loader):
    """EPUB 2 and 3 without copy protection."""

    suffixes = frozenset({".epub"})

    def load(self, path: Path, name: str) -> Extract:
        """Read the file; the canonical text is its chapters' one after the other."""
        with unpacking(path, name) as packed:
            return _Book(packed, name).read()


class _Book:
    def __init__(self, packed: PackedFiles, name: str) -> None:
        self._packed = packed
        self._entries: Mapping[str, ZipInfo] = dict(packed.entries)
        self._name = name

    def read(self) -> Extract:
        place = self._package_place()
        package = self._xml(place)
        chapters = list(self._chapters(package, posixpath.dirname(place)))
        self._refuse_locked({place, *chapters})
        builder = TextBuilder()
        for chapter in chapters:
            data = self._file(chapter)
            if data.strip():
                page = decode_page(data, f"{self._name} ({posixpath.basename(chapter)})")
                append_markup(parse_html(page), builder)
        title = next(_named(package, "title"), None)
        return builder.extract("" if title is None else " ".join("".join(title.itertext()).split()))

    def _package_place(self) -> str:
        for rootfile in _named(self._xml(_CONTAINER), "rootfile"):
            if place := rootfile.get("full-path"):
                return _place("", place)
        raise self._damaged("it does not say where its content is")

    def _chapters(self, package: _Element, folder: str) -> Iterator[str]:
        """Places of the chapters; the table of contents repeats their titles and is left out."""
        items = {item.get("id"): item for item in _named(package, "item")}
        for reference in _named(package, "itemref"):
            item = items.get(reference.get("idref"))
            if item is None:
                raise self._damaged("a chapter is not in its list of files")
            is_contents = "nav" in item.get("properties", "").split()
            if item.get("media-type") in _PAGES and not is_contents:
                yield _place(folder, item.get("href", ""))

    def _refuse_locked(self, needed: set[str]) -> None:
        if _ENCRYPTION not in self._entries:
            return
        for locked in _named(self._xml(_ENCRYPTION), "EncryptedData"):
            methods = {method.get("Algorithm") for method in _named(locked, "EncryptionMethod")}
            places = {_place("", file.get("URI", "")) for file in _named(locked, "CipherReference")}
            if places & needed and not methods <= _FONT_SCRAMBLING:
                raise DocumentError(
                    f"{self._name} is copy-protected.",
                    "Get a copy without protection from where you bought it.",
                )

    def _xml(self, place: str) -> _Element:
        from lxml import etree

        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        try:
            return etree.fromstring(self._file(place), parser)
        except (etree.LxmlError, ValueError) as error:
            raise self._damaged(f"{posixpath.basename(place)} is not right") from error

    def _file(self, place: str) -> bytes:
        if place not in self._entries:
            raise self._damaged(f"{posixpath.basename(place)} is missing")
        return self._packed.read(self._entries[place])

    def _damaged(self, reason: str) -> DocumentError:
        return DocumentError(
            f"{self._name} is not a whole EPUB: {reason}.",
            "Get it again, or open it in a program like Calibre and save it anew.",
        )


def _named(tree: _Element, tag: str) -> Iterator[Any]:
    """Elements of this name in whatever namespace, which differ between versions of EPUB."""
    return iter(tree.iter("{*}" + tag))


def _place(folder: str, reference: str) -> str:
    """Where in the archive a reference leads."""
    file = unquote(reference.partition("#")[0])
    return posixpath.normpath(posixpath.join(folder, file)).lstrip("/")
