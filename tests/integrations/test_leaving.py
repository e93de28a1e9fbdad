"""Clients that leave at the end, and before it, over real servers: the outcome is that of the stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import anyio
import httpx
import openai
import pytest
from fastapi import FastAPI
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse

from tests.integrations.answers import DIGESTS, FRAMES, PAYLOADS, WORDS, App, Receive, Scope, Send, body, start
from tests.integrations.further_servers import Granian, HypercornTrio
from tests.integrations.seen import Stage, Telemetry, attributes
from tests.integrations.servers import H2Client, Hypercorn, RawClient, Uvicorn

pytestmark = pytest.mark.server

PATH = "/v1/chat/completions"
LINES = (b"data: one\n\n", b"data: two\n\n", b"data: three\n\n")
"""Plain text, which has no end of its own."""

SERVERS: dict[str, Callable[[], Any]] = {
    "uvicorn, h11": Uvicorn,
    "uvicorn, httptools": lambda: Uvicorn("httptools"),
    "hypercorn": Hypercorn,
    "hypercorn on trio": HypercornTrio,
    "granian": Granian,
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Each server."""
    made = SERVERS[request.param]()
    yield made
    made.stop()


@pytest.fixture(scope="module", params=["hypercorn", "hypercorn on trio"])
def http2_server(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Each server that speaks HTTP/2 without TLS."""
    made = SERVERS[request.param]()
    yield made
    made.stop()


Parts = Callable[[], AsyncIterator[bytes]]


def starlette_app(parts: Parts) -> App:
    """Starlette, which listens for the client's leaving and cancels its task then."""

    async def chat(request: Request) -> StreamingResponse:
        return StreamingResponse(parts(), media_type="text/event-stream")

    app = Starlette()
    app.add_route(PATH, chat, methods=["GET", "POST"])
    return app


def fastapi_app(parts: Parts) -> App:
    """FastAPI, which does as Starlette does."""

    async def chat() -> StreamingResponse:
        return StreamingResponse(parts(), media_type="text/event-stream")

    app = FastAPI()
    app.add_api_route(PATH, chat, methods=["GET", "POST"])
    return app


def sse_app(parts: Parts) -> App:
    """sse-starlette, which has tasks of its own for listening, sending and heartbeats."""

    async def data() -> AsyncIterator[str]:
        async for part in parts():
            yield part.decode().removeprefix("data: ").strip()

    async def chat(request: Request) -> EventSourceResponse:
        return EventSourceResponse(data())

    app = Starlette()
    app.add_route(PATH, chat, methods=["GET", "POST"])
    return app


def listening_app(parts: Parts) -> App:
    """A bare application that cancels what it sends once its client has left, and returns."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send(start())
        async with anyio.create_task_group() as tasks:

            async def listen() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                tasks.cancel_scope.cancel()

            tasks.start_soon(listen)
            async for part in parts():
                await send(body(part))
            await send(body(b"", more=False))
            tasks.cancel_scope.cancel()

    return app


FRAMEWORKS = {"starlette": starlette_app, "fastapi": fastapi_app, "sse-starlette": sse_app}
MAKERS = {**FRAMEWORKS, "bare": listening_app}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Any:
    """Makes an application of each kind."""
    return MAKERS[request.param]


async def busy() -> AsyncIterator[bytes]:
    """The whole answer, behind whose end there is work that lasts until somebody cancels it."""
    for part in FRAMES:
        yield part
    await anyio.sleep_forever()


async def cut() -> AsyncIterator[bytes]:
    """Half an answer, behind which nothing comes until somebody cancels it."""
    for part in FRAMES[:2]:
        yield part
    await anyio.sleep_forever()


async def whole() -> AsyncIterator[bytes]:
    """The whole answer."""
    for part in FRAMES:
        yield part


async def text() -> AsyncIterator[bytes]:
    """Plain text."""
    for part in LINES:
        yield part


def read_with_sdk(address: str) -> list[str]:
    """Read an answer as an application does that asks OpenAI, and close as the SDK does."""
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0, timeout=60) as client:
        chunks = client.chat.completions.create(model="any", messages=[{"role": "user", "content": "go"}], stream=True)
        return [chunk.choices[0].delta.content or "" for chunk in chunks]


def outcomes_of(telemetry: Telemetry, stage: Stage) -> dict[str, str]:
    """The outcome in every place that tells it: the stage's span, the request's, and the counter."""
    telemetry.settled()
    counted = telemetry.metric("sse.streams.ended")
    (count,) = (
        dict(labels)["outcome"]
        for labels, point in counted.items()
        if point.value and dict(labels)["stage"] == "socket_write"
    )
    request = attributes(telemetry.request())["sse.stream.outcome"]
    return {"stage": stage.outcome, "request": str(request), "counter": count}


def all_tell(outcome: str) -> dict[str, str]:
    """What `outcomes_of` returns where all places tell this outcome."""
    return dict.fromkeys(("stage", "request", "counter"), outcome)


def test_openai_client_that_closes_at_done_has_all(make: Any, server: Any, telemetry: Telemetry) -> None:
    """The SDK closes the connection at `[DONE]`, while the application still works: every stage is completed."""
    assert read_with_sdk(server.serve(telemetry.instrument(make(busy)))) == list(WORDS)
    stage = telemetry.stage()
    assert stage.digests == DIGESTS
    assert outcomes_of(telemetry, stage) == all_tell("completed")
    emitted = {one.outcome for one in map(Stage, [[span] for span in telemetry.segments("emit")])}
    assert emitted == (set() if make is listening_app else {"completed"})


def test_client_that_leaves_in_the_middle_has_left(make: Any, server: Any, telemetry: Telemetry) -> None:
    """Before the protocol's end a client that leaves is `disconnected`; what fed the socket was cancelled with it."""
    client = RawClient(server.serve(telemetry.instrument(make(cut))), PATH)
    client.read_until(PAYLOADS[1].encode())
    client.leave()
    stage = telemetry.stage()
    assert stage.digests == DIGESTS[:2]
    assert outcomes_of(telemetry, stage) == all_tell("disconnected")
    if make is not listening_app:
        assert telemetry.stage("emit").outcome == "cancelled"


class Broken(Exception):
    """Raised by an application."""


def test_application_that_breaks_behind_the_end_has_failed(server: Any, telemetry: Telemetry) -> None:
    """An exception of the application's own behind the end is a failure, also once the client has left with all."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        await send(start())
        for part in FRAMES:
            await send(body(part))
        while (await receive())["type"] != "http.disconnect":
            pass
        raise Broken

    assert read_with_sdk(server.serve(telemetry.instrument(app))) == list(WORDS)
    stage = telemetry.stage()
    assert outcomes_of(telemetry, stage) == all_tell("failed")
    assert stage.attributes["error.type"] == f"{__name__}.Broken"


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("parts", [whole, text], ids=["with an end", "plain text"])
def test_streams_one_after_another_on_one_http2_connection(
    framework: str, parts: Parts, http2_server: Any, telemetry: Telemetry
) -> None:
    """On a connection that is kept alive each whole stream is completed, whenever the server tells of its end."""
    count = 20
    address = http2_server.serve(telemetry.instrument(FRAMEWORKS[framework](parts)))
    with httpx.Client(http1=False, http2=True, timeout=60) as client:
        answers = [client.get(address + PATH) for _ in range(count)]
    assert {answer.http_version for answer in answers} == {"HTTP/2"}
    assert [stage.outcome for stage in telemetry.stages(count)] == ["completed"] * count
    assert [stage.outcome for stage in telemetry.stages(count, "emit")] == ["completed"] * count
    requests = telemetry.requests(count)
    assert [attributes(request)["sse.stream.outcome"] for request in requests] == ["completed"] * count
    telemetry.settled()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_streams_at_once_on_one_http2_connection(framework: str, http2_server: Any, telemetry: Telemetry) -> None:
    """Streams that share a connection end each on its own."""
    count = 20
    address = http2_server.serve(telemetry.instrument(FRAMEWORKS[framework](whole)))

    async def read() -> None:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(http1=False, http2=True, limits=limits, timeout=60) as client:
            await asyncio.gather(*(client.get(address + PATH) for _ in range(count)))

    asyncio.run(read())
    assert [stage.outcome for stage in telemetry.stages(count)] == ["completed"] * count
    telemetry.requests(count)
    telemetry.settled()


@pytest.mark.parametrize(("parts", "outcome"), [(busy, "completed"), (cut, "disconnected")])
def test_stream_that_is_reset_on_a_connection_that_stays(
    parts: Parts, outcome: str, http2_server: Any, telemetry: Telemetry
) -> None:
    """A client that resets one stream has all of it behind its end, and has left it before; the next one goes well."""
    marks = {busy: FRAMES[-1], cut: PAYLOADS[1].encode()}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await starlette_app(whole if scope["query_string"] else parts)(scope, receive, send)

    client = H2Client(http2_server.serve(telemetry.instrument(app)))
    left = client.get(PATH)
    client.read_until(left, marks[parts])
    client.reset(left)
    assert telemetry.stage().outcome == outcome
    client.read_until(client.get(PATH + "?next"))
    client.close()
    assert [stage.outcome for stage in telemetry.stages(2)] == [outcome, "completed"]
    telemetry.requests(2)
    telemetry.settled()
