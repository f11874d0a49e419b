"""Statutes, regulations and agreements: their chapters and articles become the headings.

An article ("Pasal 5") is what people cite, so it is what a passage stands under, together with
its chapter (BAB), part (Bagian) and paragraph (Paragraf). The official elucidation (Penjelasan)
repeats the articles' numbers and is kept apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from citydip_rag.corpus.base import LONGEST_HEADING, Extract
from citydip_rag.schema import Block, Heading

_FEWEST_ARTICLES: Final = 3
ARTICLE: Final = re.compile(r"(?:Pasal|PASAL|Article|ARTICLE)\s+([0-9]{1,4}[A-Z]{0,2}|[IVXLC]+)\.?")
_ROMAN_ITEM: Final = re.compile(r"(?:I{1,3}|IV|VI{0,3})\.?\s+[A-Z ]+")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of heading.

    Attributes:
        form: what its line looks like.
        level: depth below the title, which has 1.
        titled: how many lines below it may be its title.
        shouted: whether that title is in capitals.
    """

    form: re.Pattern[str]
    level: int
    titled: int = 0
    shouted: bool = True


_KINDS: Final = (
    _Kind(re.compile(r"(?:BAB|CHAPTER)\s+[IVXLC]+[A-Z]?\.?"), 2, 5),
    _Kind(re.compile(r"PENJELASAN(?:\s+ATAS)?|LAMPIRAN(?:\s+[IVXLC]+)?"), 1, 8),
    _Kind(
        re.compile(r"PERUBAHAN (?:PERTAMA|KEDUA|KETIGA|KEEMPAT|KELIMA|KE[ -][IVX]+)\b[A-Z0-9 -]*"),
        1,
        3,
    ),
    _Kind(re.compile(r"PEMBUKAAN|ATURAN (?:PERALIHAN|TAMBAHAN)"), 2),
    _Kind(re.compile(r"(?:Bagian|BAGIAN)\s+(?:K[Ee]\w+|Pertama|PERTAMA)"), 3, 3, shouted=False),
    _Kind(re.compile(r"(?:Paragraf|PARAGRAF)\s+\d+"), 4, 3, shouted=False),
    _Kind(ARTICLE, 5, 2),
)
_ELUCIDATION_PART: Final = _Kind(_ROMAN_ITEM, 3)
_NO_TITLE: Final = re.compile(r"[(\"“]|\d+\.\s|[a-z][.)]\s")
_PREAMBLE: Final = re.compile(
    r"DENGAN RAHMAT TUHAN|Menimbang|DENGAN PERSETUJUAN|BAB\s+I\b", re.IGNORECASE
)
_NUMBERED: Final = re.compile(
    r"(?P<kind>[A-Z][A-Z ./-]{2,80}?)\s+(?:NOMOR|NO\.?)\s*:?\s*(?P<number>[\w./-]{1,40}?)\s+"
    r"TAHUN\s+(?P<year>\d{4})(?:\s+TENTANG\s+(?P<subject>.+))?"
)
_CONSTITUTION: Final = re.compile(r"UNDANG-UNDANG DASAR NEGARA REPUBLIK INDONESIA(?: TAHUN 1945)?")
_SHORT: Final = (
    ("PERATURAN PEMERINTAH PENGGANTI UNDANG-UNDANG", "Perppu"),
    ("PERATURAN PEMERINTAH", "PP"),
    ("PERATURAN PRESIDEN", "Perpres"),
    ("PERATURAN MENTERI KOMUNIKASI DAN INFORMATIKA", "Permenkominfo"),
    ("PERATURAN MENTERI DALAM NEGERI", "Permendagri"),
    ("PERATURAN MENTERI LUAR NEGERI", "Permenlu"),
    ("PERATURAN MENTERI KEUANGAN", "PMK"),
    ("PERATURAN MENTERI", "Permen"),
    ("PERATURAN DAERAH", "Perda"),
    ("PERATURAN GUBERNUR", "Pergub"),
    ("PERATURAN WALI KOTA", "Perwali"),
    ("PERATURAN WALIKOTA", "Perwali"),
    ("PERATURAN BUPATI", "Perbup"),
    ("KEPUTUSAN PRESIDEN", "Keppres"),
    ("INSTRUKSI PRESIDEN", "Inpres"),
    ("UNDANG-UNDANG", "UU"),
)
_SMALL: Final = frozenset(
    "dan atau serta di ke dari yang untuk dengan pada dalam atas bagi oleh sebagai tentang".split()
)


