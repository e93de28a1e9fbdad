"""Each framework's own way to stream, served by uvicorn and read by httpx."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from otel_sse.wire import Event, Parser
from tests.integrations.answers import DIGESTS, FRAMES, PAYLOADS
from tests.integrations.frameworks_made import ANSWERING, STREAMING, sse_starlette
from tests.integrations.seen import Telemetry, attributes
from tests.integrations.servers import RawClient, Uvicorn

ROUTES = {"plain": None, "quart": None, "django": None}
"""Frameworks that leave no template in the scope."""


async def endless() -> AsyncIterator[bytes]:
    """An answer without an end."""
    while True:
        yield FRAMES[0]
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("name", ANSWERING)
def test_every_chunk_is_in_the_trace(name: str, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """As many chunk events as chunks came out at the client, in order, with digests, dialect and route."""
    app = telemetry.instrument(ANSWERING[name]())
    answer = httpx.get(uvicorn_server.serve(app) + "/chat")
    assert answer.headers["content-type"].startswith("text/event-stream")
    received = [item for item in Parser().feed(answer.content) if isinstance(item, Event)]
    assert [event.data for event in received] == list(PAYLOADS)
    stage, request = telemetry.stage(), telemetry.request()
    assert [chunk["sse.chunk.seq"] for chunk in stage.chunks] == [1, 2, 3, 4, 5]
    assert stage.digests == DIGESTS
    assert [chunk["sse.chunk.done"] for chunk in stage.chunks] == [False] * 4 + [True]
    assert stage.attributes["sse.stream.dialect"] == "openai-chat"
    assert stage.attributes["sse.stream.bytes"] == len(answer.content)
    assert stage.attributes["sse.stream.findings"] == 0
    assert stage.attributes.get("http.route") == ROUTES.get(name, "/chat")
    assert stage.outcome == "completed"
    assert stage.parent_id == request.context.span_id
    assert attributes(request)["sse.stream.chunks"] == len(DIGESTS)
    assert int(answer.headers["x-trace-id"], 16) == request.context.trace_id
    telemetry.settled()


@pytest.mark.parametrize("name", [name for name in STREAMING if name != "plain"])
def test_a_client_that_leaves(name: str, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Every framework that listens for the client's leaving gives disconnected, whatever it raises or cancels."""
    app = telemetry.instrument(STREAMING[name](endless))
    client = RawClient(uvicorn_server.serve(app))
    client.read_until(FRAMES[0])
    client.leave()
    stage = telemetry.stage()
    assert stage.outcome == "disconnected"
    assert set(stage.digests) == {DIGESTS[0]}
    telemetry.settled()


async def busy() -> AsyncIterator[bytes]:
    """The whole answer, behind whose end the application still works until somebody cancels it."""
    for part in FRAMES:
        yield part
    await asyncio.Event().wait()


@pytest.mark.parametrize("name", [name for name in STREAMING if name != "plain"])
def test_a_client_that_leaves_behind_the_end(name: str, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A client that leaves once it has all of the answer was not cut off, whatever the framework raises or cancels."""
    client = RawClient(uvicorn_server.serve(telemetry.instrument(STREAMING[name](busy))))
    client.read_until(FRAMES[-1])
    client.leave()
    stage = telemetry.stage()
    assert (stage.outcome, stage.digests) == ("completed", DIGESTS)
    assert telemetry.stage("emit").outcome == "completed"
    assert attributes(telemetry.request())["sse.stream.outcome"] == "completed"
    telemetry.settled()


@pytest.fixture
def collected(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Collects what Django leaves open where a response raises (the request's file), while that may be."""
    # A logged traceback would keep it.
    caplog.set_level(logging.CRITICAL + 1, "uvicorn.error")
    yield
    gc.collect()


@pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")
@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("name", STREAMING)
def test_a_generator_that_raises(name: str, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A generator that raises after two chunks leaves two chunks and an outcome that is no success."""

    async def breaking() -> AsyncIterator[bytes]:
        yield FRAMES[0]
        yield FRAMES[1]
        raise ValueError("no more tokens")

    app = telemetry.instrument(STREAMING[name](breaking))
    client = RawClient(uvicorn_server.serve(app))
    client.read_all()
    stage = telemetry.stage()
    assert stage.digests == DIGESTS[:2]
    assert stage.outcome == "failed"
    # Litestar wraps what a generator raises after the response's start.
    assert stage.attributes["error.type"] == {"litestar": "litestar.exceptions.base_exceptions.LitestarException"}.get(
        name, "ValueError"
    )
    telemetry.settled()


def test_pings_are_comments(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """sse-starlette's pings are chunks of the kind comment, between the answer's own."""
    pinged = asyncio.Event()

    async def waiting() -> AsyncIterator[str]:
        yield PAYLOADS[0]
        await pinged.wait()
        yield PAYLOADS[-1]

    app = telemetry.instrument(sse_starlette(waiting, ping_s=0.01))

    async def watch(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            await send(message)
            if message.get("body", b"").startswith(b": ping"):
                pinged.set()

        await app(scope, receive, sending)

    httpx.get(uvicorn_server.serve(watch) + "/chat")
    stage = telemetry.stage()
    kinds = [chunk.get("sse.chunk.kind", "content") for chunk in stage.chunks]
    assert kinds[0] == "content"
    assert kinds[-1] == "complete"
    assert set(kinds[1:-1]) == {"comment"}
    assert stage.attributes["sse.stream.content_chunks"] == 1
    assert stage.outcome == "completed"
