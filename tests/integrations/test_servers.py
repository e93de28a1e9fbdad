"""Many streams at once: over one HTTP/2 connection, and over many HTTP/1.1 connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.integrations.answers import ANSWER, DIGESTS, DONE, FRAMES, Receive, Scope, Send, body, digest, frame, start
from tests.integrations.made import Gate, fastapi_app, plain_app, starlette_app
from tests.integrations.seen import Stage, Telemetry
from tests.integrations.servers import H2Client, Hypercorn, Uvicorn

CHUNKS = 20


async def numbered(scope: Scope, receive: Receive, send: Send) -> None:
    """Stream chunks that say whose they are, giving way to other streams after each."""
    name = scope["path"].strip("/")
    await send(start())
    for number in range(CHUNKS):
        await send(body(frame(f"{name}/{number} ")))
        await asyncio.sleep(0)
    await send(body(DONE, more=False))


def expected(name: str) -> list[str]:
    """The digests of the stream of this name."""
    return [*(digest(f"{name}/{number} ") for number in range(CHUNKS)), digest("[DONE]")]


async def read_all(address: str, names: list[str], **how: Any) -> dict[str, httpx.Response]:
    """Read these streams at once, through one client."""
    async with httpx.AsyncClient(timeout=60, **how) as client:
        answers = await asyncio.gather(*(client.get(f"{address}/{name}") for name in names))
    return dict(zip(names, answers, strict=True))


def check_each(stages: list[Stage], answers: dict[str, httpx.Response]) -> None:
    """Each stream has its own chunks, complete and in order, and an id of its own."""
    by_trace = {format(stage.first.context.trace_id, "032x"): stage for stage in stages}
    for name, answer in answers.items():
        stage = by_trace.pop(answer.headers["x-trace-id"])
        assert stage.digests == expected(name)
        assert [chunk["sse.chunk.seq"] for chunk in stage.chunks] == list(range(1, CHUNKS + 2))
        assert stage.outcome == "completed"
        assert stage.attributes["sse.stream.bytes"] == len(answer.content)
    assert by_trace == {}
    assert len({stage.stream_id for stage in stages}) == len(answers)


@pytest.mark.server
def test_many_streams_over_one_http2_connection(telemetry: Telemetry, hypercorn_server: Hypercorn) -> None:
    """Streams that share an HTTP/2 connection share no chunk."""
    names = [f"s{number}" for number in range(12)]
    address = hypercorn_server.serve(telemetry.instrument(numbered))
    answers = asyncio.run(read_all(address, names, http1=False, http2=True, limits=httpx.Limits(max_connections=1)))
    assert {answer.http_version for answer in answers.values()} == {"HTTP/2"}
    check_each(telemetry.stages(len(names)), answers)
    telemetry.requests(len(names))
    telemetry.settled()


@pytest.mark.server
@pytest.mark.parametrize("make", [plain_app, starlette_app, fastapi_app])
def test_a_stream_over_http2(make: Any, telemetry: Telemetry, hypercorn_server: Hypercorn) -> None:
    """The answer of each kind of application over HTTP/2 is whole, and whole in the trace."""
    address = hypercorn_server.serve(telemetry.instrument(make()))
    with httpx.Client(http1=False, http2=True) as client:
        answer = client.get(address + "/chat")
    assert answer.content == ANSWER
    assert telemetry.stage().digests == DIGESTS
    assert telemetry.request().kind.name == "SERVER"
    telemetry.settled()


@pytest.mark.server
def test_a_stream_that_is_reset_over_http2(telemetry: Telemetry, hypercorn_server: Hypercorn) -> None:
    """A client that resets one stream leaves that one disconnected and its neighbour on the connection complete."""
    gate = Gate()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield FRAMES[0]
            await asyncio.sleep(0.002)

    left, kept = starlette_app(endless), starlette_app(gate.parts)

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        await (left if scope["query_string"] == b"left" else kept)(scope, receive, send)

    client = H2Client(hypercorn_server.serve(telemetry.instrument(both)))
    stays, leaves = client.get("/chat"), client.get("/chat?left")
    client.read_until(stays, FRAMES[0])
    client.read_until(leaves, FRAMES[0])
    client.reset(leaves)
    assert telemetry.stage().outcome == "disconnected"
    gate.open()
    assert client.read_until(stays) == ANSWER
    client.close()
    assert [stage.outcome for stage in telemetry.stages(2)] == ["disconnected", "completed"]
    telemetry.settled()


@pytest.mark.server
@pytest.mark.parametrize("wrapped", [False, True])
def test_fifty_streams_at_once(wrapped: bool, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Fifty streams through uvicorn at once are each complete, in order and on their own."""
    names = [f"s{number}" for number in range(50)]
    app: Any = numbered
    if not wrapped:
        app = starlette_app()
        app.router.routes.clear()
        app.mount("/", numbered)
    address = uvicorn_server.serve(telemetry.instrument(app))
    answers = asyncio.run(read_all(address, names, limits=httpx.Limits(max_connections=50)))
    check_each(telemetry.stages(len(names)), answers)
    telemetry.requests(len(names))
    assert telemetry.value("sse.recorder.dropped", stage="socket_write") == 0
    telemetry.settled()