def with_articles(extract: Extract) -> Extract:
    """Make a statute's structure its headings; any other text is returned as it is."""
    items: list[Heading | Block] = [*extract.headings, *extract.blocks]
    items.sort(key=lambda item: item.start)
    texts = [" ".join(extract.text[item.start : item.end].split()) for item in items]
    if sum(ARTICLE.fullmatch(text) is not None for text in texts) < _FEWEST_ARTICLES:
        return extract
    named = _name(texts)
    found = list(_structure(items, texts))
    title, label = named or (extract.title, "")
    return replace(
        extract,
        headings=tuple(item for item in found if isinstance(item, Heading)),
        blocks=tuple(item for item in found if isinstance(item, Block)),
        title=title,
        label=label,
    )


def _structure(items: Sequence[Heading | Block], texts: Sequence[str]) -> Iterator[Heading | Block]:
    i = 0
    elucidating = False
    while i < len(items):
        kind = _kind(texts[i], elucidating=elucidating)
        if kind is None:
            yield Block(start=items[i].start, end=items[i].end)
            i += 1
            continue
        elucidating |= texts[i].startswith("PENJELASAN")
        last = _last_of_title(texts, i, kind)
        heading = Heading(start=items[i].start, end=items[last].end, level=kind.level)
        if last + 1 < len(items) and (
            (following := _kind(texts[last + 1], elucidating=elucidating)) is None
            or following.level > kind.level
        ):
            yield heading
        else:  # nothing stands below it, so that as a heading it would never be found
            yield Block(start=heading.start, end=heading.end)
        i = last + 1


def _kind(text: str, *, elucidating: bool) -> _Kind | None:
    for kind in _KINDS:
        if kind.form.fullmatch(text):
            return kind
    if elucidating and _ROMAN_ITEM.fullmatch(text):
        return _ELUCIDATION_PART
    return None


def _last_of_title(texts: Sequence[str], first: int, kind: _Kind) -> int:
    """Index of the last line of the heading that begins at `first`."""
    last = first
    while last + 1 < len(texts) and last - first < kind.titled:
        text = texts[last + 1]
        if len(text) > LONGEST_HEADING or _kind(text, elucidating=True) or _NO_TITLE.match(text):
            break
        shouted = text == text.upper()
        if not shouted and (kind.shouted or text.endswith((".", ":", ";", ","))):
            break
        last += 1
    return last


def _name(texts: Sequence[str]) -> tuple[str, str] | None:
    """Title and short name: "UU 11/2008 tentang Informasi …" and "UU 11/2008"."""
    opening = next((i for i, text in enumerate(texts[:20]) if _PREAMBLE.match(text)), 0)
    head = " ".join(texts[: opening or 6])
    if _CONSTITUTION.search(head):
        return "UUD 1945 (Undang-Undang Dasar Negara Republik Indonesia)", "UUD 1945"
    found = _NUMBERED.search(head)
    if not found:
        return None
    kind = next(
        (
            _with_maker(found["kind"], form, short)
            for form, short in _SHORT
            if form in found["kind"]
        ),
        found["kind"].strip().title(),
    )
    label = f"{kind} {found['number']}/{found['year']}"
    subject = (found["subject"] or "").strip(" .")
    return (f"{label} tentang {_in_title_case(subject)}" if subject else label), label


def _with_maker(kind: str, form: str, short: str) -> str:
    """A regulation's short name with who made it: "Perda Kota Bandung", "Permen Perdagangan"."""
    maker = kind.split(form, 1)[1].replace("REPUBLIK INDONESIA", "").strip()
    return f"{short} {_in_title_case(maker)}" if maker else short


def _in_title_case(text: str) -> str:
    words = text.lower().split()
    return " ".join(
        word if i and word in _SMALL else word[:1].upper() + word[1:]
        for i, word in enumerate(words)
    )
