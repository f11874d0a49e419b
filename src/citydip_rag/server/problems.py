"""RFC 9457 problem details: a stable type, and what to do; never a trace, a path or a key."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from citydip_rag.errors import CitydipError, QuestionError
from citydip_rag.observing import current
from citydip_rag.server.headers import complete

TYPE_PREFIX: Final = "urn:citydip-rag:"
MEDIA_TYPE: Final = "application/problem+json"

logger = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    model_config = ConfigDict(frozen=True)

    field: str
    message: str


_NOT_JSON: Final = FieldProblem(field="body", message="This is not valid JSON")


_NO_OBJECT: Final = FieldProblem(
    field="body", message="Send a JSON object, with content-type: application/json"
)

_NO_FORM: Final = FieldProblem(
    field="body",
    message="This is no valid form; send it as multipart/form-data with its boundary,"
    " as curl -F files=@NAME does",
)


_UPLOAD: Final = "Expected UploadFile"
"""Begins what FastAPI says of a text that stands where a file should."""


class Problem(BaseModel):
    """The body of every error response.

    Attributes:
        type: stable name of the kind of problem.
        title: the same for every problem of the type.
        status: the HTTP status.
        detail: what happened and what to do.
        errors: the fields that are wrong.
        request_id: of the request, as in the log and in `X-Request-ID`. It is a member of its own
            and no `instance`, which has to be a URI: a caller's own id need not be one.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FieldProblem, ...] = ()
    request_id: str = ""

    def response(self, headers: Mapping[str, str] = MappingProxyType({})) -> Response:
        """As an HTTP response."""
        return JSONResponse(self.content(), self.status, dict(headers), media_type=MEDIA_TYPE)

    def content(self) -> dict[str, Any]:
        """As the JSON object that is sent; the request's line in the log names its type."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        content["type"] = TYPE_PREFIX + self.type
        if (scope := current()) is not None:
            scope.problem = self.type
            content["request_id"] = scope.request_id
        return content


UNEXPECTED: Final = Problem(
    type="internal-error",
    title="Internal error",
    status=500,
    detail="Something went wrong here. The log of the server says what.",
)


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of the application a problem response."""
    app.add_exception_handler(CitydipError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def problem_of(error: CitydipError) -> Problem:
    """One of our errors as a problem."""
    errors: tuple[FieldProblem, ...] = ()
    if isinstance(error, QuestionError):
        errors = (FieldProblem(field=error.field, message=error.message),)
    return Problem(
        type=error.slug,
        title=error.slug.replace("-", " ").capitalize(),
        status=error.status,
        detail=str(error),
        errors=errors,
    )


def refusal_of(error: CitydipError) -> Response:
    """One of our errors as an HTTP response, with the headers that go with it."""
    return problem_of(error).response(error.headers)


def problems(said: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """What FastAPI is told of the problems a route may answer with: descriptions by status."""
    return {
        status: {"model": Problem, "content": {MEDIA_TYPE: {}}, "description": description}
        for status, description in said.items()
    }


ANYWHERE: Final = problems(
    {
        421: "The server does not answer under the name in `Host`",
        422: "A field is not valid; `errors` names it",
        500: "Something went wrong here; the log says what",
    }
)
"""For the `responses` of every route."""


async def _ours(_: Request, error: Exception) -> Response:
    assert isinstance(error, CitydipError)  # noqa: S101  # registered for it
    if error.status >= 500:
        logger.error("request failed", extra={"problem": error.slug})
    return refusal_of(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for it
    return _invalid_request(tuple(_field_problem(item) for item in error.errors()))


def _invalid_request(errors: tuple[FieldProblem, ...]) -> Response:
    return Problem(
        type="invalid-request",
        title="The request is not valid",
        status=422,
        detail=" ".join(f"{item.field}: {item.message}." for item in errors),
        errors=errors,
    ).response()


def _field_problem(item: dict[str, Any]) -> FieldProblem:
    path: Sequence[object] = item["loc"][1:] if len(item["loc"]) > 1 else item["loc"]
    if item["type"] == "json_invalid":
        return _NOT_JSON
    if item["type"] == "model_attributes_type":
        return _NO_OBJECT
    message = str(item["msg"])
    if _UPLOAD in message:  # and goes on with a name of Python's
        message = "Send a file, as curl -F files=@NAME does, and not a text"
    return FieldProblem(field=".".join(str(part) for part in path), message=message)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for it
    if error.status_code == HTTPStatus.BAD_REQUEST:  # bytes that are not even text
        form = request.headers.get("content-type", "").lower().startswith("multipart/")
        return _invalid_request((_NO_FORM if form else _NOT_JSON,))
    response = Problem(
        type="http", title=str(error.detail), status=error.status_code, detail=str(error.detail)
    ).response()
    response.headers.update(error.headers or {})
    return response


async def _unexpected(request: Request, error: Exception) -> Response:
    logger.error("unexpected error", exc_info=error)
    response = UNEXPECTED.response()
    complete(response.headers, request.url.scheme)  # it is made outside of every middleware
    return response
