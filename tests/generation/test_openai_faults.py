"""Rarer faults of a chat server: bodies that stall, streams that do not close, keys sent back."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import sys
import time
from pathlib import Path

import httpx
import pytest

from citydip_rag.errors import (
    AnswerCutError,
    ContextLengthError,
    GenerationError,
    ModelBusyError,
    ModelUnreachableError,
    SettingsError,
)
from citydip_rag.generation.chat import Message
from citydip_rag.generation.openai import MAX_ANSWER_CHARACTERS, OpenAIGenerator
from citydip_rag.settings import Settings, load_settings

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
    return OpenAIGenerator(Settings(llm_base_url=address, **{**limits, **changes}))


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
        ("root@host:/home/x/secret.gguf", "secret.gguf"),
        ("../models/tiny.gguf", "tiny.gguf"),
        ("models/tiny.gguf", "tiny.gguf"),
        ("hf.co/bartowski/Llama-3.2-1B-GGUF:Q4_K_M", "hf.co/bartowski/Llama-3.2-1B-GGUF:Q4_K_M"),
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
    ("address", "said"),
    [
        ("http://[::1", "not valid"),
        ("http://a:b:c/v1", "not valid"),
        ("http://exa mple/v1", "no address"),
        ("http://:80/v1", "no address"),
        ("http://127.0.0.1:99999/v1", "0 to 65535"),
        ("http://127.0.0.1:0/v1", "no address"),
        ("http://127.0.0.1:1/v1?api_key=hunter2", "what follows"),
        ("http://127.0.0.1:1/v1?", "what follows"),
        ("http://127.0.0.1:1/v1#hunter2", "what follows"),
        ("http://me:hunter2@127.0.0.1:1/v1", "llm_api_key is set"),
    ],
)
def test_an_address_that_is_none(address: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as raised:
        load_settings(llm_base_url=address, llm_api_key=KEY)
    assert "llm_base_url" in str(raised.value)
    assert "hunter2" not in str(raised.value)


async def test_an_address_is_checked_however_it_came() -> None:
    """Settings that are copied are not checked again."""
    for address in ("http://[::1", "http://:80/v1"):
        with pytest.raises(SettingsError, match="CITYDIP_LLM_BASE_URL"):
            OpenAIGenerator(Settings().model_copy(update={"llm_base_url": address}))
    for host in ("127.0.0.1:99999", "a" * 300 + ".invalid"):
        changes = {"llm_base_url": f"http://{host}/v1", "llm_retries": 0}
        made = OpenAIGenerator(Settings().model_copy(update=changes))
        with pytest.raises(ModelUnreachableError, match="cannot be reached"):
            await written(made)
        await made.aclose()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PROXY", "socks5://me:hunter2@127.0.0.1:9"),
        ("HTTP_PROXY", "garbage://hunter2"),
        ("ALL_PROXY", "http://[::hunter2"),
        ("SSL_CERT_FILE", "/nowhere/hunter2.pem"),
    ],
)
async def test_what_the_environment_says_wrongly(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    made = generator("http://example.invalid/v1")
    with pytest.raises(ModelUnreachableError, match=name) as raised:
        await written(made)
    with pytest.raises(ModelUnreachableError, match="cannot be set up"):
        await made.check()
    assert "hunter2" not in str(raised.value)
    await made.aclose()


async def test_a_password_in_the_address_is_sent_and_never_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "httpx")  # the command line makes it quieter
    async with faulty(good) as server:
        address = server.address.replace("http://", "http://me:hunter%402@")
        made = generator(address, llm_api_key=None)
        assert await written(made) == "Halo."
        assert server.calls[0].headers["authorization"] == httpx.BasicAuth(
            "me", "hunter@2"
        )._build_auth_header("me", "hunter@2")
        await made.aclose()
    said = [record.getMessage() for record in caplog.records if record.name == "httpx"]
    assert any("/chat/completions" in line for line in said)
    assert not any("hunter" in line for line in caplog.messages)


@pytest.mark.parametrize(
    "name",
    [
        '"m\\ud800"',
        '"\\u001b]0;pwn\\u0007/home/x/secret.gguf"',
        '"m\\u202e"',
        "null",
        "7",
        '""',
        "[]",
    ],
)
async def test_what_is_no_name_of_a_model_is_not_taken_for_one(name: str) -> None:
    async def lists(call: Call, number: int) -> None:
        if call.path.endswith("/models"):
            await call.send(
                reply(200, f'{{"data": [{{"id": {name}}}, {{"id": "good"}}]}}'.encode())
            )
        else:
            await good(call, number)

    async with faulty(lists) as server:
        made = generator(server.address, llm_model="")
        assert await written(made) == "Halo."
        assert made.model == "good"
        await made.aclose()


async def test_a_set_name_that_no_terminal_should_see() -> None:
    async with faulty(good) as server:
        made = generator(server.address, llm_model="\x1b[31m\udcff/srv/tiny.gguf")
        assert made.model == "tiny.gguf"
        assert await written(made) == "Halo."
        await made.aclose()
    with pytest.raises(ModelUnreachableError):
        await made.check()


def delta(said: object, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": said, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


HALO = event("Ha") + event("lo.") + END
WHOLE = b'{"choices":[{"message":{"content":"Halo."},"finish_reason":"stop"}]}'
SPREAD = b'data: {"choices": [{"index": 0,\r\ndata:  "delta": {"content": "Halo."}}]}\r\n\r\n' + END


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Application/JSON; charset=utf-8", WHOLE),
        ("text/plain", b" \n " + WHOLE),
        ("", WHOLE),
        ("application/json", HALO),
        ("", HALO),
        ("text/event-stream", b"\xef\xbb\xbf" + HALO),
        ("text/event-stream", HALO.replace(b"\n", b"\r")),
        ("text/event-stream", HALO.replace(b"\n", b"\r\n")),
        ("text/event-stream", HALO.replace(b"\n\n", b"\n")),
        ("text/event-stream", SPREAD),
        ("text/event-stream", delta({"content": [{"type": "text", "text": "Halo."}]}) + END),
        ("text/event-stream", event("Halo.", "STOP")),
        ("text/event-stream", event("Halo.", "eos_token")),
        ("text/event-stream", HALO.replace(b'"index": 0', b'"index": "0"')),
    ],
)
async def test_replies_as_servers_send_them(kind: str, body: bytes, size: int) -> None:
    async def answer(call: Call, _: int) -> None:
        named = f"content-type: {kind}\r\n" if kind else ""
        await call.send(f"HTTP/1.1 200 OK\r\n{named}connection: close\r\n\r\n".encode())
        await call.send(*[body[i : i + size] for i in range(0, len(body), size)])

    async with faulty(answer) as server:
        made = generator(server.address)
        assert await written(made) == "Halo."
        await made.aclose()


@pytest.mark.parametrize(
    ("finish", "told"),
    [
        ("LENGTH", "CITYDIP_LLM_MAX_TOKENS"),
        ("max_tokens", "CITYDIP_LLM_MAX_TOKENS"),
        ("error", "before the end of its answer: error"),
        ("insufficient_system_resource", "insufficient"),
    ],
)
async def test_an_answer_is_whole_only_where_it_is_said_to_be(finish: str, told: str) -> None:
    async def stops(call: Call, _: int) -> None:
        await call.send(STREAM, event("Halo dan"), event("", finish), b"data: [DONE]\n\n")

    async with faulty(stops) as server:
        made = generator(server.address)
        with pytest.raises(AnswerCutError, match=told):
            await written(made)
        await made.aclose()


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_a_model_that_thinks_first_is_waited_for(field: str) -> None:
    async def thinks(call: Call, _: int) -> None:
        await call.send(STREAM, *[delta({field: "hm "})] * 10, pause=0.1)
        await call.send(HALO)

    async with faulty(thinks) as server:
        made = generator(server.address, llm_thinking_tokens=1000)
        assert await written(made) == "Halo."
        assert server.calls[0].body["max_tokens"] == 1050
        assert made.context_tokens == Settings().llm_context_tokens - 1000
        await made.aclose()


async def test_a_model_that_only_thinks_is_given_more_to_think_with() -> None:
    async def thinks(call: Call, _: int) -> None:
        await call.send(STREAM, delta({"reasoning": "hm "}), delta({}, "length"))

    async with faulty(thinks) as server:
        made = generator(server.address)
        with pytest.raises(AnswerCutError, match="CITYDIP_LLM_THINKING_TOKENS"):
            await written(made)
        await made.aclose()


async def test_one_huge_piece_is_cut_before_it_is_given_away() -> None:
    async def blurts(call: Call, _: int) -> None:
        await call.send(STREAM, event("kata " * 100_000), END)

    async with faulty(blurts) as server:
        made = generator(server.address)
        pieces = made.chat(MESSAGES, 50)
        assert len(await anext(pieces)) == MAX_ANSWER_CHARACTERS
        with pytest.raises(AnswerCutError, match="does not stop writing"):
            await anext(pieces)
        await made.aclose()


@pytest.mark.parametrize(
    "wait",
    [
        "9" * 400,
        "inf",
        "1e9",
        "-5",
        "²",
        "Wed, 21 Oct 9999 07:28:00 GMT",
        "Thu, 01 Jan 0000 00:00:00 GMT",
    ],
)
async def test_no_wait_is_told_that_nobody_waits(wait: str) -> None:
    async def busy(call: Call, _: int) -> None:
        head = b"HTTP/1.1 429 X\r\ncontent-length: 2\r\nconnection: close\r\nretry-after: "
        await call.send(head + wait.encode() + b"\r\n\r\n{}")

    async with faulty(busy) as server:
        made = generator(server.address, llm_retries=0)
        with pytest.raises(ModelBusyError, match=r"Ask again( a little)? later\.$"):
            await written(made)
        await made.aclose()
