"""Streams of applications that have other middleware, mounts and background tasks."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

import otel_sse
from tests.integrations.answers import ANSWER, DIGESTS, FRAMES, Message, frames
from tests.integrations.driver import call
from tests.integrations.made import Gate, add_chat, fastapi_app, starlette_app
from tests.integrations.seen import Telemetry, attributes, until
from tests.integrations.servers import RawClient, Uvicorn


class PassOn(BaseHTTPMiddleware):
    """Middleware of the kind that pumps every body through a queue."""

    async def dispatch(self, request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        response.headers["x-passed"] = "on"
        return response


@pytest.mark.parametrize("make", [starlette_app, fastapi_app])
def test_base_http_middleware_inside(make: Any, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """BaseHTTPMiddleware among the application's own middleware changes nothing in the trace."""
    app = make()
    app.add_middleware(PassOn)
    answer = httpx.get(uvicorn_server.serve(telemetry.instrument(app)) + "/chat")
    assert (answer.content, answer.headers["x-passed"]) == (ANSWER, "on")
    stage = telemetry.stage()
    assert (stage.digests, stage.outcome) == (DIGESTS, "completed")
    assert stage.parent_id == telemetry.request().context.span_id
    telemetry.settled()


@pytest.mark.parametrize("make", [starlette_app, fastapi_app])
async def test_all_stages_know_their_route(make: Any, telemetry: Telemetry) -> None:
    """Stages that begin before the response has, as `emit` does in BaseHTTPMiddleware, have a route too."""

    async def parts() -> AsyncIterator[bytes]:
        async for part in otel_sse.observe(frames(), "provider"):
            yield part

    app = make(parts)
    app.add_middleware(PassOn)
    await call(telemetry.instrument(app))
    for name in ("provider", "emit", "socket_write"):
        assert telemetry.stage(name).attributes["http.route"] == "/chat"
        assert telemetry.value("sse.chunks", stage=name, route="/chat") == len(DIGESTS)


