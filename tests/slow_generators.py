"""A generator that writes when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from citydip_rag import Engine
from citydip_rag.generation import GenerationRequest, Generator, Generators
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine

TRUE = "Meskipun memiliki banyak keuntungan, diplomasi kota juga menghadapi tantangan."


class Held(Generator):
    """Writes one true sentence, and another when it may go on."""

    name = "held"
    model = "none"

    def __init__(self) -> None:
        self.begun = asyncio.Semaphore(0)
        self.may_go_on = asyncio.Event()

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        yield f"{TRUE} [1] "
        self.begun.release()
        await self.may_go_on.wait()
        yield f"{TRUE} [1]"


def library_with(engine: Engine, generator: Generator, **settings: object) -> Library:
    """A library whose questions may choose this generator, under other settings."""
    changed = engine.settings.model_copy(update=settings)
    generators = Generators(changed)
    generators.add(generator)
    return Library(LiveEngine(Engine(changed, engine.embedder, engine.index, generators)))
