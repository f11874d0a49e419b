"""What can go wrong between a program and the server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from citydip_rag.errors import CitydipError


class ClientError(CitydipError):
    """Base of every error that the client raises."""

    slug = "client"


class ServerUnreachableError(ClientError):
    """Nothing answers at the server's address, or it broke the connection off."""

    slug = "server-unreachable"


class ServerLateError(ClientError):
    """The server takes longer than it is given."""

    slug = "server-late"


class UnexpectedResponseError(ClientError):
    """What answered is not this API: another program, a proxy, or another version."""

    slug = "unexpected-response"


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    model_config = ConfigDict(frozen=True)

    field: str
    message: str


class _Problem(BaseModel):
    """The body of an error response (RFC 9457)."""

    type: str
    title: str = ""
    status: int
    detail: str = ""
    errors: tuple[FieldProblem, ...] = ()


class ProblemError(ClientError):
    """The server refuses, and says why.

    Attributes:
        type: stable name of the kind of problem, such as `urn:citydip-rag:invalid-request`.
        title: the same for every problem of the type.
        status: the HTTP status.
        detail: what happened and what to do.
        errors: the fields that are wrong.
        retry_after: seconds after which to try again, where the server says so.
    """

    slug = "problem"

    def __init__(self, problem: _Problem, retry_after: float | None = None) -> None:
        super().__init__(problem.detail or problem.title)
        self.type = problem.type
        self.title = problem.title
        self.status = problem.status
        self.detail = problem.detail
        self.errors = problem.errors
        self.retry_after = retry_after

    @classmethod
    def of(cls, content: object, headers: Mapping[str, str]) -> ProblemError:
        """From the body of an error response.

        Raises:
            UnexpectedResponseError: it is no problem.
        """
        try:
            problem = _Problem.model_validate(content)
        except ValidationError as error:
            raise UnexpectedResponseError(
                "The server answers with an error that cannot be read.", "Check its address."
            ) from error
        return cls(problem, seconds(headers.get("retry-after", "")))


def seconds(retry_after: str) -> float | None:
    """The seconds that a `Retry-After` header means; None if it says nothing."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        when = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (when - datetime.now(UTC)).total_seconds()) if when.tzinfo else None


def checked(response: httpx.Response) -> httpx.Response:
    """A response, read whole, that is not an error.

    Raises:
        ProblemError: the server refuses.
        UnexpectedResponseError: it answers with something else.
    """
    if response.is_success:
        return response
    raise ProblemError.of(content_of(response), response.headers)


def content_of(response: httpx.Response) -> Any:
    """The JSON of a response.

    Raises:
        UnexpectedResponseError: it has none.
    """
    try:
        return response.json()
    except ValueError as error:
        raise UnexpectedResponseError(
            f"The server answers with status {response.status_code} and no JSON.",
            "Check its address, and what stands between.",
        ) from error


def connection_error(error: httpx.TransportError, address: str) -> ClientError:
    """What a failed connection means."""
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        return ServerLateError(
            f"{address} takes longer than it is given.", "Try again, or raise the timeout."
        )
    return ServerUnreachableError(
        f"{address} cannot be reached: {type(error).__name__}.",
        "Start it with citydip serve, or correct the address.",
    )
