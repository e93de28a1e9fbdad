"""`observe` makes a stage of any iterator, and finds the stream that it belongs to."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from contextvars import copy_context
from typing import Any

import anyio
import httpx
import openai
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai.types.chat import ChatCompletionChunk
from opentelemetry import trace

import otel_sse
from otel_sse.recording import registry
from otel_sse.recording.live_stream import Stream, enter, leave
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry.clock import now_ns
from tests.integrations.answers import DIGESTS, FRAMES, WORDS, frame, frames, plain
from tests.integrations.driver import call
from tests.integrations.made import fastapi_app
from tests.integrations.pipeline import (
    TEXTS,
    ended,
    one_to_one,
    outcomes,
    produced,
    recorder_outside,
    stages,
    upstream,
)
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn

ALONE = {"clients": False, "emit": False}
"""Settings under which no stage appears by itself but `socket_write`."""


@pytest.fixture
def default(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Records what is watched outside of any request."""
    recorder = recorder_outside(telemetry)
    monkeypatch.setattr(registry, "_default", recorder)
    return recorder


@pytest.fixture
def stream(default: Recorder) -> Iterator[Stream]:
    """The stream of a request that is being served."""
    current = Stream(default, now_ns())
    token = enter(current)
    yield current
    leave(token)


def streaming(parts: Any) -> StreamingResponse:
    """A response that streams an iterator."""
    return StreamingResponse(parts, media_type="text/event-stream")


async def in_the_endpoint() -> StreamingResponse:
    """The provider is watched before the response is returned."""
    chunks = otel_sse.observe(frames(), "provider", source="openai")
    return streaming(otel_sse.observe(chunks, "emit"))


async def in_the_generator() -> StreamingResponse:
    """The provider is watched when the response has begun."""

    async def answer() -> AsyncIterator[bytes]:
        async for part in otel_sse.observe(frames(), "provider", source="openai"):
            yield part

    return streaming(otel_sse.observe(answer(), "emit"))


async def in_a_task() -> StreamingResponse:
    """The provider is read by a task of its own."""
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def pump() -> None:
        async for part in otel_sse.observe(frames(), "provider", source="openai"):
            await queue.put(part)
        await queue.put(None)

    async def answer() -> AsyncIterator[bytes]:
        task = asyncio.create_task(pump())
        while (part := await queue.get()) is not None:
            yield part
        await task

    return streaming(otel_sse.observe(answer(), "emit"))


async def in_a_task_group() -> StreamingResponse:
    """The provider is read by a task of a task group."""

    async def answer() -> AsyncIterator[bytes]:
        send, receive = anyio.create_memory_object_stream[bytes](100)

        async def pump() -> None:
            async with send:
                async for part in otel_sse.observe(frames(), "provider", source="openai"):
                    await send.send(part)

        async with anyio.create_task_group() as group:
            group.start_soon(pump)
            async with receive:
                async for part in receive:
                    yield part

    return streaming(otel_sse.observe(answer(), "emit"))


async def in_a_thread() -> StreamingResponse:
    """The provider is read by a worker thread."""

    def read() -> list[bytes]:
        return list(otel_sse.observe(iter(FRAMES), "provider", source="openai"))

    async def answer() -> AsyncIterator[bytes]:
        for part in await anyio.to_thread.run_sync(read):
            yield part

    return streaming(otel_sse.observe(answer(), "emit"))


async def in_a_pool() -> StreamingResponse:
    """A generator that is not async, which the framework pulls in worker threads."""

    def answer() -> Iterator[bytes]:
        yield from otel_sse.observe(iter(FRAMES), "provider", source="openai")

    return streaming(otel_sse.observe(answer(), "emit"))


def in_a_plain_endpoint() -> StreamingResponse:
    """An endpoint that is not async, which the framework runs in a worker thread."""
    return streaming(otel_sse.observe(otel_sse.observe(iter(FRAMES), "provider", source="openai"), "emit"))


ENDPOINTS = [
    in_the_endpoint,
    in_the_generator,
    in_a_task,
    in_a_task_group,
    in_a_thread,
    in_a_pool,
    in_a_plain_endpoint,
]


