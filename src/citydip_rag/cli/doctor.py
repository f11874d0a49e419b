"""`citydip doctor`: what is wrong here, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from citydip_rag.errors import CitydipError, NothingToIndexError
from citydip_rag.schema import FileStatus
from citydip_rag.settings import Settings

if TYPE_CHECKING:
    from citydip_rag.engine import Engine

_INDEX: Final = "citydip index"


class Finding(BaseModel):
    """One thing looked at.

    Attributes:
        subject: what.
        fine: whether it is in order.
        observation: what was seen.
        advice: what to do, if it is not; where it is, what to look at some time.
    """

    model_config = ConfigDict(frozen=True)

    subject: str
    fine: bool
    observation: str
    advice: str = ""


def examine(load: Callable[[], Settings], remedy: str = _INDEX) -> list[Finding]:
    """Look at settings, documents, model and index; each later check needs the earlier ones.

    Args:
        load: gives the settings.
        remedy: the command that indexes these documents into this index.
    """
    try:
        settings = load()
    except CitydipError as error:
        return [_wrong("settings", error)]
    return [
        Finding(subject="settings", fine=True, observation="are valid"),
        *(_with_options(finding, remedy) for finding in _rest(settings)),
    ]


def _with_options(finding: Finding, remedy: str) -> Finding:
    return finding.model_copy(update={"advice": finding.advice.replace(_INDEX, remedy)})


def _rest(settings: Settings) -> Iterator[Finding]:
    from citydip_rag.indexing import of_its_folder

    settings = of_its_folder(settings)
    yield _keys(settings)
    yield _documents(settings)
    from citydip_rag.engine import Engine
    from citydip_rag.parts import make_embedder

    try:
        embedder = make_embedder(settings)
    except CitydipError as error:
        yield _wrong("model", error)
        return
    yield Finding(
        subject="model",
        fine=True,
        observation=f"{embedder.name}, {embedder.dimension} dimensions, {embedder.fingerprint}",
    )
    try:
        engine = Engine.open(settings.model_copy(update={"generator": "extractive"}), embedder)
    except CitydipError as error:
        yield _wrong("index", error)
        return
    manifest = engine.index.manifest
    yield _index(settings, engine)
    yield Finding(
        subject="answers",
        fine=True,
        observation=f"calibrated on {sum(engine.calibration.fitted_on.values())} questions,"
        f" threshold {engine.calibration.threshold:g}; index of {manifest.created:%Y-%m-%d %H:%M}",
    )
    engine.close()
    try:
        answering = Engine.open(settings, embedder)
    except CitydipError as error:
        yield _wrong("generator", error)
        return
    yield _generator(answering)
    answering.close()


def _generator(engine: Engine) -> Finding:
    """Whether what answers could answer now."""
    import asyncio

    from citydip_rag.errors import GenerationError

    generator = engine.generator

    async def checked() -> None:
        await generator.check()
        await generator.aclose()

    try:
        asyncio.run(checked())
    except GenerationError as error:
        return _wrong("generator", error)
    return Finding(
        subject="generator", fine=True, observation=f"{generator.name}, model: {generator.model}"
    )


def _keys(settings: Settings) -> Finding:
    """Whether the database of keys and feedback can be used, if there is one yet."""
    from citydip_rag.access import Keys, check_state
    from citydip_rag.access.vault import Vault

    with closing(Vault(settings.state_address)) as vault:
        try:
            check_state(settings)
            state = vault.existing()
            valid = sum(not key.why_over() for key in Keys(state).all()) if state else 0
        except CitydipError as error:
            return _wrong("keys", error)
    return Finding(subject="keys", fine=True, observation=f"{valid} valid in their database")


def _documents(settings: Settings) -> Finding:
    from citydip_rag.corpus import FileFailure, scan_folder

    try:
        items = scan_folder(settings.seeds)
    except CitydipError as error:
        return _wrong("documents", error)
    closed = [item for item in items if isinstance(item, FileFailure)]
    if closed:
        return Finding(
            subject="documents",
            fine=False,
            observation=f"{len(items) - len(closed)} files, {len(closed)} that cannot be opened",
            advice=" ".join(f"{item.source}: {item.reason}" for item in closed[:5]),
        )
    return Finding(subject="documents", fine=True, observation=f"{len(items)} files")


def _index(settings: Settings, engine: Engine) -> Finding:
    from citydip_rag.indexing import up_to_date

    manifest = engine.index.manifest
    seen = f"{manifest.documents} documents, {manifest.passages} passages, undamaged"
    try:
        report = up_to_date(settings)
    except NothingToIndexError:  # of which the finding of the documents says more
        report = None
    if report is None:
        return Finding(
            subject="index",
            fine=False,
            observation=f"{seen}, but not of the documents in {settings.seeds.name!r} as they are",
            advice="Name their folder with --seeds; if it is this one, run: citydip index",
        )
    failed = [file for file in report.files if file.status is FileStatus.FAILED]
    if failed:
        return Finding(
            subject="index",
            fine=True,  # it answers from all that can be read
            observation=f"{seen}; {len(failed)} files could not be read",
            advice=" ".join(file.reason for file in failed[:5]),
        )
    return Finding(subject="index", fine=True, observation=seen)


def _wrong(subject: str, error: CitydipError) -> Finding:
    return Finding(subject=subject, fine=False, observation=error.message, advice=error.remedy)
