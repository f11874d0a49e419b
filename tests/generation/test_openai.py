"""Every fault of a chat server: what its client is told, how long it takes, and what is left."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import httpx
import pytest

from citydip_rag import Engine
from citydip_rag.errors import ContextLengthError, GenerationError
from citydip_rag.generation import Generators
from citydip_rag.generation.breaker import CircuitBreaker
from citydip_rag.generation.chat import Message
from citydip_rag.generation.openai import OpenAIGenerator
from citydip_rag.schema import Language
from citydip_rag.settings import Settings
from citydip_rag.texts import text

sys.path.insert(0, str(Path(__file__).parent))
from chat_servers import END, STREAM, Call, Script, event, faulty, reply

MESSAGES = [Message(role="user", content="Halo?")]
KEY = "sk-a-very-secret-key"
TRUE = "Meskipun memiliki banyak keuntungan, diplomasi kota juga menghadapi tantangan."
QUESTION = "Apa tantangan terbesar diplomasi kota?"


def settings(address: str, **changes: object) -> Settings:
    limits: dict[str, object] = {
        "llm_connect_seconds": 1,
        "llm_first_token_seconds": 1,
        "llm_between_tokens_seconds": 0.5,
        "llm_total_seconds": 3,
        "llm_model": "m",
        "llm_api_key": KEY,
    }
    return Settings(llm_base_url=address, **{**limits, **changes})


async def written(generator: OpenAIGenerator) -> str:
    return "".join([piece async for piece in generator.chat(MESSAGES, 50)])


async def good(call: Call, _: int) -> None:
    await call.send(STREAM, event("Ha"), event("lo."), END)


async def slow_head(_call: Call, _: int) -> None:
    await asyncio.sleep(30)


async def slow_first(call: Call, _: int) -> None:
    await call.send(STREAM)
    await asyncio.sleep(30)


async def slow_between(call: Call, _: int) -> None:
    await call.send(STREAM, event("Ha"))
    await asyncio.sleep(30)


async def pings_only(call: Call, _: int) -> None:
    await call.send(STREAM, event("Ha"))
    await call.send(*[b": still here\n\n"] * 100, pause=0.1)


async def trickle(call: Call, _: int) -> None:
    await call.send(STREAM, *[event("a ")] * 100, pause=0.2)


async def endless(call: Call, _: int) -> None:
    while True:
        await call.send(event("kata " * 100) if call.headers.get("begun") else STREAM)
        call.headers["begun"] = "1"


async def half(call: Call, _: int) -> None:
    await call.send(STREAM, event("Ha"), event("lo"))


async def not_utf8(call: Call, _: int) -> None:
    await call.send(STREAM, b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n')


async def page(call: Call, _: int) -> None:
    await call.send(reply(200, b"<html><body>Welcome</body></html>", "text/html"))


async def not_json(call: Call, _: int) -> None:
    await call.send(STREAM, b"data: hello\n\n")


async def huge(call: Call, _: int) -> None:
    await call.send(STREAM, b'data: {"choices": [{"delta": {"content": "')
    for _ in range(10):
        await call.send(b"a" * 1_000_000)


async def key_inside(call: Call, _: int) -> None:
    said = {"error": {"message": f"the key {KEY[3:].upper()} is not ours"}}
    await call.send(STREAM, f"data: {json.dumps(said)}\n\n".encode())


async def cut(call: Call, _: int) -> None:
    await call.send(STREAM, event("Ha"), event("", "length"), b"data: [DONE]\n\n")


async def error_inside(call: Call, _: int) -> None:
    await call.send(STREAM, event("Ha"), b'data: {"error": {"message": "out of memory"}}\n\n')


def status(code: int, message: str, more: str = "") -> Script:
    async def answer(call: Call, _: int) -> None:
        body = json.dumps({"error": {"message": message}}).encode()
        await call.send(reply(code, body, more=more))

    return answer


@pytest.mark.parametrize(
    ("script", "told", "seconds"),
    [
        (slow_head, "does not answer in time", 3.5),
        (slow_first, "has sent nothing for 1 s", 2.0),
        (slow_between, r"has sent nothing for 0\.5 s", 2.0),
        (trickle, "not finished the answer in the time", 3.5),
        (endless, "does not stop writing", 3.0),
        (half, "broke off in the middle", 1.0),
        (not_utf8, "not UTF-8", 1.0),
        (page, "no chat server", 1.0),
        (not_json, "no chat server", 1.0),
        (huge, "line without an end", 2.0),
        (key_inside, "repeats the key in what it says", 1.0),
        (cut, "CITYDIP_LLM_MAX_TOKENS", 1.0),
        (error_inside, "broke off: out of memory", 1.0),
        (status(401, "bad key"), "CITYDIP_LLM_API_KEY", 1.0),
        (status(403, f"no such key: {KEY}"), "does not accept the key", 1.0),
        (status(404, "model m not found"), "CITYDIP_LLM_MODEL", 1.0),
        (status(400, f"weird {KEY} " + "x\n" * 500), "status 400: it repeats the key", 1.0),
        (status(500, "boom"), "status 500: boom", 3.0),
        (status(503, "loading"), "status 503: loading", 3.0),
        (status(429, "slow down", "retry-after: 60\r\n"), "status 429", 1.0),
        (status(307, "", "location: http://192.0.2.1/v1\r\n"), "elsewhere", 1.0),
    ],
)
async def test_a_fault_ends_in_time_and_in_words(script: Script, told: str, seconds: float) -> None:
    before = asyncio.all_tasks()
    async with faulty(script) as server:
        generator = OpenAIGenerator(settings(server.address))
        begun = time.monotonic()
        with pytest.raises(GenerationError, match=told) as raised:
            await written(generator)
        assert time.monotonic() - begun < seconds
        await generator.aclose()
        await asyncio.sleep(0.1)
        assert server.open == 0, "a connection is left"
    assert KEY not in str(raised.value)
    assert len(str(raised.value)) < 600
    assert asyncio.all_tasks() == before


async def test_comments_alone_do_not_keep_an_answer_alive() -> None:
    async with faulty(pings_only) as server:
        generator = OpenAIGenerator(settings(server.address))
        with pytest.raises(GenerationError, match=r"has sent nothing for 0\.5 s"):
            await written(generator)
        await generator.aclose()


async def test_a_server_that_is_not_there() -> None:
    async with faulty(good) as server:
        address = server.address
    generator = OpenAIGenerator(settings(address, llm_retries=1))
    with pytest.raises(GenerationError, match=r"cannot be reached.*CITYDIP_LLM_BASE_URL"):
        await written(generator)
    await generator.aclose()


async def test_a_good_answer_and_what_was_sent() -> None:
    async with faulty(good) as server:
        generator = OpenAIGenerator(settings(server.address))
        assert await written(generator) == "Halo."
        (call,) = server.calls
        assert call.path == "/v1/chat/completions"
        assert call.headers["authorization"] == f"Bearer {KEY}"
        assert call.body["model"] == "m"
        assert call.body["stream"] is True
        assert call.body["messages"] == MESSAGES
        await generator.aclose()


async def test_busy_and_then_fine() -> None:
    async def busy_once(call: Call, number: int) -> None:
        again = status(429, "busy", "retry-after: 1\r\n")
        await (again if number == 1 else good)(call, number)

    async with faulty(busy_once) as server:
        generator = OpenAIGenerator(settings(server.address))
        begun = time.monotonic()
        assert await written(generator) == "Halo."
        assert 1.0 <= time.monotonic() - begun < 2.5
        assert len(server.calls) == 2
        await generator.aclose()


@pytest.mark.parametrize(
    "body",
    [
        b": comment\r\n\r\n" + event("Ha").replace(b"\n", b"\r\n") + event("lo.") + END,
        b'data:{"choices":[{"delta":{"content":"Halo."}}]}\n\ndata:[DONE]\n\n',
        b'event: x\nid: 1\ndata: {"choices": []}\n\n' + event("Halo.") + END,
        b'data: {"choices": [{"delta": {"role": "assistant", "content": null}}]}\n\n'
        + event("Halo.", "stop")
        + b'data: {"choices": [], "usage": {"total_tokens": 3}}\n\n',
        b'data: {"choices": [{"delta": {"reasoning_content": "hm"}}]}\n\n' + event("Halo.") + END,
    ],
)
async def test_streams_as_servers_send_them(body: bytes) -> None:
    async def answer(call: Call, _: int) -> None:
        await call.send(STREAM, *[body[i : i + 7] for i in range(0, len(body), 7)])

    async with faulty(answer) as server:
        generator = OpenAIGenerator(settings(server.address))
        assert await written(generator) == "Halo."
        await generator.aclose()


async def test_a_server_that_does_not_stream() -> None:
    async def answer(call: Call, _: int) -> None:
        body = {"choices": [{"message": {"content": "Halo."}, "finish_reason": "stop"}]}
        await call.send(reply(200, json.dumps(body).encode()))

    async with faulty(answer) as server:
        generator = OpenAIGenerator(settings(server.address))
        assert await written(generator) == "Halo."
        await generator.aclose()


async def test_the_servers_first_model_is_taken_where_none_is_named() -> None:
    async def answer(call: Call, number: int) -> None:
        if call.path.endswith("/models"):
            await call.send(reply(200, b'{"data": [{"id": "first"}, {"id": "second"}]}'))
        else:
            await good(call, number)

    async with faulty(answer) as server:
        generator = OpenAIGenerator(settings(server.address, llm_model=""))
        assert await written(generator) == "Halo."
        assert generator.model == "first"
        assert server.calls[-1].body["model"] == "first"
        assert await generator.models() == ["first", "second"]
        await generator.aclose()


async def test_the_doctor_asks_for_the_model() -> None:
    async def answer(call: Call, _: int) -> None:
        await call.send(reply(200, b'{"data": [{"id": "qwen"}]}'))

    async with faulty(answer) as server:
        await OpenAIGenerator(settings(server.address, llm_model="qwen")).check()
        await OpenAIGenerator(settings(server.address, llm_model="")).check()
        with pytest.raises(GenerationError, match="one of: qwen"):
            await OpenAIGenerator(settings(server.address)).check()
    with pytest.raises(GenerationError, match="cannot be reached"):
        await OpenAIGenerator(settings(server.address)).check()


async def test_who_leaves_ends_the_request() -> None:
    async with faulty(trickle) as server:
        generator = OpenAIGenerator(settings(server.address))
        pieces = generator.chat(MESSAGES, 50)
        assert await anext(pieces) == "a "
        await pieces.aclose()
        await asyncio.sleep(0.2)
        assert server.open == 0
        await generator.aclose()


async def test_the_breaker_leaves_a_failing_server_alone() -> None:
    async with faulty(status(500, "boom")) as server:
        generator = OpenAIGenerator(settings(server.address, llm_retries=0))
        for _ in range(3):
            with pytest.raises(GenerationError, match="status 500"):
                await written(generator)
        begun = time.monotonic()
        with pytest.raises(GenerationError, match=r"several times.*asked again in 1[0-9] s"):
            await written(generator)
        assert time.monotonic() - begun < 0.1
        assert len(server.calls) == 3
        await generator.aclose()


def test_the_breaker_lets_one_attempt_through_after_its_rest() -> None:
    now = [0.0]
    breaker = CircuitBreaker(failures=2, rest=10, clock=lambda: now[0])
    breaker.failed()
    assert breaker.waits() == 0
    breaker.failed()
    assert breaker.waits() == 10
    now[0] = 10.0
    assert breaker.waits() == 0
    assert breaker.waits() == 10, "the others wait for what becomes of it"
    breaker.succeeded()
    assert breaker.waits() == 0


async def test_a_refused_context_gets_fewer_passages(engine: Engine) -> None:
    async def small(call: Call, number: int) -> None:
        if (
            call.body["messages"][1]["content"].count("end of passage")
            + call.body["messages"][1]["content"].count("akhir bagian")
            > 1
        ):
            await status(400, "exceeds the available context size")(call, number)
        else:
            await call.send(STREAM, event(f"{TRUE} [1]"), END)

    async with faulty(small) as server:
        changed = engine.settings.model_copy(
            update={"generator": "openai", "llm_base_url": server.address, "llm_model": "m"}
        )
        generators = Generators(changed)
        own = Engine(changed, engine.embedder, engine.index, generators)
        answer = await own.ask(QUESTION)
        assert answer.answer == f"{TRUE} [1]"
        assert (answer.generator, answer.model) == ("openai", "m")
        assert len(server.calls) == 3
        await generators.aclose()


async def test_a_context_too_short_for_anything_is_told() -> None:
    async with faulty(status(400, "maximum context length exceeded")) as server:
        generator = OpenAIGenerator(settings(server.address))
        with pytest.raises(ContextLengthError, match="CITYDIP_LLM_PASSAGES"):
            await written(generator)
        await generator.aclose()


async def test_an_engine_whose_server_is_gone_quotes(engine: Engine) -> None:
    async with faulty(good) as server:
        address = server.address
    changed = engine.settings.model_copy(
        update={"generator": "openai", "llm_base_url": address, "llm_retries": 0}
    )
    own = Engine(changed, engine.embedder, engine.index, Generators(changed))
    answer = await own.ask(QUESTION)
    assert answer.generator == "extractive"
    assert answer.citations
    assert answer.failure == "model-unreachable", "what the server said is for the log"
    assert text(Language.INDONESIAN, "cause.model-unreachable") in answer.notice
    await own.generators.aclose()


async def test_a_password_in_the_address_is_never_told() -> None:
    async with faulty(good) as server:
        address = server.address.replace("http://", "http://me:hidden@")
    generator = OpenAIGenerator(settings(address, llm_retries=0, llm_api_key=None))
    with pytest.raises(GenerationError) as raised:
        await written(generator)
    assert "hidden" not in str(raised.value)
    await generator.aclose()


def test_only_addresses_of_http_are_taken() -> None:
    with pytest.raises(ValueError, match="llm_base_url"):
        Settings(llm_base_url="file:///etc/passwd")
    assert httpx.URL(Settings().llm_base_url).host == "127.0.0.1"


@pytest.mark.parametrize(
    ("answers", "slug"),
    [
        (status(401, "no"), "model-refused"),
        (status(404, "no such model"), "model-refused"),
        (status(429, "slow down"), "model-busy"),
        (status(503, "loading"), "model-busy"),
        (status(500, "oops"), "generation"),
    ],
)
async def test_what_kind_of_failure_it_was(answers: Script, slug: str) -> None:
    async with faulty(answers) as server:
        generator = OpenAIGenerator(settings(server.address, llm_retries=0))
        with pytest.raises(GenerationError) as raised:
            await written(generator)
        assert raised.value.slug == slug
        await generator.aclose()
