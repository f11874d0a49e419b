"""Why a claim was not borne out, for a person."""

from __future__ import annotations

from dataclasses import dataclass

from citydip_rag.schema import Language
from citydip_rag.texts import text


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing a person should know.

    Attributes:
        kind: a key of the texts' section `doubt`.
        word: what it is about, in the claim's own words; may be empty.
    """

    kind: str
    word: str = ""


def say(reason: Reason, language: Language) -> str:
    """The reason as a sentence."""
    return text(language, f"doubt.{reason.kind}", word=reason.word)
