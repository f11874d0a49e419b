"""The real `mcp` client asks over HTTP and over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import httpx2
import pytest
from jsonschema import validate
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from citydip_rag import Engine
from citydip_rag.errors import MissingDependencyError
from citydip_rag.generation import Generators
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.schema import Citation, SearchResult
from citydip_rag.server.app import create_app
from citydip_rag.server.mcp import endpoint, protocol, tools
from citydip_rag.server.mcp.loading import require_mcp
from citydip_rag.server.mcp.stdio import StandardInput
from citydip_rag.serving import serve_mcp
from citydip_rag.settings import Settings
from generators import Endless
from servers import running, running_here

QUESTION = "Apa tantangan terbesar diplomasi kota?"
TRUE = "Meskipun memiliki banyak keuntungan, diplomasi kota juga menghadapi tantangan."
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@pytest.fixture(scope="module")
def own(article_settings: Settings, engine: Engine) -> Engine:
    """An engine of the module's own, since a server closes its generators."""
    return Engine(article_settings, engine.embedder, engine.index, Generators(article_settings))


@pytest.fixture(scope="module")
def address(own: Engine) -> Iterator[str]:
    with running(create_app(Library(LiveEngine(own)))) as served:
        yield served


@pytest.fixture(params=["auto", "legacy"])
async def client(address: str, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """A client of the newest protocol, and one of those before it."""
    async with Client(f"{address}/mcp", mode=request.param) as opened:
        yield opened


def text_of(result: Any) -> str:
    return "\n".join(block.text for block in result.content)


async def test_the_tools_say_what_they_are_for(client: Client) -> None:
    listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == ["ask", "search", "read_document", "list_documents"]
    for tool in listed:
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is True
        assert tool.output_schema is not None
        assert tool.input_schema["additionalProperties"] is False
    assert client.instructions is not None
    assert "no instruction" in client.instructions


async def test_asking_gives_cited_answers(client: Client, own: Engine) -> None:
    result = await client.call_tool("ask", {"question": QUESTION})
    assert result.is_error is False
    data = result.structured_content
    citations = [Citation.model_validate(item) for item in data["citations"]]
    assert citations
    for citation in citations:
        text = own.document(citation.document_id).text
        assert text[citation.start : citation.end] == citation.quote
        assert f"[{citation.number}] " in text_of(result)
    assert data["abstained"] is False
    assert data["nearest"] == []
    assert "\n\nSumber:\n[1] " in text_of(result)


async def test_a_follow_up_and_lists_that_come_as_text(client: Client, own: Engine) -> None:
    history = json.dumps([{"question": QUESTION, "answer": TRUE}])
    documents = json.dumps(own.document_ids())
    result = await client.call_tool(
        "ask", {"question": "Apa lagi?", "history": history, "documents": documents}
    )
    assert result.is_error is False, text_of(result)
    assert result.structured_content["citations"]
    unknown = await client.call_tool("ask", {"question": "Resep donat?", "language": "en"})
    assert unknown.structured_content["abstained"] is True
    assert unknown.structured_content["nearest"]
    assert "Closest passages:" in text_of(unknown)


async def test_passages_are_found_and_read_around(client: Client, own: Engine) -> None:
    found = await client.call_tool("search", {"question": "perjanjian Paris", "top_k": 2})
    passages = SearchResult.model_validate(found.structured_content).passages
    assert len(passages) == 2
    assert f"document_id {passages[0].document_id}" in text_of(found)
    text = own.document(passages[0].document_id).text
    read = await client.call_tool(
        "read_document", {"document_id": passages[0].document_id, "start": 5, "end": 25}
    )
    part = read.structured_content
    assert (part["text"], part["characters"]) == (text[5:25], len(text))
    assert "Go on with start=25." in text_of(read)
    beyond = await client.call_tool(
        "read_document", {"document_id": passages[0].document_id, "start": 10**9}
    )
    assert (beyond.structured_content["text"], "Go on" in text_of(beyond)) == ("", False)


async def test_documents_are_listed_and_are_resources(client: Client, own: Engine) -> None:
    (identity,) = own.document_ids()
    listed = await client.call_tool("list_documents")
    assert listed.structured_content["documents"][0]["document_id"] == identity
    assert identity in text_of(listed)
    (resource,) = (await client.list_resources()).resources
    assert (resource.uri, resource.mime_type) == (f"citydip://documents/{identity}", "text/plain")
    (template,) = (await client.list_resource_templates()).resource_templates
    assert template.uri_template == "citydip://documents/{document_id}"
    (content,) = (await client.read_resource(resource.uri)).contents
    assert content.text == own.document(identity).text


async def test_what_does_not_exist_is_an_error_of_the_protocol(client: Client) -> None:
    with pytest.raises(MCPError, match="no document"):
        await client.read_resource("citydip://documents/nothing")
    with pytest.raises(MCPError, match="no such page"):
        await client.list_resources(cursor="x")
    with pytest.raises(MCPError, match="no tool"):
        await client.call_tool("delete_everything")


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("ask", {}, "question: Field required."),
        ("ask", {"question": "?!"}, "Ask in words"),
        ("ask", {"question": "a" * 2001}, "question: String should have at most 2000 characters."),
        ("ask", {"question": "a", "history": "{"}, "history: Input should be a valid list."),
        ("search", {"question": "kota", "top_k": 21}, "top_k: "),
        ("search", {"question": "kota", "documents": ["nowhere"]}, "no document 'nowhere'"),
        ("search", {"question": "kota", "nonsense": 1}, "nonsense: "),
        ("read_document", {"document_id": "nothing"}, "Take a document_id from list_documents"),
        ("list_documents", {"start": -1}, "start: "),
    ],
)
async def test_what_a_tool_cannot_do_it_says(
    client: Client, tool: str, arguments: dict[str, Any], said: str
) -> None:
    result = await client.call_tool(tool, arguments)
    assert result.is_error is True
    assert said in text_of(result)
    assert len(text_of(result)) < 300, "what was sent is not repeated"


