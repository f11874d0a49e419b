"""What a question says of statutes: which one, which article, and whether it asks for a penalty.

People ask by number ("Apa isi Pasal 45 UU ITE?"), and numbers are what vectors see least of. So
what a question names is read from it, and the rest is searched for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from citydip_rag.corpus.language import FUNCTION_WORDS
from citydip_rag.schema import DocumentName, Language

_ARTICLE: Final = re.compile(
    r"\b(?:pasal|article|art\.)\s+(?P<article>\d{1,3}[a-z]{0,2}|[ivxlc]+)\b"
    r"(?:\s*,?\s*(?:ayat|paragraph|para\.?)\s*\(?(?P<paragraph>\d{1,2}[a-z]?)\)?)?",
    re.IGNORECASE,
)
_KIND: Final = (
    r"(?:UUD|UU|PP|Perpu|Perpres|Keppres|Perda|Permen\w*"
    r"|(?:undang-undang|peraturan (?:pemerintah|presiden|daerah|menteri)|law|act"
    r"|(?:government |ministerial )?regulation)\b)"
)
_NUMBERED: Final = re.compile(
    rf"\b(?:{_KIND}\s+)?(?:R\.?I\.?\s+)?(?:(?:no|nomor|number)\b\.?\s*)?"
    r"(?P<number>\d{1,3})\s*(?:/|\s(?:tahun|thn|th|of|year)\.?\s)\s*(?P<year>(?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_CONSTITUTION: Final = re.compile(
    r"\b(?:UUD(?:\s+(?:1945|'45|45))?|konstitusi"
    r"|(?:the\s+)?(?:indonesian\s+|1945\s+)?constitution(?: of 1945)?)\b",
    re.IGNORECASE,
)
_ALONE: Final = re.compile(r"\b(?:ayat|paragraph|para\.?)\s*\(?(\d{1,2}[a-z]?)\)?", re.IGNORECASE)
"""A paragraph that does not stand behind its article."""
_OTHER: Final = re.compile(
    r"\b(?:KUHA?P(?:er(?:data)?)?|GDPR)\b"
    r"|\b(?:UU|PP|Perpu|Perpres|Keppres|Perda|Permen\w*|undang-undang)\s+"
    r"(?!(?:ini|itu|tersebut|tadi|yang|tentang|apa|mana|dan|di)\b)[^\W\d_]{2,}"
    r"|\b(?!(?:this|that|the|a|which|what|any|of)\b)[^\W\d_]{2,}\s+(?:law|act|code|regulation)\b",
    re.IGNORECASE,
)
"""A statute called by a name."""
_ELUCIDATION: Final = re.compile(r"\b(?:penjelasan|elucidation)\b", re.IGNORECASE)
_PENALTY: Final = re.compile(
    r"\b(?:(?:di)?pidana\w*|(?:di)?hukum(?:an|nya)?|(?:di)?penjara\w*|(?:di)?denda\w*|sanksi\w*"
    r"|ancaman(?:nya)?|penalt\w+|punish\w*|fine[ds]?|jail\w*|prison\w*|imprison\w*|sanction\w*)\b",
    re.IGNORECASE,
)
_ABOUT_PENALTIES: Final = re.compile(
    r"\b(?:berapa|lama|besar(?:nya)?|paling|maksimal|maksimum|tahun|pelaku|pelanggar\w*|perbuatan"
    r"|kena|dikenai|dikenakan|diancam|terancam|how|long|much|many|years|maximum|criminal|penalty"
    r"|offen[cs]e|someone|anyone|person|people|orang|seseorang|barang ?siapa)\b",
    re.IGNORECASE,
)
_LOOKUP: Final = re.compile(
    r"\b(?:isi|isinya|bunyi(?:nya)?|berbunyi|menyatakan|mengatur|diatur|jelaskan|sebutkan|tampilkan"
    r"|kutip|teks|tentang|mengenai|ketentuan|pasal|say|says|state|states|text|content|contents"
    r"|about|provide|provides|regulate|regulates|explain|show|quote|read|article|law)\b",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_SMALL: Final = FUNCTION_WORDS[Language.INDONESIAN] | FUNCTION_WORDS[Language.ENGLISH]
_THIS: Final = {
    "UUD": ("Undang-Undang Dasar ini", "this constitution"),
    "UU": ("Undang-Undang ini", "this law"),
    "PP": ("Peraturan Pemerintah ini", "this government regulation"),
}
"""What a statute calls itself."""
_THIS_OTHER: Final = ("Peraturan ini", "this regulation")
_SPELT_OUT: Final = {"UU": "undang-undang", "PP": "peraturan pemerintah"}
_ACCORDING_TO: Final = re.compile(
    r"(?:^|[\s,(])(?:menurut|berdasarkan|sesuai\s+dengan|(?:di\s+)?dalam|pada|di"
    r"|according\s+to|pursuant\s+to|based\s+on|under|within|in|by|per)\s+(?:the\s+)?$",
    re.IGNORECASE,
)
"""What makes of a statute's name the place where to look, and no part of what is asked."""
_BEFORE_A_MARK: Final = re.compile(r"\s+(?=[?.!]|$)")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, taken apart.

    Attributes:
        search: what to search for: the question, its statute called as it calls itself, or left out
            where it only says where to look.
        documents: ids of the statutes it names and the index holds, or None.
        unknown: the statute's "number/year" that it names and the index does not hold, or "".
        article: the article it names ("45", "28A"), or "".
        paragraph: the article's paragraph, or "".
        elucidation: it wants the official elucidation of the article.
        lookup: it wants to read the article and nothing else.
        penalty: it asks for one.
        conduct: what the penalty is for, in the question's words, or "".
    """

    search: str
    documents: tuple[str, ...] | None = None
    unknown: str = ""
    article: str = ""
    paragraph: str = ""
    elucidation: bool = False
    lookup: bool = False
    penalty: bool = False
    conduct: str = ""

    def is_place(self, place: str) -> bool:
        """Whether a sentence's place is the one that is asked for."""
        explained = place.startswith("Penjelasan ")
        *_, here = place.removeprefix("Penjelasan ").split(", ")
        _, _, rest = here.partition(" ")
        article, _, below = rest.partition(" ")
        if not self.article or article != self.article or explained != self.elucidation:
            return False
        return not self.paragraph or f"({self.paragraph})" in below


