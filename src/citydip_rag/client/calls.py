"""The API's calls as data, which both clients send.

A new call of the server's becomes a function here, and a method of a line in each client.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, Final, Generic, TypedDict, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from citydip_rag.client.errors import ProblemError, UnexpectedResponseError, checked, content_of
from citydip_rag.client.models import (
    Accepted,
    DocumentDetail,
    DocumentList,
    DocumentText,
    Job,
    JobState,
    Ready,
)
from citydip_rag.schema import Answer, Language, Policy, SearchResult, Turn

KEY_VARIABLE: Final = "CITYDIP_CLIENT_KEY"
"""Where the key is taken from, unless it is given."""
BASE_URL: Final = "http://127.0.0.1:7860"
TIMEOUT: Final = 150.0
"""Seconds between two pieces of a response: somewhat more than a language model is given."""
CONNECT_TIMEOUT: Final = 5.0
RETRIES: Final = 2
LONGEST_WAIT: Final = 30.0
"""Seconds that a retry waits at most; a server that asks for more is not asked again."""
_FIRST_WAIT: Final = 0.25
_OVERLOADED: Final = frozenset({429, 503})

T = TypeVar("T", bound=BaseModel)
File = Path | str | tuple[str, bytes]
"""A file to send: its path, or its name and content."""


class Options(TypedDict, total=False):
    """How a question is to be answered; all of it may be left out.

    Attributes:
        language: of the answer's own words; by default the question's.
        top_k: passages to return, 1 to 20.
        documents: ids of the only documents to answer from.
        history: the conversation so far, oldest first.
        generator: one of those that `ready` names; by default the server's.
        policy: what becomes of unsupported sentences; by default the server's.
    """

    language: Language | None
    top_k: int | None
    documents: Sequence[str] | None
    history: Sequence[Turn]
    generator: str | None
    policy: Policy | None


class Repeating(StrEnum):
    """When a call may be sent again.

    `ALWAYS`: it changes nothing, and costs little. `REFUSED`: only if the server never took it on.
    `NEVER`: what it sends can be read once.
    """

    ALWAYS = "always"
    REFUSED = "refused"
    NEVER = "never"


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and what its response is.

    Attributes:
        content: the JSON to send.
        files: to send as a form.
        result: what comes back.
        repeating: when it may be sent again.
    """

    method: str
    path: str
    result: type[T]
    content: dict[str, Any] | None = None
    params: dict[str, Any] = field(default_factory=dict)
    files: Sequence[tuple[str, tuple[str, IO[bytes] | bytes]]] | None = None
    repeating: Repeating = Repeating.ALWAYS

    def request(self, client: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """As a client sends it."""
        return client.build_request(
            self.method, self.path, json=self.content, params=self.params, files=self.files
        )

    def read(self, response: httpx.Response) -> T:
        """What a response says.

        Raises:
            ProblemError: the server refuses.
            UnexpectedResponseError: it is none of this API's.
        """
        return parsed(self.result, content_of(checked(response)))

    def wait(
        self, error: httpx.TransportError | ProblemError, attempt: int, retries: int
    ) -> float | None:
        """Seconds after which to send it again; None for never.

        Args:
            error: what went wrong.
            attempt: how often it has been sent before this time.
            retries: how often it may be sent again.
        """
        if attempt >= retries or self.repeating is Repeating.NEVER:
            return None
        usual = _FIRST_WAIT * 2**attempt
        if isinstance(error, ProblemError):
            wait = self._wait_of(error, usual)
        else:
            never_arrived = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            wait = usual if self.repeating is Repeating.ALWAYS or never_arrived else None
        return wait if wait is not None and wait <= LONGEST_WAIT else None

    def _wait_of(self, problem: ProblemError, usual: float) -> float | None:
        """A server that has too much to do may be asked again when it says."""
        if problem.status not in _OVERLOADED:
            return None
        if problem.retry_after is None:
            return usual if self.repeating is Repeating.ALWAYS else None
        return problem.retry_after


def parsed(model: type[T], content: object) -> T:
    """What a response says; fields that are new to this client are passed over.

    Raises:
        UnexpectedResponseError: it says something else.
    """
    try:
        return model.model_validate(content, extra="ignore")
    except ValidationError as error:
        raise UnexpectedResponseError(
            f"The server's answer is no {model.__name__}.",
            "Check its address, and that client and server are of like versions.",
        ) from error


def headers(api_key: str | None) -> dict[str, str]:
    """What every request carries."""
    key = api_key or os.environ.get(KEY_VARIABLE)
    return {"Authorization": f"Bearer {key}"} if key else {}


def timeouts(timeout: float | httpx.Timeout | None) -> httpx.Timeout:
    """The times a client waits."""
    if isinstance(timeout, httpx.Timeout):
        return timeout
    return httpx.Timeout(timeout, connect=CONNECT_TIMEOUT)


def ask(question: str, options: Options) -> Call[Answer]:
    """`POST /ask`."""
    content = _asked(question, options)
    return Call("POST", "/ask", Answer, content, repeating=Repeating.REFUSED)


def stream(question: str, options: Options) -> Call[Answer]:
    """`POST /ask/stream`."""
    content = _asked(question, options)
    return Call("POST", "/ask/stream", Answer, content, repeating=Repeating.REFUSED)


def search(question: str, top_k: int | None, documents: Sequence[str] | None) -> Call[SearchResult]:
    """`POST /search`."""
    options = Options(top_k=top_k, documents=documents)
    return Call("POST", "/search", SearchResult, _asked(question, options))


def documents() -> Call[DocumentList]:
    """`GET /documents`."""
    return Call("GET", "/documents", DocumentList)


def document(identity: str) -> Call[DocumentDetail]:
    """`GET /documents/{id}`."""
    return Call("GET", _path(identity), DocumentDetail)


def text(identity: str, start: int, end: int | None) -> Call[DocumentText]:
    """`GET /documents/{id}/text`."""
    params = {"start": start} if end is None else {"start": start, "end": end}
    return Call("GET", f"{_path(identity)}/text", DocumentText, params=params)


def add(files: Sequence[tuple[str, IO[bytes] | bytes]], *, replace: bool) -> Call[Accepted]:
    """`POST /documents`."""
    return Call(
        "POST",
        "/documents",
        Accepted,
        params={"replace": replace},
        files=[("files", file) for file in files],
        repeating=Repeating.NEVER,
    )


def remove(identity: str) -> Call[Accepted]:
    """`DELETE /documents/{id}`."""
    return Call("DELETE", _path(identity), Accepted, repeating=Repeating.REFUSED)


def indexing() -> Call[Job]:
    """`GET /indexing`."""
    return Call("GET", "/indexing", Job)


def ready() -> Call[Ready]:
    """`GET /health/ready`."""
    return Call("GET", "/health/ready", Ready)


def is_over(job: Job) -> bool:
    """Whether a run of indexing has ended, or none has begun."""
    return job.state is not JobState.RUNNING


@contextmanager
def opened(files: Sequence[File]) -> Iterator[list[tuple[str, IO[bytes] | bytes]]]:
    """Files by name, open to be read for as long as the context lasts."""
    with ExitStack() as stack:
        yield [
            file
            if isinstance(file, tuple)
            else (Path(file).name, stack.enter_context(Path(file).open("rb")))
            for file in files
        ]


def _asked(question: str, options: Options) -> dict[str, Any]:
    given = {name: value for name, value in options.items() if value is not None}
    return {"question": question, **to_jsonable_python(given)}


def _path(identity: str) -> str:
    return f"/documents/{quote(identity, safe='')}"


def shown(address: httpx.URL) -> str:
    """An address without a name and a password that may stand in it."""
    return f"{address.scheme}://{address.netloc.decode()}"
