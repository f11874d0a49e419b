"""The tools and documents in the Model Context Protocol, by its official SDK.

The SDK's lower level is used, because its upper one answers a wrong argument with a dump of
pydantic's that repeats what was sent, and sets up logging for the whole process.
"""

from __future__ import annotations

import asyncio
import logging
import re
from importlib.metadata import version
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
    TextResourceContents,
    ToolAnnotations,
)
from mcp_types import Tool as McpTool
from pydantic import ValidationError

from citydip_rag.errors import CitydipError, DocumentMissingError
from citydip_rag.library import Library
from citydip_rag.server.mcp.tools import INSTRUCTIONS, TOOLS, Tool, Tools
from citydip_rag.server.problems import UNEXPECTED

DOCUMENTS: Final = "citydip://documents/"
MAX_RESOURCE: Final = 100_000
"""Characters of a document that a resource gives; `read_document` gives the rest."""
_PLAIN: Final = "text/plain"
_CURSOR: Final = re.compile(r"[0-9]{1,9}")

logger = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]


def make_server(library: Library) -> Server[Any]:
    """A server over a library; it neither starts nor ends anything of it."""
    handlers = _Handlers(library)
    return Server(
        "citydip",
        version=version("citydip-rag"),
        title="citydip",
        description="Answers from a folder of documents, with exact quotations.",
        instructions=INSTRUCTIONS,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_templates,
        on_read_resource=handlers.read_resource,
    )


class _Handlers:
    """Answers the protocol's requests."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._tools = Tools(library)

    async def list_tools(self, _: Context, __: PaginatedRequestParams | None) -> ListToolsResult:
        """All of them."""
        return ListToolsResult(tools=[_described(tool) for tool in TOOLS])

    async def call_tool(self, _: Context, params: CallToolRequestParams) -> CallToolResult:
        """Call one; what goes wrong in it is a result, so that the model can read it."""
        tool = next((tool for tool in TOOLS if tool.name == params.name), None)
        if tool is None:
            raise MCPError(INVALID_PARAMS, f"There is no tool {params.name!r}.")
        try:
            called = tool.arguments.model_validate(params.arguments or {})
            async with self._library.live.admission.turn():
                told = await tool.run(self._tools, called)
        except ValidationError as error:
            return _failed(_said(error))
        except CitydipError as error:
            return _failed(str(error))
        except Exception:  # the last boundary before the client: a trace belongs in the log
            logger.exception("unexpected error in the tool %s", tool.name)
            return _failed(UNEXPECTED.detail)
        return CallToolResult(
            content=[TextContent(text=told.text)],
            structured_content=told.data.model_dump(mode="json"),
        )

    async def list_resources(
        self, _: Context, params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        """The documents, a page at a time; the cursor is how many came before."""
        cursor = (params.cursor if params else None) or "0"
        if not _CURSOR.fullmatch(cursor):
            raise MCPError(INVALID_PARAMS, "There is no such page.")
        listed = self._tools.entries(int(cursor))
        after = listed.start + len(listed.documents)
        return ListResourcesResult(
            resources=[
                Resource(
                    uri=f"{DOCUMENTS}{entry.document_id}",
                    name=entry.source,
                    title=entry.title,
                    mime_type=_PLAIN,
                )
                for entry in listed.documents
            ],
            next_cursor=str(after) if after < listed.total else None,
        )

    async def list_templates(
        self, _: Context, __: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        """The one there is."""
        template = ResourceTemplate(
            uri_template=f"{DOCUMENTS}{{document_id}}",
            name="document",
            title="A document's text",
            description=f"The first {MAX_RESOURCE:,} characters; `read_document` gives the rest.",
            mime_type=_PLAIN,
        )
        return ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(
        self, _: Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        """A document's text."""
        identity = params.uri.removeprefix(DOCUMENTS)
        try:
            document = await asyncio.to_thread(self._library.document, identity)
        except DocumentMissingError as error:
            raise MCPError(INVALID_PARAMS, str(error), {"uri": params.uri}) from error
        contents = TextResourceContents(
            uri=params.uri, mime_type=_PLAIN, text=document.text[:MAX_RESOURCE]
        )
        return ReadResourceResult(contents=[contents])


def _described(tool: Tool) -> McpTool:
    return McpTool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.arguments.model_json_schema(),
        output_schema=tool.data.model_json_schema(mode="serialization"),
        annotations=ToolAnnotations(
            title=tool.title,
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=False,
        ),
    )


def _failed(said: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=said)], is_error=True)


def _said(error: ValidationError) -> str:
    """What is wrong with the arguments, without repeating them."""
    return " ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'arguments'}: {item['msg']}."
        for item in error.errors(include_input=False, include_url=False, include_context=False)
    )
