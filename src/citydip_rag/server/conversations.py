"""A conversation on the page is read by nobody but the key that began it.

Gradio keeps each under a name that the browser makes up (`session_hash`), and gives it to whoever
knows that name. Where there are keys, the first that uses a name has it to itself.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from citydip_rag.access import visitor_of
from citydip_rag.errors import ForeignConversationError
from citydip_rag.server.entrance import log_refusal
from citydip_rag.server.limits import PAGE_CALLS, own_path, replay
from citydip_rag.server.problems import refusal_of

MOST: Final = 10_000
"""Names whose owner is known; of more, those that were not used for longest are forgotten."""
_NAME: Final = "session_hash"
_IN_PATH: Final = re.compile(rf"{PAGE_CALLS}(?:heartbeat|stream)/([^/]+)")


class ConversationMiddleware:
    """Answers 403 to whoever names another's conversation. Bodies have been read before it."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app
        self._owners: OrderedDict[str, str] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on what names no conversation, or the asker's own."""
        visitor = visitor_of(scope)
        key = visitor.principal.id if visitor else ""
        if scope["type"] != "http" or not key or not own_path(scope).startswith(PAGE_CALLS):
            await self.app(scope, receive, send)
            return
        body = b""
        if scope["method"] == "POST":
            body = (await receive()).get("body", b"")
            receive = replay(body, receive)
        if all(self._is_own(name, key) for name in _names(scope, body)):
            await self.app(scope, receive, send)
            return
        error = ForeignConversationError("This conversation is another's.", "Load the page anew.")
        log_refusal(HTTPConnection(scope), error)
        await refusal_of(error)(scope, receive, send)

    def _is_own(self, name: str, key: str) -> bool:
        """Whether a name is a key's; one that nobody has is its from now on."""
        own = self._owners.setdefault(name, key) == key
        self._owners.move_to_end(name)
        if len(self._owners) > MOST:
            self._owners.popitem(last=False)
        return own


def _names(scope: Scope, body: bytes) -> Iterator[str]:
    """Wherever Gradio looks for one."""
    yield from QueryParams(scope["query_string"]).getlist(_NAME)
    yield from _IN_PATH.findall(own_path(scope))
    yield from HTTPConnection(scope).headers.getlist(_NAME)
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # no JSON that Gradio would read either
        return
    if isinstance(content, dict) and _NAME in content:
        yield str(content[_NAME])
