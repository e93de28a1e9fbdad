"""What an application's iterator yields is the stage `emit`, in every framework that has a seam for it."""

from __future__ import annotations

import asyncio
import gc
import logging
import types
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

import otel_sse
from tests.integrations.answers import ANSWER, DIGESTS, FRAMES, plain
from tests.integrations.driver import Driver, call
from tests.integrations.frameworks_made import ANSWERING, STREAMING
from tests.integrations.made import starlette_app
from tests.integrations.seen import Telemetry
from tests.integrations.servers import RawClient, Uvicorn, read_raw

WITH_SEAM = [name for name in ANSWERING if name != "plain"]


@pytest.mark.parametrize("name", WITH_SEAM)
def test_each_chunk_is_emitted_and_written(name: str, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """The stages share the stream; each written chunk knows the one that was emitted, and bytes are the same."""
    plainly = read_raw(uvicorn_server.serve(ANSWERING[name]()))
    client = RawClient(
        uvicorn_server.serve(telemetry.instrument(ANSWERING[name](), traceresponse_header=False, trace_id_header=False))
    )
    assert client.read_all() == plainly
    emit, written = telemetry.stage("emit"), telemetry.stage()
    assert emit.digests == written.digests == DIGESTS
    assert emit.outcome == "completed"
    assert emit.stream_id == written.stream_id
    assert emit.parent_id == telemetry.request().context.span_id
    assert [chunk["sse.chunk.upstream.first"] for chunk in written.chunks] == [1, 2, 3, 4, 5]
    assert not any("sse.chunk.upstream.first" in chunk for chunk in emit.chunks)
    assert written.attributes["sse.stage.upstream"] == "emit"
    assert [link.context.span_id for link in written.first.links] == [emit.first.context.span_id]
    assert [chunk["sse.chunk.raw_len"] for chunk in emit.chunks] == [
        chunk["sse.chunk.raw_len"] for chunk in written.chunks
    ]
    telemetry.settled()


def test_a_bare_application_has_none(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Where there is no framework there is no seam, and so no stage."""
    httpx.get(uvicorn_server.serve(telemetry.instrument(plain())) + "/chat")
    assert telemetry.stage().digests == DIGESTS
    assert telemetry.segments("emit") == []


@pytest.mark.parametrize("name", WITH_SEAM)
def test_it_can_be_switched_off(name: str, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """With `emit=False` an application has none, even beside one that has."""
    app = telemetry.instrument(ANSWERING[name](), emit=False)
    telemetry.instrument(plain())
    httpx.get(uvicorn_server.serve(app) + "/chat")
    assert telemetry.stage().digests == DIGESTS
    assert telemetry.segments("emit") == []


@pytest.mark.parametrize("name", WITH_SEAM)
async def test_an_application_that_is_not_watched(name: str, telemetry: Telemetry) -> None:
    """An application beside an instrumented one is served by its framework alone."""
    telemetry.instrument(plain())
    driver = await call(ANSWERING[name]())
    assert driver.error is None
    otel_sse.flush()
    assert telemetry.spans() == []


async def test_other_media_types(telemetry: Telemetry) -> None:
    """A stream of another type is no event stream, and its iterator is left alone."""
    made: list[Any] = []

    async def chat(request: Request) -> StreamingResponse:
        made.append(StreamingResponse(_seen(), media_type="application/json"))
        return made[0]

    async def _seen() -> AsyncIterator[bytes]:
        made.append(made[0].body_iterator)
        yield b"[]"

    driver = await call(telemetry.instrument(Starlette(routes=[Route("/chat", chat)])))
    assert driver.body == b"[]"
    assert type(made[1]) is types.AsyncGeneratorType
    otel_sse.flush()
    assert telemetry.segments("emit") == []


@pytest.mark.parametrize("name", [name for name in STREAMING if name != "plain"])
@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
def test_an_iterator_that_raises(
    name: str, telemetry: Telemetry, uvicorn_server: Uvicorn, caplog: pytest.LogCaptureFixture
) -> None:
    """The iterator's own exception, and not the framework's, is the stage's."""

    async def breaking() -> AsyncIterator[bytes]:
        yield FRAMES[0]
        raise ValueError("no more tokens")

    # A record of the error would keep all that hangs on it.
    caplog.set_level(logging.CRITICAL, "uvicorn.error")
    RawClient(uvicorn_server.serve(telemetry.instrument(STREAMING[name](breaking)))).read_all()
    emit = telemetry.stage("emit")
    assert emit.digests == DIGESTS[:1]
    assert (emit.outcome, emit.attributes["error.type"]) == ("failed", "ValueError")
    assert telemetry.stage().outcome == "failed"
    telemetry.settled()
    # Django leaves the request's file open where a response raises. It is collected here, where that may be.
    gc.collect()


@pytest.mark.parametrize("name", [name for name in STREAMING if name != "plain"])
def test_a_client_that_leaves(name: str, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Where the client leaves, the iterator was cancelled or dropped, and nothing stays open."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield FRAMES[0]
            await asyncio.sleep(0.002)

    client = RawClient(uvicorn_server.serve(telemetry.instrument(STREAMING[name](endless))))
    client.read_until(FRAMES[0])
    client.leave()
    assert telemetry.stage().outcome == "disconnected"
    assert telemetry.stage("emit").outcome in ("cancelled", "abandoned")
    telemetry.settled()


@pytest.mark.parametrize("name", [name for name in STREAMING if name not in ("plain", "django", "quart")])
@pytest.mark.parametrize("version", ["2.3", "2.4"])
async def test_cancelled_at_each_await(name: str, version: str, telemetry: Telemetry) -> None:
    """A request that is cancelled at any await leaves one outcome for each stage that had begun."""
    app = telemetry.instrument(STREAMING[name](_frames))
    whole = await Driver(app, spec_version=version).run()
    assert whole.body == ANSWER
    otel_sse.flush()
    for at in range(1, whole.pauses + 1):
        telemetry.exporter.clear()
        await Driver(app, spec_version=version, cancel_at=at).run()
        otel_sse.flush()
        for stage in ("emit", "socket_write"):
            assert len(telemetry.stages(len(telemetry.segments(stage)), stage)) <= 1
        telemetry.settled()


async def _frames() -> AsyncIterator[bytes]:
    for part in FRAMES:
        await asyncio.sleep(0)
        yield part


async def test_the_very_same_objects(telemetry: Telemetry) -> None:
    """What the iterator yields is what the framework sends."""
    parts = [bytes(part) for part in FRAMES]

    async def same() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    driver = await call(telemetry.instrument(starlette_app(same)))
    sent = [message["body"] for message in driver.messages if message.get("body")]
    assert all(a is b for a, b in zip(sent, parts, strict=True))


async def test_a_response_is_as_it_was_afterwards(telemetry: Telemetry) -> None:
    """The iterator is put back where it was, and what others have put there since stays."""
    made: list[Any] = []

    async def chat(request: Request) -> StreamingResponse:
        iterator = _frames()
        response = StreamingResponse(iterator, media_type="text/event-stream")
        made.append((iterator, response))
        return response

    await call(telemetry.instrument(Starlette(routes=[Route("/chat", chat)])))
    iterator, response = made[0]
    assert response.body_iterator is iterator


def test_head_has_no_emit(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A HEAD request has no stage: what is streamed goes nowhere."""
    app = telemetry.instrument(starlette_app())
    app.router.routes[0].methods.add("HEAD")
    assert httpx.head(uvicorn_server.serve(app) + "/chat").status_code == 200
    otel_sse.flush()
    assert telemetry.segments("emit") == telemetry.segments() == []


def test_an_answer_around_an_answer(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Middleware that answers with a new response around the old one's iterator emits again, from the first."""

    async def again(request: Request, call_next: Any) -> StreamingResponse:
        response = await call_next(request)
        return StreamingResponse(response.body_iterator, media_type="text/event-stream")

    app = starlette_app()
    app.add_middleware(BaseHTTPMiddleware, dispatch=again)
    assert httpx.get(uvicorn_server.serve(telemetry.instrument(app)) + "/chat").content == ANSWER
    telemetry.stage()
    otel_sse.flush()
    first, second = sorted(telemetry.segments("emit"), key=lambda span: len(span.links))
    assert [link.context.span_id for link in second.links] == [first.context.span_id]
    assert [event.attributes["sse.chunk.upstream.first"] for event in second.events if event.attributes] == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_emit_lines_come_by_themselves(
    telemetry: Telemetry, uvicorn_server: Uvicorn, caplog: pytest.LogCaptureFixture
) -> None:
    """With the logger on DEBUG each emitted chunk has its EMIT line, followed by its SOCKET_WRITE line."""
    with caplog.at_level(logging.DEBUG, "otel_sse.chunk"):
        httpx.get(uvicorn_server.serve(telemetry.instrument(starlette_app())) + "/chat")
        telemetry.stage()
    lines = [record.getMessage().split() for record in caplog.records if record.name == "otel_sse.chunk"]
    of_ours = [line for line in lines if line[0] != "CLIENT"]
    expected = [[name, f"seq={seq}"] for seq in range(1, 6) for name in ("EMIT", "SOCKET_WRITE")]
    assert [line[:2] for line in of_ours] == expected
    assert of_ours[0][2] == f"sha1={DIGESTS[0]}"


def test_exceptions_of_ours_harm_nobody(
    telemetry: Telemetry, uvicorn_server: Uvicorn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the stage can't be opened the answer arrives whole, and the error is counted."""
    monkeypatch.setattr("otel_sse.telemetry.internal.reraise", False)

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise LookupError("broken")

    monkeypatch.setattr("otel_sse.integrations.frameworks.emit.streamed_body", broken)
    app = telemetry.instrument(starlette_app())
    assert httpx.get(uvicorn_server.serve(app) + "/chat").content == ANSWER
    assert telemetry.stage().digests == DIGESTS
    assert telemetry.value("sse.internal_errors", site="open") == 1