async def test_what_nobody_foresaw_tells_nothing(
    own: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret at /root/.ssh/key")

    monkeypatch.setattr(own, "ask", broken)
    async with Client(protocol.make_server(Library(LiveEngine(own)))) as client:
        result = await client.call_tool("ask", {"question": QUESTION})
    assert result.is_error is True
    assert text_of(result) == "Something went wrong here. The log of the server says what."
    assert "secret" in caplog.text


async def test_results_are_as_the_schemas_say(own: Engine) -> None:
    used = tools.Tools(Library(LiveEngine(own)))
    (identity,) = own.document_ids()
    arguments: dict[str, dict[str, Any]] = {
        "ask": {"question": QUESTION},
        "search": {"question": QUESTION},
        "read_document": {"document_id": identity},
        "list_documents": {},
    }
    for tool in tools.TOOLS:
        told = await tool.run(used, tool.arguments(**arguments[tool.name]))
        assert isinstance(told.data, tool.data)
        validate(
            told.data.model_dump(mode="json"), tool.data.model_json_schema(mode="serialization")
        )


async def test_resources_come_in_pages(own: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {f"{n:03}": own.document_names()[own.document_ids()[0]] for n in range(250)}
    monkeypatch.setattr(own, "document_names", lambda: names)
    async with Client(protocol.make_server(Library(LiveEngine(own)))) as client:
        seen, cursor, pages = set(), None, 0
        while pages == 0 or cursor:
            page = await client.list_resources(cursor=cursor)
            seen |= {resource.uri for resource in page.resources}
            cursor, pages = page.next_cursor, pages + 1
    assert (len(seen), pages) == (250, 3)


@pytest.mark.parametrize(
    ("method", "headers", "content", "status"),
    [
        ("GET", {}, b"", 405),
        ("DELETE", {}, b"", 405),
        ("OPTIONS", {}, b"", 204),
        ("POST", {"host": "evil.example"}, b"{}", 421),
        ("POST", {"origin": "https://evil.example"}, b"{}", 403),
        ("POST", {"origin": "http://["}, b"{}", 403),
        ("POST", {}, b"x" * (64 * 1024 + 1), 413),
    ],
)
def test_who_may_not_is_told_before_the_protocol(
    address: str, method: str, headers: dict[str, str], content: bytes, status: int
) -> None:
    response = httpx.request(method, f"{address}/mcp", content=content, headers=ACCEPT | headers)
    assert response.status_code == status
    if status >= 400:
        assert response.headers["content-type"] == "application/problem+json"


async def test_a_page_of_our_own_may_use_it(address: str) -> None:
    async with (
        httpx2.AsyncClient(headers={"origin": address}) as http,
        Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client,
    ):
        assert (await client.list_tools()).tools


async def test_before_the_server_has_started(own: Engine) -> None:
    transport = httpx.ASGITransport(create_app(Library(LiveEngine(own))))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        response = await client.post("/mcp", json={})
    assert (response.status_code, response.json()["type"]) == (503, "urn:citydip-rag:starting")


async def test_without_its_library_the_server_does_the_rest(
    own: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server.lowlevel", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'citydip-rag\[mcp\]'"):
        require_mcp()
    with pytest.raises(MissingDependencyError):
        serve_mcp(own.settings)
    app = create_app(Library(LiveEngine(own)))
    assert "there is no /mcp" in caplog.text
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        response = await client.post("/mcp", json={})
        assert (response.status_code, "pip install" in response.text) == (501, True)
        assert (await client.get("/health/live")).status_code == 200
    async with endpoint.McpEndpoint(Library(LiveEngine(own))).running():
        pass


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_leaves_ends_the_work(own: Engine, mode: str) -> None:
    generator = Endless(f"{TRUE} [1] ", name="extractive")
    generators = Generators(own.settings)
    generators.add(generator)
    asked = Engine(own.settings, own.embedder, own.index, generators)
    async with running_here(create_app(Library(LiveEngine(asked)))) as address:

        async def ask() -> None:
            async with Client(f"{address}/mcp", mode=mode) as client:
                await client.call_tool("ask", {"question": QUESTION})

        asking = asyncio.create_task(ask())
        await asyncio.wait_for(generator.begun.wait(), 20)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.wait_for(generator.ended.wait(), 5)


def command(settings: Settings) -> list[str]:
    code = "from citydip_rag.cli import main; main()"
    return [sys.executable, "-c", code, "mcp", "--index", str(settings.index)]


async def test_over_standard_input_and_output(article_settings: Settings) -> None:
    program, *arguments = command(article_settings)
    server = StdioServerParameters(command=program, args=arguments, env=dict(os.environ))
    async with Client(server, read_timeout_seconds=120) as client:
        result = await client.call_tool("ask", {"question": QUESTION})
        assert result.structured_content["citations"]
        failed = await client.call_tool("read_document", {"document_id": "nothing"})
        assert failed.is_error is True


def message(method: str, number: int | None = None, **params: Any) -> str:
    identity = {} if number is None else {"id": number}
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **identity}) + "\n"


