"""An answer in the terminal while it is written: checked sentences in full colour, the rest dim."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from citydip_rag.cli.console import remarks
from citydip_rag.events import Answered, Event
from citydip_rag.schema import Answer
from citydip_rag.writing import Fate, Writing

_STYLES: Final = {Fate.BACKED: "", Fate.DOUBTFUL: "yellow", Fate.LEFT_OUT: "strike dim"}


async def answer_of(events: AsyncGenerator[Event], console: Console = remarks) -> Answer:
    """The last event's answer; until it comes, what is written is drawn, if anybody sees it."""
    writing = Writing()
    live = Live(console=console, transient=True, refresh_per_second=8)
    async with aclosing(events):
        with live:
            async for event in events:
                if isinstance(event, Answered):
                    return event.answer
                writing.take(event)
                if console.is_terminal:
                    live.update(drawn(writing))
    raise AssertionError("a stream of events ends with its answer")


def drawn(writing: Writing) -> Text:
    """What is written so far, each sentence as it fared."""
    shown = Text()
    for sentence, fate in writing.sentences:
        shown.append(f"{sentence} ", style=_STYLES[fate])
    return shown.append(writing.pending, style="dim")
