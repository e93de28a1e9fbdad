from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from otel_sse import limits
from otel_sse.demo import model_server
from otel_sse.demo.answers import QUESTIONS, answer, tokens
from otel_sse.demo.pacing import Pace
from otel_sse.dialects import Reader
from otel_sse.stream.facts import Facts
from otel_sse.wire import Event, Parser


@pytest_asyncio.fixture
async def model() -> AsyncIterator[httpx.AsyncClient]:
    """A client of the model server, which makes no pauses."""
    transport = httpx.ASGITransport(model_server.build(Pace(1, 0.0)))
    async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
        yield client


def asked(question: str, **more: Any) -> dict[str, Any]:
    return {"model": "demo-1", "messages": [{"role": "user", "content": question}], **more}


async def facts_of(model: httpx.AsyncClient, **more: Any) -> list[Facts]:
    """What a stream says, event by event; fails where it holds anything but events."""
    response = await model.post("/v1/chat/completions", json=asked(QUESTIONS[0], stream=True, **more))
    assert response.headers["content-type"].startswith("text/event-stream")
    parser, reader = Parser(max_bytes=limits.MAX_EVENT_BYTES), Reader()
    items = [*parser.feed(response.content), *parser.close()]
    facts = []
    for item in items:
        assert isinstance(item, Event)
        facts.append(reader.read(item))
    assert reader.name == "openai-chat"
    return facts


async def test_a_stream_is_whole_and_in_order(model: httpx.AsyncClient) -> None:
    """A stream is the role, one event a token, one finish reason and one terminal event, which is the last."""
    facts = await facts_of(model)
    assert [each.content for each in facts] == [None, *tokens(answer(QUESTIONS[0])), None, None]
    assert [each.finish_reason for each in facts if each.finish_reason] == ["stop"]
    assert [index for index, each in enumerate(facts) if each.terminal] == [len(facts) - 1]
    assert facts[-1].terminal == "[DONE]"


async def test_usage_comes_in_a_chunk_of_its_own_where_asked_for(model: httpx.AsyncClient) -> None:
    """With `include_usage` the last chunk before the end says how many tokens there were; without it none does."""
    with_usage = await facts_of(model, stream_options={"include_usage": True})
    without = await facts_of(model)
    assert with_usage[-2].output_tokens == len(tokens(answer(QUESTIONS[0])))
    assert with_usage[-2].input_tokens == len(tokens(QUESTIONS[0]))
    assert len(with_usage) == len(without) + 1
    assert not any(each.output_tokens for each in without)


async def test_an_answer_can_be_had_whole(model: httpx.AsyncClient) -> None:
    """Without `stream` the answer is one completion with its usage."""
    response = await model.post("/v1/chat/completions", json=asked(QUESTIONS[1]))
    completion = response.json()
    assert completion["object"] == "chat.completion"
    assert completion["choices"][0]["message"]["content"] == answer(QUESTIONS[1])
    assert completion["usage"]["total_tokens"] == len(tokens(QUESTIONS[1])) + len(tokens(answer(QUESTIONS[1])))


async def test_content_may_come_in_parts(model: httpx.AsyncClient) -> None:
    """A message of text parts is understood like one of text."""
    parts = [{"type": "text", "text": "Tell me"}, {"type": "text", "text": "a joke"}]
    response = await model.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": parts}]})
    assert response.json()["choices"][0]["message"]["content"] == answer("joke")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"{}", b'{"messages": []}', b'{"messages": [{}]}', b'{"messages": [{"content": 1}]}', b"1"],
)
async def test_a_bad_request_is_refused_like_openai_does(model: httpx.AsyncClient, body: bytes) -> None:
    """What is not a request gets status 400 and an error object."""
    response = await model.post("/v1/chat/completions", content=body)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


async def test_answers_have_ids_of_their_own(model: httpx.AsyncClient) -> None:
    """Two answers differ in their id."""
    ids = {(await model.post("/v1/chat/completions", json=asked("joke"))).json()["id"] for _ in range(2)}
    assert len(ids) == 2


async def test_the_models_are_listed(model: httpx.AsyncClient) -> None:
    """GET /v1/models names the one model."""
    listed = (await model.get("/v1/models")).json()
    assert [each["id"] for each in listed["data"]] == ["demo-1"]