HELLO = message(
    "initialize",
    1,
    protocolVersion="2025-06-18",
    capabilities={},
    clientInfo={"name": "test", "version": "1"},
)


def test_standard_output_is_the_protocol_s_and_its_end_is_ours(article_settings: Settings) -> None:
    asked = message("tools/call", 2, name="ask", arguments={"question": QUESTION})
    with subprocess.Popen(
        command(article_settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(HELLO + message("notifications/initialized") + asked)
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(2)]
        rest, remarks = process.communicate(timeout=60)  # closes standard input
    assert [json.loads(line)["id"] for line in lines] == [1, 2]
    assert (rest, process.returncode) == ("", 0)
    assert "Traceback" not in remarks


def test_a_signal_ends_it_at_once(article_settings: Settings) -> None:
    with subprocess.Popen(
        command(article_settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(HELLO)
        process.stdin.flush()
        assert "result" in json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert process.stderr is not None
        assert process.stderr.read().strip() == "Interrupted; nothing is lost."


async def test_lines_of_standard_input_however_they_come() -> None:
    reading, writing = os.pipe()
    pieces = [b'{"a"', b": 1}\n\n", "é\n".encode()[:1], "é\n".encode()[1:], b"last"]

    def write() -> None:
        for piece in pieces:
            os.write(writing, piece)
        os.close(writing)

    threading.Thread(target=write).start()
    lines = [line async for line in StandardInput(reading)]
    assert lines == ['{"a": 1}', "", "é", "last"]
    os.close(reading)
    assert [line async for line in StandardInput(reading)] == [], "a closed file has ended"
