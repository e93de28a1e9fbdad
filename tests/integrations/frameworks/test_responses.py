"""What each framework's streaming response iterates, and how it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from litestar.response import Stream
from quart import Quart
from quart import Response as QuartResponse
from sse_starlette import EventSourceResponse, JSONServerSentEvent, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

import otel_sse
from tests.integrations.answers import ANSWER, DIGESTS, FRAMES, PAYLOADS
from tests.integrations.driver import call
from tests.integrations.frameworks_made import sse_starlette
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn


async def _frames() -> AsyncIterator[bytes]:
    for part in FRAMES:
        await asyncio.sleep(0)
        yield part


@pytest.mark.parametrize(
    ("item", "digest_of"),
    [
        ({"data": PAYLOADS[0], "event": "message", "id": "7"}, 0),
        ({"data": PAYLOADS[0], "comment": "first"}, 0),
        (ServerSentEvent(PAYLOADS[0], id="7"), 0),
        (PAYLOADS[0], 0),
        (FRAMES[0], 0),
        (memoryview(FRAMES[0]), 0),
    ],
)
async def test_items_of_sse_starlette(item: Any, digest_of: int, telemetry: Telemetry) -> None:
    """Whatever sse-starlette takes is read as the event that it is sent as, and stays as it was."""
    # Older ones write into the dictionaries that they are given.
    bare, item = (dict(item) if isinstance(item, dict) else item for _ in range(2))

    async def items() -> AsyncIterator[Any]:
        yield item

    async def bare_items() -> AsyncIterator[Any]:
        yield bare

    await call(sse_starlette(bare_items, ping_s=60))
    driver = await call(telemetry.instrument(sse_starlette(items, ping_s=60)))
    assert driver.error is None
    emit, written = telemetry.stage("emit"), telemetry.stage()
    # On a busy machine a send may take the millisecond from which on it is recorded.
    own = ("sse.chunk.upstream", "sse.chunk.send_time")
    assert emit.chunks[-1] == {key: value for key, value in written.chunks[-1].items() if not key.startswith(own)}
    assert emit.digests[-1] == DIGESTS[digest_of]
    assert item == bare


async def test_json_events_of_sse_starlette(telemetry: Telemetry) -> None:
    """An event whose data is an object is read as its JSON."""

    async def items() -> AsyncIterator[Any]:
        yield JSONServerSentEvent(
            {"choices": [{"index": 0, "delta": {"content": "Streams "}}], "object": "chat.completion.chunk"}
        )

    await call(telemetry.instrument(sse_starlette(items, ping_s=60)))
    assert telemetry.stage("emit").digests == DIGESTS[:1]


async def test_an_item_that_sse_starlette_refuses(telemetry: Telemetry) -> None:
    """What can't be sent fails the response exactly as without us, and is no error of ours."""

    async def items() -> AsyncIterator[Any]:
        yield PAYLOADS[0]
        yield {"no such field": 1}

    plainly = await call(sse_starlette(items, ping_s=60))
    driver = await call(telemetry.instrument(sse_starlette(items, ping_s=60)))
    assert type(driver.error) is type(plainly.error) is TypeError
    assert telemetry.stage("emit").outcome == "abandoned"
    assert telemetry.value("sse.internal_errors", site="observe") == 0


def test_pings_are_the_framework_s(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """sse-starlette's pings are written but not emitted: what they were made from is nothing."""

    pinged = asyncio.Event()

    async def waiting() -> AsyncIterator[str]:
        yield PAYLOADS[0]
        await pinged.wait()
        yield PAYLOADS[-1]

    app = telemetry.instrument(sse_starlette(waiting, ping_s=0.02))

    async def watch(scope: Any, receive: Any, send: Any) -> None:
        async def sending(message: Any) -> None:
            await send(message)
            if message.get("body", b"").startswith(b": ping"):
                pinged.set()

        await app(scope, receive, sending)

    httpx.get(uvicorn_server.serve(watch) + "/chat")
    emit, written = telemetry.stage("emit"), telemetry.stage()
    assert emit.digests == [DIGESTS[0], DIGESTS[-1]]
    pings = [chunk for chunk in written.chunks if chunk.get("sse.chunk.kind") == "comment"]
    assert pings
    assert not any("sse.chunk.upstream.first" in chunk for chunk in pings)
    rest = [chunk["sse.chunk.upstream.first"] for chunk in written.chunks if chunk not in pings]
    assert rest == [1, 2]


def quart_items(items: Any) -> Quart:
    """A Quart application that streams `items`."""
    app = Quart(__name__)

    @app.get("/chat")
    async def chat() -> QuartResponse:
        return QuartResponse(items, mimetype="text/event-stream")

    return app


def litestar_items(items: Any) -> Litestar:
    """A Litestar application that streams `items`."""

    @get("/chat")
    async def chat() -> Stream:
        return Stream(items, media_type="text/event-stream")

    return Litestar([chat], openapi_config=None)


def starlette_items(items: Any) -> Starlette:
    """A Starlette application that streams `items`."""

    async def chat(request: Request) -> StreamingResponse:
        return StreamingResponse(items, media_type="text/event-stream")

    return Starlette(routes=[Route("/chat", chat)])


@pytest.mark.parametrize("make", [quart_items, litestar_items, starlette_items])
def test_sync_iterators_and_text(make: Any, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Text is read as the bytes it is sent as, wherever it is cut, and sync iterators are as good as async ones."""
    text = ANSWER.decode()
    app = make(iter([text[:9], text[9:30], text[30:]]))
    assert httpx.get(uvicorn_server.serve(telemetry.instrument(app)) + "/chat").content == ANSWER
    assert telemetry.stage("emit").digests == telemetry.stage().digests == DIGESTS


def test_sse_starlette_head(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A HEAD request that sse-starlette answers without touching the iterator has no stage."""

    async def chat(request: Request) -> EventSourceResponse:
        return EventSourceResponse(_frames())

    app = telemetry.instrument(Starlette(routes=[Route("/chat", chat)]))
    assert httpx.head(uvicorn_server.serve(app) + "/chat").status_code == 200
    otel_sse.flush()
    assert telemetry.segments("emit") == []
