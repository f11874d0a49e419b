"""One family of exceptions: each says what happened and what to do about it.

The message and the remedy are written for the person at the keyboard, and are safe to show to
anybody: they never hold a key, a stack trace or a path outside the project.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

CHALLENGE: Final = 'Bearer realm="citydip-rag"'
"""What a client is asked for that sent no key (RFC 6750)."""
SOON: Final[Mapping[str, str]] = MappingProxyType({"Retry-After": "5"})
"""For what a database that is started again mends by itself."""


class CitydipError(Exception):
    """Base of every error this package raises on purpose.

    Attributes:
        message: what happened, one sentence.
        remedy: what to do about it, one sentence or a command; may be empty.
        slug: stable name of the kind of error, the end of the problem `type` over HTTP.
        status: the HTTP status the server answers with.
        headers: that go with it.
    """

    slug: ClassVar[str] = "internal-error"
    status: int = 500
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, message: str, remedy: str = "", *, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        """Both sentences, the message first."""
        return f"{self.message} {self.remedy}".strip()


class SettingsError(CitydipError):
    """A setting is unknown, malformed or contradicts another."""

    slug = "settings"


class MissingDependencyError(CitydipError):
    """An optional library is not installed; the remedy is the `pip install` line."""

    slug = "missing-dependency"


class DocumentError(CitydipError):
    """One file cannot become a document; the others still can."""

    slug = "document"


class UnknownFormatError(DocumentError):
    """A file is of a kind that no loader reads."""

    slug = "unknown-format"


class UploadError(CitydipError):
    """A file that was sent cannot be kept."""

    slug = "upload"
    status = 422


class DocumentExistsError(CitydipError):
    """There is another file of that name."""

    slug = "document-exists"
    status = 409


class DocumentMissingError(CitydipError):
    """There is no document of that id."""

    slug = "document-missing"
    status = 404


class DocumentPartError(CitydipError):
    """A document is inside another file and does not go without it."""

    slug = "document-part"
    status = 409


class DocumentsLockedError(CitydipError):
    """Who asks may not change the documents.

    Attributes:
        because: short name of the cause, for those who say it in words of their own: `off`, `key`,
            `scope`, `network`, `origin` or `folder`.
    """

    slug = "documents-locked"
    status = 403

    def __init__(self, message: str, remedy: str = "", *, because: str) -> None:
        super().__init__(message, remedy)
        self.because = because


class ModelError(CitydipError):
    """The embedding model is absent, damaged or not what it claims to be."""

    slug = "model"
    status = 503


class IndexMissingError(CitydipError):
    """There is no index yet."""

    slug = "index-missing"
    status = 503


class IndexDamagedError(CitydipError):
    """A file of the index is absent, truncated or altered."""

    slug = "index-damaged"
    status = 503


class IndexMismatchError(CitydipError):
    """The index was built by another model, format or program."""

    slug = "index-mismatch"
    status = 503


class IndexNewerError(IndexMismatchError):
    """The index was written by a newer program than this one; it is left as it is."""

    slug = "index-newer"


class IndexBusyError(CitydipError):
    """Another process is writing the index."""

    slug = "index-busy"
    status = 409


class IndexExistsError(CitydipError):
    """There is an index where another should go."""

    slug = "index-exists"
    status = 409


class IndexUnreachableError(CitydipError):
    """The database of the index does not answer."""

    slug = "index-unreachable"
    status = 503
    headers: Mapping[str, str] = SOON


class DiskError(CitydipError):
    """The index could not be written."""

    slug = "index-not-written"
    status = 507


class NothingToIndexError(CitydipError):
    """No file gave any text."""

    slug = "nothing-to-index"
    status = 409


class QuestionError(CitydipError):
    """A question cannot be asked as it stands.

    Attributes:
        field: the part of the request that is wrong.
    """

    slug = "invalid-question"
    status = 422

    def __init__(self, message: str, remedy: str = "", field: str = "question") -> None:
        super().__init__(message, remedy)
        self.field = field


class UnsupportedError(QuestionError):
    """A part of the request asks for what is not done here."""

    slug = "unsupported-parameter"


class ModelMissingError(CitydipError):
    """There is no model of that name to ask."""

    slug = "model-not-found"
    status = 404


class GenerationError(CitydipError):
    """The generator failed to produce an answer."""

    slug = "generation"
    status = 502


class ContextLengthError(GenerationError):
    """The prompt is longer than the model takes."""

    slug = "context-length"


class AnswerCutError(GenerationError):
    """The model was not allowed to finish its answer."""

    slug = "answer-cut"


class ModelUnreachableError(GenerationError):
    """Nothing answers at the model server's address."""

    slug = "model-unreachable"


class ModelLateError(GenerationError):
    """The model takes longer than it is given."""

    slug = "model-late"


class ModelBusyError(GenerationError):
    """The model server has too much to do, or has failed so often that it is left alone."""

    slug = "model-busy"


class ModelRefusedError(GenerationError):
    """The model server does not take the key, the model's name or the address."""

    slug = "model-refused"


class OverloadedError(CitydipError):
    """As many questions wait as may.

    Attributes:
        seconds: after which it is worth asking again.
    """

    slug = "overloaded"
    status = 503

    def __init__(self, seconds: int) -> None:
        super().__init__("Too many questions wait to be answered.", f"Ask again in {seconds} s.")
        self.seconds = seconds
        # Closed, for whoever waits keeps no connection from others, nor asks on one just given up.
        self.headers = {"Retry-After": str(seconds), "Connection": "close"}


class AddressError(CitydipError):
    """The server cannot listen where it should."""

    slug = "address"


class StateError(CitydipError):
    """The database of keys and feedback cannot be used."""

    slug = "state"
    status = 503
    headers: Mapping[str, str] = SOON


class FeedbackOffError(CitydipError):
    """No ratings are taken."""

    slug = "feedback-off"
    status = 403


class ReceiptError(CitydipError):
    """What an answer is rated with is none of this service's receipts, or too old."""

    slug = "receipt"
    status = 404


class AccessKeyError(CitydipError):
    """A key cannot be made or revoked as asked."""

    slug = "key"


class UnauthenticatedError(CitydipError):
    """Who asks has no key, or one that is not valid."""

    slug = "unauthenticated"
    status = 401
    headers: Mapping[str, str] = MappingProxyType({"WWW-Authenticate": CHALLENGE})


class MissingScopeError(CitydipError):
    """A key does not open this."""

    slug = "missing-scope"
    status = 403


class ForeignOriginError(CitydipError):
    """Another site's page asks in the name of whoever is signed in."""

    slug = "foreign-origin"
    status = 403


class ForeignConversationError(CitydipError):
    """A conversation on the page is somebody else's."""

    slug = "foreign-conversation"
    status = 403


class TooManyRequestsError(CitydipError):
    """One key or one address asks for more than its share."""

    slug = "too-many-requests"
    status = 429

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message, f"Try again in {seconds} s.")
        self.headers = {"Retry-After": str(seconds)}


class EvaluationError(CitydipError):
    """A dataset or a gate is malformed; the message names file and line."""

    slug = "evaluation"