@pytest.mark.parametrize("make", [starlette_app, fastapi_app])
def test_base_http_middleware_outside(make: Any, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """BaseHTTPMiddleware around the instrumented application tells it of a disconnect at the end; that is none."""
    app = PassOn(telemetry.instrument(make()))
    answer = httpx.get(uvicorn_server.serve(app) + "/chat")
    assert (answer.content, answer.headers["x-passed"]) == (ANSWER, "on")
    stage = telemetry.stage()
    assert (stage.digests, stage.outcome) == (DIGESTS, "completed")
    assert attributes(telemetry.request())["sse.stream.outcome"] == "completed"
    telemetry.settled()


@pytest.mark.parametrize("outside", [False, True])
def test_a_client_that_leaves_behind_base_http_middleware(
    outside: bool, telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """A client that leaves mid-stream is seen through BaseHTTPMiddleware too."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield FRAMES[0]
            await asyncio.sleep(0.002)

    app = starlette_app(endless)
    if not outside:
        app.add_middleware(PassOn)
    served = PassOn(telemetry.instrument(app)) if outside else telemetry.instrument(app)
    client = RawClient(uvicorn_server.serve(served))
    client.read_until(FRAMES[0])
    client.leave()
    assert telemetry.stage().outcome == "disconnected"
    telemetry.settled()


def test_gzip_inside_leaves_nothing_to_read(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Bytes compressed before they reach us are counted and not read; outcome and encoding say so."""
    app = starlette_app()
    app.add_middleware(GZipMiddleware, minimum_size=1, exclude_content_types=())
    client = RawClient(uvicorn_server.serve(telemetry.instrument(app)), "/chat", "GET", "Accept-Encoding: gzip")
    received = client.read_all()
    assert b"content-encoding: gzip" in received
    stage = telemetry.stage()
    assert stage.outcome == "unparsed"
    assert stage.attributes["sse.stream.encoding"] == "gzip"
    assert stage.chunks == []
    assert stage.attributes["sse.stream.bytes"] > 0
    assert stage.attributes["sse.stream.findings"] == 0
    assert attributes(telemetry.request())["sse.stream.outcome"] == "unparsed"
    telemetry.settled()


def test_gzip_outside_hides_nothing(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Compression around the instrumented application does not keep us from reading."""
    app = GZipMiddleware(telemetry.instrument(starlette_app()), minimum_size=1, exclude_content_types=())
    answer = httpx.get(uvicorn_server.serve(app) + "/chat", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == ANSWER
    stage = telemetry.stage()
    assert (stage.digests, stage.outcome) == (DIGESTS, "completed")
    assert "sse.stream.encoding" not in stage.attributes


def test_gzip_by_the_application_itself(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """An application that compresses and says so is believed; `identity` says that nothing was."""
    for coding, content, outcome in (("GZip", gzip.compress(ANSWER), "unparsed"), ("identity", ANSWER, "completed")):
        telemetry.exporter.clear()

        async def parts(content: bytes = content) -> AsyncIterator[bytes]:
            yield content

        app = Starlette()
        add_chat(app, parts, headers={"content-encoding": coding})
        assert httpx.get(uvicorn_server.serve(telemetry.instrument(app)) + "/chat").content == ANSWER
        stage = telemetry.stage()
        assert stage.outcome == outcome
        assert stage.attributes.get("sse.stream.encoding") == (None if coding == "identity" else "gzip")


@pytest.mark.parametrize("which", ["outer", "inner", "both"])
@pytest.mark.parametrize("make", [starlette_app, fastapi_app])
def test_mounted_applications(which: str, make: Any, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A mounted application is watched once, whichever of the two is instrumented."""
    inner = make()
    outer = Starlette(routes=[Mount("/v1", app=inner)])
    if which in ("inner", "both"):
        telemetry.instrument(inner)
    if which in ("outer", "both"):
        telemetry.instrument(outer)
    assert httpx.get(uvicorn_server.serve(outer) + "/v1/chat").content == ANSWER
    assert telemetry.stage().digests == DIGESTS
    telemetry.request()
    telemetry.settled()


def test_cors_around_it(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """CORSMiddleware around a FastAPI application, instrumented as one: its headers and ours both arrive."""
    app = telemetry.instrument(CORSMiddleware(fastapi_app(), allow_origins=["*"]))
    answer = httpx.get(uvicorn_server.serve(app) + "/chat", headers={"origin": "http://example.org"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["traceresponse"]
    assert telemetry.stage().digests == DIGESTS


def test_a_background_task_runs_after_the_stream(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A background task runs once the stage has ended; a task that fails is not the stream's fault."""
    ended: list[int] = []

    async def task() -> None:
        ended.append(len(telemetry.stages()))
        raise ValueError("the task's own trouble")

    app = Starlette()
    add_chat(app, background=BackgroundTask(task))
    assert httpx.get(uvicorn_server.serve(telemetry.instrument(app)) + "/chat").content == ANSWER
    telemetry.request()
    stage = telemetry.stage()
    assert (stage.outcome, stage.digests) == ("completed", DIGESTS)
    assert until(lambda: ended, "the task") == [1]


def test_a_websocket_beside_the_stream(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A websocket route of an instrumented application works as before and makes no stage."""
    from websockets.sync.client import connect

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text())
        await websocket.close()

    app = telemetry.instrument(Starlette(routes=[WebSocketRoute("/echo", echo)]))
    address = uvicorn_server.serve(app).replace("http", "ws", 1)
    with connect(address + "/echo") as socket:
        socket.send("hello")
        assert socket.recv() == "hello"
    assert telemetry.segments() == []


async def test_lifespan_of_an_application_changed_in_place(telemetry: Telemetry) -> None:
    """Startup and shutdown of an instrumented Starlette application run as before."""
    ran: list[str] = []

    async def lifespan(app: Any) -> AsyncIterator[None]:
        ran.append("startup")
        yield
        ran.append("shutdown")

    from contextlib import asynccontextmanager

    app = telemetry.instrument(Starlette(lifespan=asynccontextmanager(lifespan)))
    incoming: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan", "state": {}}, receive, send)
    assert ran == ["startup", "shutdown"]
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize("make", [starlette_app, fastapi_app])
async def test_head_of_a_streaming_route(make: Any, telemetry: Telemetry) -> None:
    """HEAD on a streaming route of a framework leaves no stage."""
    app = telemetry.instrument(make())
    if make is fastapi_app:
        app.head("/chat")(lambda: StreamingResponse(frames(), media_type="text/event-stream"))
    driver = await call(app, method="HEAD")
    assert driver.messages[0]["status"] == 200
    assert telemetry.segments() == []


def test_two_streams_of_one_application_at_once(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """While one stream waits another one runs through; neither has the other's chunks."""
    gate = Gate()
    app = Starlette()
    add_chat(app, gate.parts, "/slow")
    add_chat(app, frames, "/quick")
    address = uvicorn_server.serve(telemetry.instrument(app))
    slow = RawClient(address, "/slow")
    slow.read_until(FRAMES[0])
    assert httpx.get(address + "/quick").content == ANSWER
    quick = telemetry.stage()
    gate.open()
    slow.read_all()
    stages = telemetry.stages(2)
    assert [stage.digests for stage in stages] == [DIGESTS, DIGESTS]
    assert stages[0].stream_id == quick.stream_id != stages[1].stream_id
    assert [stage.attributes["http.route"] for stage in stages] == ["/quick", "/slow"]
    telemetry.settled()


def test_a_route_object_is_an_application_too(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Whatever of Starlette can be called as an application can be instrumented, wrapped."""

    async def chat(request: Request) -> StreamingResponse:
        return StreamingResponse(frames(), media_type="text/event-stream")

    app = telemetry.instrument(Starlette(routes=[Route("/chat", chat)]).router)
    assert httpx.get(uvicorn_server.serve(app) + "/chat").content == ANSWER
    assert telemetry.stage().digests == DIGESTS
