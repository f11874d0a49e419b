"""Rarer faults of a chat server: bodies that stall, streams that do not close, keys sent back."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import sys
import time
from pathlib import Path

import pytest

from citydip_rag.errors import ContextLengthError, GenerationError, SettingsError
from citydip_rag.generation.chat import Message
from citydip_rag.generation.openai import OpenAIGenerator
from citydip_rag.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))
from chat_servers import END, STREAM, Call, Script, event, faulty, reply

MESSAGES = [Message(role="user", content="Halo?")]
KEY = "sk-a-very-secret-key"
OPEN_JSON = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{"


def generator(address: str, **changes: object) -> OpenAIGenerator:
    limits: dict[str, object] = {
        "llm_connect_seconds": 0.5,
        "llm_first_token_seconds": 0.5,
        "llm_between_tokens_seconds": 0.5,
        "llm_total_seconds": 2,
        "llm_model": "m",
        "llm_api_key": KEY,
    }
    return OpenAIGenerator(Settings(llm_base_url=address, **{**limits, **changes}))  # type: ignore[arg-type]


async def written(made: OpenAIGenerator) -> str:
    return "".join([piece async for piece in made.chat(MESSAGES, 50)])


async def good(call: Call, _: int) -> None:
    await call.send(STREAM, event("Ha"), event("lo."), END)


async def json_that_stalls(call: Call, _: int) -> None:
    await call.send(OPEN_JSON)
    await asyncio.sleep(30)


async def json_that_breaks_off(call: Call, _: int) -> None:
    await call.send(OPEN_JSON)


async def key_in_the_stream(call: Call, _: int) -> None:
    said = json.dumps({"error": {"message": f"bad key {KEY}"}}).encode()
    await call.send(STREAM, b"data: " + said + b"\n\n")


async def key_in_a_reply(call: Call, _: int) -> None:
    await call.send(reply(200, json.dumps({"error": {"message": f"bad {KEY}"}}).encode()))


async def key_at_the_cut(call: Call, _: int) -> None:
    said = "x" * 190 + f" {KEY}"
    await call.send(reply(418, json.dumps({"error": {"message": said}}).encode()))


async def packed(call: Call, _: int) -> None:
    body = gzip.compress(b"a" * 50_000_000)
    await call.send(reply(200, body, "text/event-stream", "content-encoding: gzip\r\n"))


async def hangs_up(_call: Call, _: int) -> None:
    return


async def no_object(call: Call, _: int) -> None:
    await call.send(STREAM, b'data: {"choices": [null]}\n\n')


async def deep(call: Call, _: int) -> None:
    await call.send(STREAM, b"data: " + b"[" * 100_000 + b"\n\n")


@pytest.mark.parametrize(
    ("script", "told", "seconds"),
    [
        (json_that_stalls, r"nothing for 0\.5 s", 2.5),
        (json_that_breaks_off, "broke", 2.5),
        (key_in_the_stream, "repeats the key", 1.0),
        (key_in_a_reply, "repeats the key", 1.0),
        (key_at_the_cut, "status 418", 1.0),
        (packed, "no chat server|not UTF-8|without an end", 1.0),
        (hangs_up, "cannot be reached|closed", 2.5),
        (no_object, "does not send chat completions", 1.0),
        (deep, "no chat server", 1.0),
    ],
)
async def test_a_fault_ends_in_time_and_in_words(script: Script, told: str, seconds: float) -> None:
    before = asyncio.all_tasks()
    async with faulty(script) as server:
        made = generator(server.address)
        begun = time.monotonic()
        with pytest.raises(GenerationError, match=told) as raised:
            await asyncio.wait_for(written(made), 5)
        assert time.monotonic() - begun < seconds
        await made.aclose()
        await asyncio.sleep(0.1)
        assert server.open == 0, "a connection is left"
    assert KEY[:6] not in str(raised.value)
    assert asyncio.all_tasks() == before


async def test_a_server_that_lists_its_models_for_ever() -> None:
    async with faulty(json_that_stalls) as server:
        made = generator(server.address, llm_model="")
        with pytest.raises(GenerationError):
            await asyncio.wait_for(written(made), 3)
        with pytest.raises(GenerationError):
            await asyncio.wait_for(made.models(), 3)
        await made.aclose()


async def test_a_server_that_does_not_accept() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listening.getsockname())
        made = generator(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", llm_retries=0)
        begun = time.monotonic()
        with pytest.raises(GenerationError, match="does not answer in time"):
            await written(made)
        assert time.monotonic() - begun < 1.0
        await made.aclose()
        for filler in fillers:
            filler.close()


async def stays_open(call: Call, _: int) -> None:
    await call.send(STREAM, event("Ha"), event("lo."), END)
    await asyncio.sleep(30)


async def ends_without_done(call: Call, _: int) -> None:
    await call.send(STREAM, event("Ha"), event("lo.", "stop"))
    await asyncio.sleep(30)


async def several_choices(call: Call, _: int) -> None:
    other = b'data: {"choices": [{"index": 1, "delta": {"content": "Hai"}}]}\n\n'
    await call.send(STREAM, event("Ha"), other, event("lo."), other, END)


async def empty_reason(call: Call, _: int) -> None:
    await call.send(STREAM, event("Ha", ""), event("lo.", ""), END)


async def plain_type(call: Call, _: int) -> None:
    await call.send(STREAM.replace(b"event-stream", b"plain"), event("Halo."), END)


@pytest.mark.parametrize(
    "script", [stays_open, ends_without_done, several_choices, empty_reason, plain_type]
)
async def test_a_complete_answer_is_taken_at_once(script: Script) -> None:
    async with faulty(script) as server:
        made = generator(server.address, llm_between_tokens_seconds=5, llm_total_seconds=10)
        begun = time.monotonic()
        assert await written(made) == "Halo."
        assert time.monotonic() - begun < 2
        await made.aclose()
        await asyncio.sleep(0.1)
        assert server.open == 0


async def test_an_empty_reason_does_not_make_half_a_stream_whole() -> None:
    async def half(call: Call, _: int) -> None:
        await call.send(STREAM, event("Ha", ""))

    async with faulty(half) as server:
        made = generator(server.address)
        with pytest.raises(GenerationError, match="broke off"):
            await written(made)
        await made.aclose()


async def test_what_breaks_before_the_first_token_is_tried_again() -> None:
    async def cut_once(call: Call, number: int) -> None:
        await (call.send(STREAM) if number == 1 else good(call, number))

    async with faulty(cut_once) as server:
        made = generator(server.address)
        assert await written(made) == "Halo."
        assert len(server.calls) == 2
        await made.aclose()


async def test_a_context_refused_within_the_stream() -> None:
    async def refuses(call: Call, _: int) -> None:
        said = {"error": {"code": 400, "message": "maximum context length is 10 tokens"}}
        await call.send(STREAM, b"data: " + json.dumps(said).encode() + b"\n\n")

    async with faulty(refuses) as server:
        made = generator(server.address)
        with pytest.raises(ContextLengthError):
            await written(made)
        await made.aclose()


async def test_an_answer_that_began_is_never_begun_anew() -> None:
    async def refuses_late(call: Call, _: int) -> None:
        said = {"error": {"code": 400, "message": "maximum context length reached"}}
        await call.send(STREAM, event("Ha"), b"data: " + json.dumps(said).encode() + b"\n\n")

    async with faulty(refuses_late) as server:
        made = generator(server.address)
        with pytest.raises(GenerationError, match="too long") as raised:
            await written(made)
        assert not isinstance(raised.value, ContextLengthError)
        assert len(server.calls) == 1
        await made.aclose()


async def test_a_busy_server_says_when_as_a_date() -> None:
    async def busy_once(call: Call, number: int) -> None:
        if number > 1:
            await good(call, number)
            return
        from email.utils import formatdate

        when = formatdate(time.time() + 1.5, usegmt=True)
        await call.send(reply(429, b"{}", more=f"retry-after: {when}\r\n"))

    async with faulty(busy_once) as server:
        made = generator(server.address)
        begun = time.monotonic()
        assert await written(made) == "Halo."
        assert 0.3 < time.monotonic() - begun < 2
        await made.aclose()


async def test_a_cancelled_reader_closes_the_connection() -> None:
    async with faulty(json_that_stalls) as stalled, faulty(stays_open_silent) as silent:
        for server in (stalled, silent):
            made = generator(server.address, llm_first_token_seconds=20, llm_total_seconds=30)
            task = asyncio.create_task(written(made))
            await asyncio.sleep(0.2)
            assert server.open == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.1)
            assert server.open == 0
            await made.aclose()


async def stays_open_silent(call: Call, _: int) -> None:
    await call.send(STREAM, event("Ha"))
    await asyncio.sleep(30)


async def test_an_unknown_model_is_told_with_the_known_ones() -> None:
    async def refuses(call: Call, _: int) -> None:
        listed = json.dumps({"data": [{"id": "qwen"}, {"id": "/home/ani/models/tiny.gguf"}]})
        missing = json.dumps({"error": {"message": "model 'm' not found"}})
        lists = call.path.endswith("/models")
        await call.send(reply(200, listed.encode()) if lists else reply(404, missing.encode()))

    async with faulty(refuses) as server:
        made = generator(server.address)
        with pytest.raises(GenerationError, match=r"'m'.*one of: qwen, tiny\.gguf") as raised:
            await written(made)
        assert "ani" not in str(raised.value)
        await made.aclose()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("/home/ani/models/tiny.gguf", "tiny.gguf"),
        ("C:\\models\\tiny.gguf", "tiny.gguf"),
        ("Qwen/Qwen3-4B", "Qwen/Qwen3-4B"),
        ("llama3.2:1b", "llama3.2:1b"),
    ],
)
async def test_a_models_path_stays_here(name: str, shown: str) -> None:
    async def lists(call: Call, number: int) -> None:
        if call.path.endswith("/models"):
            await call.send(reply(200, json.dumps({"data": [{"id": name}]}).encode()))
        else:
            assert call.body["model"] == name
            await good(call, number)

    async with faulty(lists) as server:
        made = generator(server.address, llm_model="")
        assert await written(made) == "Halo."
        assert made.model == shown
        await made.aclose()


async def test_newer_names_are_used_where_the_older_are_refused() -> None:
    said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' with this model."

    async def newer(call: Call, number: int) -> None:
        if "max_tokens" in call.body:
            body = json.dumps({"error": {"message": said}}).encode()
            await call.send(reply(400, body))
        else:
            await good(call, number)

    async with faulty(newer) as server:
        made = generator(server.address)
        assert await written(made) == await written(made) == "Halo."
        assert ["max_tokens" in call.body for call in server.calls] == [True, False, False]
        assert server.calls[-1].body["max_completion_tokens"] == 50
        assert "temperature" not in server.calls[-1].body
        await made.aclose()


async def test_a_busy_server_says_when_to_come_back() -> None:
    async def busy(call: Call, _: int) -> None:
        await call.send(reply(429, b"{}", more="retry-after: 60\r\n"))

    async with faulty(busy) as server:
        made = generator(server.address)
        with pytest.raises(GenerationError, match="Ask again in 60 s"):
            await written(made)
        assert len(server.calls) == 1
        await made.aclose()


@pytest.mark.parametrize("key", ["kunci-é", "line\nbreak"])
def test_a_key_that_cannot_be_sent(key: str) -> None:
    with pytest.raises(SettingsError, match="CITYDIP_LLM_API_KEY") as raised:
        generator("http://127.0.0.1:9/v1", llm_api_key=key)
    assert key not in str(raised.value)


@pytest.mark.parametrize(
    "address", ["http://[::1", "http://a:b:c/v1", "http://exa mple/v1", "http://:80/v1"]
)
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(SettingsError, match="CITYDIP_LLM_BASE_URL"):
        generator(address)