def read_question(question: str, language: Language, names: Mapping[str, DocumentName]) -> Asked:
    """Take a question apart.

    Args:
        question: as asked.
        language: in which.
        names: of the documents in the index, by id.
    """
    asked = _statute(question, language, names)
    article = _ARTICLE.search(question)
    if article:
        asked = replace(
            asked,
            article=article["article"].upper(),
            paragraph=_paragraph(article, question),
            elucidation=bool(_ELUCIDATION.search(question)),
        )
        if asked.documents is None and statutes_in(names) and (other := _OTHER.search(question)):
            asked = replace(asked, unknown=asked.unknown or other[0])
        rest = _ELUCIDATION.sub(" ", _LOOKUP.sub(" ", _without_places(asked)))
        asked = replace(asked, lookup=not _content(rest))
    if _PENALTY.search(asked.search):
        bare = _ABOUT_PENALTIES.sub(" ", _PENALTY.sub(" ", _without_names(asked)))
        conduct = " ".join(bare.split()) if _content(bare) else ""
        asked = replace(asked, penalty=bool(statutes_in(names)), conduct=conduct)
    return asked


def statutes_in(names: Mapping[str, DocumentName]) -> dict[str, DocumentName]:
    """The documents that are cited by a number of their own."""
    return {identity: name for identity, name in names.items() if name.label}


def _statute(question: str, language: Language, names: Mapping[str, DocumentName]) -> Asked:
    """Find the statute that a question names."""
    statutes = statutes_in(names)
    if match := _NUMBERED.search(question):
        wanted = f"{int(match['number'])}/{match['year']}"
        held = [i for i, name in statutes.items() if name.label.endswith(f" {wanted}")]
        if not held:
            return Asked(question, unknown=wanted if statutes else "")
        return _named(question, match.span(), language, statutes, held)
    if match := _CONSTITUTION.search(question):
        held = [i for i, name in statutes.items() if name.label.startswith("UUD")]
        if held:
            return _named(question, match.span(), language, statutes, held)
    for identity, name in statutes.items():
        if span := _called(question, name):
            return _named(question, span, language, statutes, [identity])
    return Asked(question)


def _called(question: str, name: DocumentName) -> tuple[int, int] | None:
    """Where a question calls a statute by its common name: "UU ITE", "the ITE law"."""
    _, _, subject = name.title.partition(" tentang ")
    words = [word for word in _WORD.findall(subject) if word.lower() not in _SMALL]
    initials = "".join(word[0] for word in words) if len(words) > 2 else ""
    short = name.label.split()[0]
    kind = rf"(?:{re.escape(short)}|{_SPELT_OUT.get(short, short)})(?:\s+tentang)?"
    for common in filter(None, (subject, initials)):
        called = rf"\b{kind}\s+{re.escape(common)}\b|\b{re.escape(common)}\s+(?:law|act)\b"
        if match := re.search(called, question, re.IGNORECASE):
            return match.span()
    return None


def _paragraph(article: re.Match[str], question: str) -> str:
    if article["paragraph"]:
        return article["paragraph"].lower()
    alone = _ALONE.search(question)
    return alone[1].lower() if alone else ""


def _named(
    question: str,
    span: tuple[int, int],
    language: Language,
    statutes: Mapping[str, DocumentName],
    held: Sequence[str],
) -> Asked:
    before, after = question[: span[0]], question[span[1] :]
    if place := _ACCORDING_TO.search(before):
        search = _BEFORE_A_MARK.sub("", f"{before[: place.start()]} {after.lstrip(' ,)')}").strip()
    else:
        kind = statutes[held[0]].label.split()[0]
        indonesian, english = _THIS.get(kind, _THIS_OTHER)
        search = f"{before}{indonesian if language is Language.INDONESIAN else english}{after}"
    return Asked(search, documents=tuple(held))


def _without_places(asked: Asked) -> str:
    return _ALONE.sub(" ", _ARTICLE.sub(" ", _without_names(asked)))


def _without_names(asked: Asked) -> str:
    text = asked.search
    for forms in (*_THIS.values(), _THIS_OTHER):
        for form in forms:
            text = text.replace(form, " ")
    return text


def _content(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if word.lower() not in _SMALL]
