"""A typed client of the server's API, for Python programs; it needs no model and no index."""

from citydip_rag.client.asynchronous import AsyncClient
from citydip_rag.client.blocking import Client
from citydip_rag.client.calls import Options
from citydip_rag.client.errors import (
    ClientError,
    ProblemError,
    ServerLateError,
    ServerUnreachableError,
    UnexpectedResponseError,
)
from citydip_rag.client.models import (
    Accepted,
    DocumentDetail,
    DocumentInfo,
    DocumentList,
    DocumentText,
    Job,
    JobState,
    Ready,
)

__all__ = [
    "Accepted",
    "AsyncClient",
    "Client",
    "ClientError",
    "DocumentDetail",
    "DocumentInfo",
    "DocumentList",
    "DocumentText",
    "Job",
    "JobState",
    "Options",
    "ProblemError",
    "Ready",
    "ServerLateError",
    "ServerUnreachableError",
    "UnexpectedResponseError",
]
