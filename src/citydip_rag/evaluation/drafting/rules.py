"""A rule turns one sentence into one question that the sentence answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from citydip_rag.evaluation.drafting.statements import Casing, Statement
from citydip_rag.schema import Language

_LONGEST: Final = 130
_FEWEST_WORDS: Final = 3
POINTING: Final = {
    # A question must stand alone: none of these, which point at what was said before.
    Language.INDONESIAN: re.compile(
        r"\b(?:ini|(?<!Apa )itu|tersebut|mereka|ia|dia|beliau|kami|kita|saya|aku|berikut|di ?atas"
        r"|(?<!Apa yang )dimaksud|demikian|hal|namun|tetapi|selain|misalnya"
        r"|(?!hanya\b)\w{3,}nya)\b",
        re.IGNORECASE,
    ),
    Language.ENGLISH: re.compile(
        r"\b(?:this|that|these|those|it|its|he|she|they|his|her|their|him|them|we|our|us|i|my|me|you"
        r"|your|above|below|following|such|said|here\w*|there\w*|former|latter|another|other|also"
        r"|however|but|one|both|same)\b",
        re.IGNORECASE,
    ),
}


_LINKING: Final = re.compile(
    r"^(?:Pertama|Kedua|Ketiga|Keempat|Kelima|Namun|Selain itu|Oleh karena itu|Karena itu|Akhirnya"
    r"|Pada akhirnya|Misalnya|Contohnya|Selanjutnya|Di sisi lain|Dengan demikian|Sebaliknya|Bahkan"
    r"|Sementara itu|However|Moreover|Furthermore|In addition|Finally|First|Second|Third|Therefore"
    r"|Thus|For example|For instance|As a result|Ideally|Similarly|Meanwhile|Today), "
)
"""Links a sentence to those before it, and is no part of what it says."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A question, with what answers it.

    Attributes:
        kind: of the rule that made it.
        term: that it asks the meaning of, where it does.
        topic: what might be asked about otherwise; empty for persons, offices and the like.
        facts: what a complete answer says.
    """

    kind: str
    question: str
    statement: Statement
    language: Language
    term: str = ""
    topic: str = ""
    facts: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A sentence that has a rule's form."""

    match: re.Match[str]
    statement: Statement
    casing: Casing

    def __getitem__(self, name: str) -> str:
        """The part of the sentence that the form calls so."""
        return self.match[name]

    def inside(self, phrase: str) -> str:
        """A phrase that began a sentence, as it is written within one."""
        return self.casing.inside(phrase)


Ask = Callable[[Found], str | Draft | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A form of sentences, and the question to ask of one.

    Attributes:
        kind: a word for it.
        form: matched against the sentence without its last full stop.
        ask: the question, or None where the sentence is none of this kind after all.
        listing: sentences that end in a colon fit too, for a list follows.
    """

    kind: str
    form: re.Pattern[str]
    ask: Ask
    listing: bool = False

    def draft(self, statement: Statement, casing: Casing) -> Draft | None:
        """The question, if the sentence has this form and the question can stand alone."""
        text = statement.text
        if text.endswith(":") and not (self.listing and statement.following):
            return None
        match = self.form.match(capitalised(_LINKING.sub("", text)).rstrip(".;:"))
        asked = self.ask(Found(match, statement, casing)) if match else None
        if asked is None:
            return None
        made = (
            asked
            if isinstance(asked, Draft)
            else Draft(self.kind, asked, statement, statement.language)
        )
        return made if stands_alone(made.question, statement.language) else None


def apply(rules: Sequence[Rule], statement: Statement, casing: Casing) -> Draft | None:
    """The question of the first rule that fits."""
    made = (rule.draft(statement, casing) for rule in rules)
    return next((draft for draft in made if draft), None)


def stands_alone(question: str, language: Language) -> bool:
    """Whether it is of a fair length and points at nothing outside of it."""
    return (
        len(question) <= _LONGEST
        and len(question.split()) >= _FEWEST_WORDS
        and not POINTING[language].search(question)
        and not re.search(r"[;:]|,\s*\?|\(\s*\)", question)
        and question.count("(") == question.count(")")
        and question.count('"') % 2 == 0
    )


def capitalised(text: str) -> str:
    """With a capital at its beginning."""
    return text[:1].upper() + text[1:]
