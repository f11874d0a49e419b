"""What happens while a question is answered, in the order in which it happens.

`retrieval` comes once, then `token` and `claim` as the answer is written and checked, and at last
`answer`, which is what `ask` returns. Tokens are not checked; a claim tells what became of them.
"""

from __future__ import annotations

from typing import ClassVar

from citydip_rag.schema import Answer, Citation, Claim, Frozen, Language, PassageHit


class Retrieved(Frozen):
    """The passages have been found.

    Attributes:
        question: as it was understood.
        answering: whether an answer is now written; else an abstention follows.
    """

    name: ClassVar[str] = "retrieval"
    question: str
    language: Language
    confidence: float
    answering: bool
    passages: tuple[PassageHit, ...]


class Written(Frozen):
    """The next piece of text; nobody has checked it."""

    name: ClassVar[str] = "token"
    text: str


class Checked(Frozen):
    """A sentence has ended and been checked.

    Attributes:
        shown: whether the answer keeps it.
        citation: the one it rests on, unless it is not supported.
        says: what the answer gains by it, with its marker and with what parts it from what came
            before: in a row, since the last `discard`, they are the answer.
    """

    name: ClassVar[str] = "claim"
    claim: Claim
    shown: bool
    citation: Citation | None = None
    says: str = ""


class Discarded(Frozen):
    """What was written so far does not count: quotations follow, or an abstention."""

    name: ClassVar[str] = "discard"
    notice: str


class Answered(Frozen):
    """The whole answer, in which everything before is contained."""

    name: ClassVar[str] = "answer"
    answer: Answer


Event = Retrieved | Written | Checked | Discarded | Answered