@pytest.mark.server
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_stages_find_their_request(endpoint: Any, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Wherever a stage is made and pulled, it belongs to the stream of its request, and each chunk knows its way."""
    app = FastAPI()
    app.get("/chat/{who}")(endpoint)
    address = uvicorn_server.serve(telemetry.instrument(app, flush_interval_seconds=0.01, **ALONE))
    assert httpx.get(address + "/chat/me").content == b"".join(FRAMES)
    found = stages(telemetry, "provider", "emit", "socket_write")
    assert len({stage.stream_id for stage in found.values()}) == 1
    assert {stage.parent_id for stage in found.values()} == {telemetry.request().context.span_id}
    assert all(stage.digests == DIGESTS and stage.outcome == "completed" for stage in found.values())
    assert upstream(found["provider"]) == [(0, 0)] * len(DIGESTS)
    assert one_to_one(found["emit"])
    assert one_to_one(found["socket_write"])
    assert found["provider"].attributes["sse.source"] == "openai"


@pytest.mark.server
def test_requests_at_the_same_time_keep_apart(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Twenty answers at once are twenty streams of three stages."""
    app = FastAPI()
    app.get("/chat")(in_a_task)
    address = uvicorn_server.serve(telemetry.instrument(app, flush_interval_seconds=0.01, **ALONE))

    async def ask() -> None:
        async with httpx.AsyncClient() as client:
            await asyncio.gather(*(client.get(address + "/chat") for _ in range(20)))

    asyncio.run(ask())
    found = ended(telemetry, 60)
    by_stream: dict[str, list[str]] = {}
    for stage in found:
        by_stream.setdefault(stage.stream_id, []).append(stage.attributes["sse.stage"])
        assert stage.digests == DIGESTS
    assert len(by_stream) == 20
    assert all(sorted(names) == ["emit", "provider", "socket_write"] for names in by_stream.values())


@pytest.mark.server
def test_two_sources_are_told_apart(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Where two providers write to one answer, each chunk behind them says which of them it came from."""

    async def both() -> StreamingResponse:
        async def answer() -> AsyncIterator[bytes]:
            a, b = (
                otel_sse.observe(frames([frame(f"{source}{number}") for number in range(3)]), "provider", source=source)
                for source in "ab"
            )
            for chunks in (a, b, b, a, b, a):
                yield await anext(chunks)

        return streaming(otel_sse.observe(answer(), "emit"))

    app = FastAPI()
    app.get("/chat")(both)
    address = uvicorn_server.serve(telemetry.instrument(app, flush_interval_seconds=0.01, **ALONE))
    httpx.get(address + "/chat")
    found = ended(telemetry, 4)
    (emit,) = [stage for stage in found if stage.attributes["sse.stage"] == "emit"]
    told = [(one.get("sse.chunk.source"), one["sse.chunk.upstream.first"]) for one in emit.chunks]
    assert told == [(None, 1), ("b", 1), ("b", 2), ("a", 2), ("b", 3), ("a", 3)]
    sources = {stage.attributes["sse.source"]: stage for stage in found if "sse.source" in stage.attributes}
    assert [link.context.span_id for link in emit.first.links] == [
        sources[source].first.context.span_id for source in "ab"
    ]


async def test_rounds_with_the_same_answer_are_told_apart(stream: Stream, telemetry: Telemetry) -> None:
    """An agent that asks twice and gets the same answer: each chunk behind it names the span that it came from."""

    async def answer() -> AsyncIterator[str]:
        for _ in range(2):
            async for text in otel_sse.observe(produced(), "provider", source="openai"):
                yield text
        yield "the end"

    assert len([text async for text in otel_sse.observe(answer(), "emit")]) == 2 * len(TEXTS) + 1
    first, second, emit = sorted(ended(telemetry, 3), key=lambda stage: (len(stage.chunks), stage.first.start_time))
    spans = [stage.first.context.span_id for stage in (first, second)]
    assert [link.context.span_id for link in emit.first.links] == spans
    named = [chunk.get("sse.chunk.upstream.span") for chunk in emit.chunks]
    count = len(TEXTS)
    assert named == [None] * count + [trace.format_span_id(spans[1])] * (count + 1)
    assert upstream(emit)[: 2 * count] == [(seq, seq) for seq in range(1, count + 1)] * 2


async def test_rounds_of_a_stage_do_not_come_after_each_other(stream: Stream, telemetry: Telemetry) -> None:
    """Nobody has claimed the first round's chunks, and the second one's are equal; still it is another beginning."""
    for _ in range(2):
        assert len([text async for text in otel_sse.observe(produced(), "callback")]) == len(TEXTS)
    assert [list(stage.first.links) for stage in ended(telemetry, 2)] == [[], []]


async def test_stages_of_tasks_side_by_side_do_not_come_after_each_other(stream: Stream, telemetry: Telemetry) -> None:
    """What waits in another task's stage was not pulled by this one."""

    async def slowly(word: str) -> AsyncIterator[str]:
        for number in range(3):
            await asyncio.sleep(0)
            yield f"{word}{number}"

    async def read(word: str) -> None:
        async for _ in otel_sse.observe(slowly(word), word):
            pass

    await asyncio.gather(read("a"), read("b"), read("c"))
    assert [list(stage.first.links) for stage in ended(telemetry, 3)] == [[]] * 3


async def test_a_call_for_each_chunk_comes_before_what_pulls_it(stream: Stream, telemetry: Telemetry) -> None:
    """A function that is called within a pull was pulled from too, whatever becomes of its result."""

    upper = otel_sse.normalize(str.upper)

    async def turned() -> AsyncIterator[str]:
        async for text in produced():
            yield upper(text) + "!"

    assert len([text async for text in otel_sse.observe(turned(), "shown", rewrites=True)]) == len(TEXTS)
    stream.end("completed")
    found = stages(telemetry, "normalize", "shown")
    assert one_to_one(found["shown"])


async def test_a_stage_that_was_pulled_comes_before_whatever_it_became(stream: Stream, telemetry: Telemetry) -> None:
    """A chunk that was pulled and rewritten equals nothing, and is still made from what was pulled."""

    async def loud() -> AsyncIterator[str]:
        async for text in otel_sse.observe(produced(), "callback"):
            yield text.upper()

    assert len([text async for text in otel_sse.observe(loud(), "shown", rewrites=True)]) == len(TEXTS)
    found = stages(telemetry, "callback", "shown")
    assert one_to_one(found["shown"])


def test_stage_made_before_any_request_belongs_to_the_one_that_pulls(default: Recorder, telemetry: Telemetry) -> None:
    """What was watched outside of any request is a stage of the stream in which it is first pulled."""
    watched = otel_sse.observe(iter(TEXTS), "provider")
    current = Stream(default, now_ns())
    token = enter(current)
    assert list(watched) == list(TEXTS)
    leave(token)
    assert stages(telemetry, "provider")["provider"].stream_id == current.id


def test_stage_made_in_a_request_stays_there(stream: Stream, telemetry: Telemetry) -> None:
    """What was watched in a request is a stage of its stream, even if a thread that knows nothing of it pulls."""
    watched = otel_sse.observe(iter(TEXTS), "provider")
    assert without_a_stream(lambda: list(watched)) == list(TEXTS)
    assert stages(telemetry, "provider")["provider"].stream_id == stream.id


def without_a_stream(call: Callable[[], Any]) -> Any:
    """Call a function in a context in which no stream is current."""
    context = copy_context()
    context.run(enter, None)  # type: ignore[arg-type]
    return context.run(call)


async def test_outside_of_any_request_it_is_a_stream_of_its_own(default: Recorder, telemetry: Telemetry) -> None:
    """What is watched one around the other shares a stream and a trace; what is watched apart does not."""
    chain = otel_sse.observe(otel_sse.observe(produced(), "provider"), "emit")
    apart = otel_sse.observe(iter(TEXTS), "other")
    assert [item async for item in chain] == list(apart) == list(TEXTS)
    found = stages(telemetry, "provider", "emit", "other")
    assert found["provider"].stream_id == found["emit"].stream_id != found["other"].stream_id
    traces = [found[name].first.context.trace_id for name in ("provider", "emit", "other")]
    assert traces[0] == traces[1] != traces[2]
    assert one_to_one(found["emit"])


def test_outside_of_any_request_it_belongs_to_the_callers_span(default: Recorder, telemetry: Telemetry) -> None:
    """A script's own span is the parent of the stages within."""
    with telemetry.tracer_provider.get_tracer("t").start_as_current_span("script") as span:
        list(otel_sse.observe(otel_sse.observe(iter(TEXTS), "provider"), "emit"))
    found = stages(telemetry, "provider", "emit")
    assert {stage.parent_id for stage in found.values()} == {span.get_span_context().span_id}


async def test_no_span_is_current_while_the_application_has_a_chunk(stream: Stream) -> None:
    """The application's code runs in its own context, before, between and after chunks."""
    async for _ in otel_sse.observe(produced(), "provider"):
        assert not trace.get_current_span().get_span_context().is_valid


def test_rewrites_is_written_on_the_stage(stream: Stream, telemetry: Telemetry) -> None:
    """A stage that may change content says so."""
    list(otel_sse.observe(iter(TEXTS), "format", rewrites=True))
    assert stages(telemetry, "format")["format"].attributes["sse.stage.rewrites"] is True


@pytest.mark.parametrize("thing", [5, None, len])
def test_what_can_not_be_iterated_is_refused(thing: object) -> None:
    """The message says what to pass instead."""
    with pytest.raises(TypeError, match=r"^stream must be an iterator, got .*\. Pass what you iterate"):
        otel_sse.observe(thing, "provider")  # type: ignore[call-overload]


def test_switched_off(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the settings say so, outside of requests nothing is recorded, and every object comes out."""
    monkeypatch.setattr(registry, "_default", recorder_outside(telemetry, enabled=False))
    assert list(otel_sse.observe(iter(TEXTS), "provider")) == list(TEXTS)
    assert ended(telemetry, 0) == []


def test_wrong_setting_is_not_raised_into_a_stream(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A variable that can't be used is told in the log, once, and every object comes out."""
    monkeypatch.setattr(registry, "_default", None)
    monkeypatch.setenv("OTEL_SSE_QUEUE_SIZE", "many")
    registry.tell_unusable.cache_clear()
    with caplog.at_level(logging.WARNING, "otel_sse"):
        assert [list(otel_sse.observe(iter(TEXTS), "provider")) for _ in range(2)] == [list(TEXTS)] * 2
    (told,) = caplog.records
    assert "OTEL_SSE_QUEUE_SIZE must" in told.getMessage()


def test_recorder_that_is_shut_down_does_no_harm(telemetry: Telemetry, stream: Stream) -> None:
    """A stream that outlives its application's instrumentation goes on, and its stage was abandoned."""
    watched = otel_sse.observe(iter(TEXTS), "provider")
    taken = [next(watched)]
    stream.recorder.shutdown()
    taken += watched
    taken += otel_sse.observe(iter(TEXTS), "late")
    assert taken == list(TEXTS) * 2
    assert outcomes(telemetry, "provider", "late")["provider"] == "abandoned"


def chat_chunk(content: str | None, finish: str | None = None) -> bytes:
    """One chunk of a chat completion as OpenAI sends it."""
    choice = {"index": 0, "delta": {"content": content} if content else {}, "finish_reason": finish}
    payload = {"id": "c", "created": 1, "model": "m", "object": "chat.completion.chunk", "choices": [choice]}
    return f"data: {json.dumps(payload)}\n\n".encode()


@pytest.fixture
def model(uvicorn_server: Uvicorn) -> str:
    """Address of a model server that answers every question."""
    parts = [*map(chat_chunk, WORDS), chat_chunk(None, "stop"), b"data: [DONE]\n\n"]
    return uvicorn_server.serve(plain(parts))


@asynccontextmanager
async def asking(address: str) -> AsyncIterator[Any]:
    """The answer of a model to a question that the `openai` package asks."""
    async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        question: Any = [{"role": "user", "content": "?"}]
        yield await client.chat.completions.create(model="m", messages=question, stream=True)


@pytest.mark.server
async def test_openai_stream(model: str, stream: Stream, telemetry: Telemetry) -> None:
    """`openai.AsyncStream` stays what it is, its chunks are read as such, and it completes."""
    async with asking(model) as answer:
        watched = otel_sse.observe(answer, "provider", source="openai")
        assert isinstance(watched, openai.AsyncStream)
        assert watched.response.status_code == 200
        taken = [chunk async for chunk in watched]
    assert all(isinstance(chunk, ChatCompletionChunk) for chunk in taken)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in taken) == "".join(WORDS)
    stage = stages(telemetry, "provider")["provider"]
    assert stage.digests[: len(WORDS)] == DIGESTS[: len(WORDS)]
    assert (stage.attributes["sse.stream.dialect"], stage.outcome) == ("openai-chat", "completed")


@pytest.mark.server
@pytest.mark.parametrize("how", ["async with", "close"])
async def test_openai_stream_is_closed(how: str, model: str, stream: Stream, telemetry: Telemetry) -> None:
    """Leaving the stream in the middle closes its response and ends the stage."""
    async with asking(model) as answer:
        watched = otel_sse.observe(answer, "provider")
        if how == "close":
            await anext(watched)
            await watched.close()
        else:
            async with watched:
                await anext(watched)
        assert watched.response.is_closed
    assert outcomes(telemetry, "provider") == {"provider": "abandoned"}


@pytest.mark.server
async def test_mark_on_a_stream_whose_client_is_watched(telemetry: Telemetry, model: str) -> None:
    """Next to the stage that appears by itself, an own `provider` comes after it, chunk by chunk of content."""

    async def answer() -> AsyncIterator[str]:
        async with asking(model) as chunks:
            async for chunk in otel_sse.observe(chunks, "provider", source="openai"):
                if text := chunk.choices[0].delta.content:
                    yield f"data: {json.dumps({'content': text})}\n\n"

    app = telemetry.instrument(fastapi_app(answer), flush_interval_seconds=0.01)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        await client.get("/chat")
    found = ended(telemetry, 4)
    by_source = {stage.attributes.get("sse.source", stage.attributes["sse.stage"]): stage for stage in found}
    (seen,) = set(by_source) - {"openai", "emit", "socket_write"}
    words = [(seq, seq) for seq in range(1, len(WORDS) + 1)]
    assert upstream(by_source["openai"])[: len(WORDS)] == upstream(by_source["emit"]) == words
    for one, before in (("openai", seen), ("emit", "openai")):
        links = [link.context.span_id for link in by_source[one].first.links]
        assert links == [by_source[before].first.context.span_id]


async def test_stage_whose_iterator_is_held_ends_with_the_request(telemetry: Telemetry) -> None:
    """Who breaks out of a stream and keeps it leaves no stage open; what is pulled later goes by unseen."""
    held: list[Any] = []

    async def answer() -> AsyncIterator[bytes]:
        source = otel_sse.observe(produced(), "provider")
        held.append(source)
        async for text in source:
            yield frame(text)
            break

    await call(telemetry.instrument(fastapi_app(answer), **ALONE))
    found = stages(telemetry, "provider", "socket_write")
    assert (found["provider"].outcome, len(found["provider"].chunks)) == ("abandoned", 1)
    telemetry.settled()
    assert [text async for text in held[0]] == list(TEXTS[1:])
    assert telemetry.value("sse.chunks", stage="provider", route="/chat") == 1
    await held[0].aclose()
    telemetry.settled()


def test_whole_types_and_cumulative_are_those_of_the_stage(stream: Stream, telemetry: Telemetry) -> None:
    """A frame of such a type is no content, and of a cumulative stage what is new is."""
    whole = "".join(TEXTS)
    tokens = [{"type": "token", "content": text} for text in TEXTS]
    list(otel_sse.observe([*tokens, {"type": "answer", "content": f"{whole}!"}], "typed", whole_types=["answer"]))
    so_far = [{"text": "".join(TEXTS[: at + 1])} for at in range(len(TEXTS))]
    list(otel_sse.observe(so_far, "page", cumulative=True))
    found = stages(telemetry, "typed", "page")
    for name in ("typed", "page"):
        assert found[name].attributes["sse.stream.content_bytes"] == len(whole.encode())
        assert found[name].attributes["sse.stream.content_chunks"] == len(TEXTS)


@pytest.mark.parametrize("given", ["final", [1]])
def test_whole_types_are_a_sequence_of_texts(given: Any) -> None:
    """One text is refused: it would be taken for its letters."""
    with pytest.raises(TypeError, match="whole_types must be a sequence of texts, got"):
        otel_sse.observe([], "provider", whole_types=given)
