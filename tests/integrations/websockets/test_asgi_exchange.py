"""Hops into ASGI applications: FastAPI on a real server, and any other in small."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry.trace import get_current_span
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.exceptions import ConnectionClosed

import otel_sse
from otel_sse.hops.envelope import HEADER
from otel_sse.integrations.verbs.carriers import extract, inject
from otel_sse.integrations.verbs.policies import policy
from otel_sse.recording.live_stream import Stream, current_stream, enter, leave
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry.clock import now_ns
from otel_sse.websockets import stream_for, watch
from tests.integrations.seen import Telemetry, until
from tests.integrations.servers import Uvicorn
from tests.integrations.websockets.peers import Stages, answer, chunk, connecting, end, linked_in_order, start

Handler = Callable[[WebSocket], Any]


def endpoint(handler: Handler) -> FastAPI:
    """An application with one WebSocket endpoint."""
    app = FastAPI()
    app.websocket("/ws")(_typed(handler))
    return app


def _typed(handler: Handler) -> Any:
    async def run(websocket: WebSocket) -> None:
        await websocket.accept()
        await handler(websocket)

    run.__annotations__["websocket"] = WebSocket
    return run


async def echo(websocket: WebSocket) -> None:
    """Send back what comes, text as text and bytes as bytes."""
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("text") is not None:
                await websocket.send_text(message["text"])
            else:
                await websocket.send_bytes(message["bytes"])
    except WebSocketDisconnect:
        pass


@pytest.fixture
def serve(uvicorn_server: Uvicorn, telemetry: Telemetry) -> Callable[..., str]:
    """Serves an application, watched unless it is to be plain; returns its address."""

    def run(app: Any, *, plain: bool = False, **options: Any) -> str:
        served = app if plain else telemetry.instrument(app, **options)
        return uvicorn_server.serve(served).replace("http", "ws") + "/ws"

    return run


def settled(stages: Stages, count: int) -> list[Any]:
    """Wait until so many stages have ended."""
    until(lambda: len(stages.all()) >= count, f"the end of {count} stages")
    return stages.all()


async def test_a_stream_has_four_stages_over_two_ends(serve: Callable[..., str], stages: Stages) -> None:
    """What goes to a FastAPI endpoint and back is one stream in one trace, each stage linked to the one before."""
    async with connecting(serve(endpoint(echo))) as client:
        for message in answer(3):
            await client.send(message)
            assert await client.recv() == message
    send, receive, send_back, receive_back = settled(stages, 4)
    assert [stage.name for stage in stages] == ["ws.send", "ws.receive"] * 2
    assert linked_in_order([send, receive, send_back, receive_back])
    assert receive.lineage == receive_back.lineage == [1, 2, 3, 4, 5]
    assert {stage.outcome for stage in stages} == {"completed"}


@pytest.mark.parametrize("plain_server", [False, True], ids=["watched server", "plain server"])
@pytest.mark.parametrize("plain_client", [False, True], ids=["watched client", "plain client"])
async def test_applications_see_the_same_messages(
    serve: Callable[..., str], recorder: Recorder, plain_server: bool, plain_client: bool
) -> None:
    """Whoever is watched, text and bytes arrive as they were sent, a mebibyte too."""
    messages: list[Any] = ["text", "", "ünï 🐈", b"\x00\xff", b"", "x" * (1 << 20), b"y" * (1 << 20)]
    address = serve(endpoint(echo), plain=plain_server)
    async with connecting(address, plain=plain_client) as client:
        assert (HEADER in client.response.headers) is not (plain_server or plain_client)  # type: ignore[union-attr]
        for message in messages:
            await client.send(message)
            assert await client.recv() == message


async def test_an_endpoint_finds_the_stream(serve: Callable[..., str], stages: Stages, telemetry: Telemetry) -> None:
    """Stages that the endpoint makes belong to the stream that came, between its two hops."""

    @policy("shout")
    async def shout(chunks: Any) -> Any:
        async for each in chunks:
            yield each.upper()

    async def contents(websocket: WebSocket) -> Any:
        while (found := await websocket.receive_json())["type"] != "END":
            if found["type"] == "CHUNK":
                yield found["content"]

    async def handler(websocket: WebSocket) -> None:
        async for each in shout(contents(websocket)):
            await websocket.send_json({"type": "CHUNK", "content": each})
        await websocket.send_json({"type": "END"})

    with telemetry.tracer_provider.get_tracer("test").start_as_current_span("request") as request:
        async with connecting(serve(endpoint(handler))) as client:
            for message in answer(3):
                await client.send(message)
            assert [json.loads(await client.recv()).get("content") for _ in range(4)] == ["THE ", "CAT ", "THE ", None]
    found = settled(stages, 6)
    assert {stage.stream_id for stage in found} == {found[0].stream_id}
    assert {stage.trace_id for stage in found} == {request.get_span_context().trace_id}
    assert sorted(stage.name for stage in found) == ["policy.shout"] * 2 + ["ws.receive"] * 2 + ["ws.send"] * 2


async def test_the_endpoints_trace_is_the_clients(serve: Callable[..., str], telemetry: Telemetry) -> None:
    """A client that knows nothing of us has its trace context read from the handshake."""

    async def handler(websocket: WebSocket) -> None:
        await websocket.send_text(f"{get_current_span().get_span_context().trace_id:032x}")

    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"}
    async with connecting(serve(endpoint(handler)), plain=True, additional_headers=headers) as client:
        assert await client.recv() == "0af7651916cd43dd8448eb211c80319c"


async def test_many_streams_share_a_socket(serve: Callable[..., str], stages: Stages) -> None:
    """An endpoint that handles several streams finds each one's by its message, by extract too."""
    found: list[tuple[str, str]] = []

    async def handler(websocket: WebSocket) -> None:
        for _ in range(4):
            text = await websocket.receive_text()
            with stream_for(text) as stream, extract(json.loads(text)) as same:
                assert current_stream() is stream is same
                found.append((json.loads(text)["stream_id"], stream.id))
                await websocket.send_text(text)

    async with connecting(serve(endpoint(handler))) as client:
        for message in (start("a"), start("b"), end("a"), end("b")):
            await client.send(message)
            await client.recv()
    assert len(set(found)) == 2
    assert {stream_id for _, stream_id in found} == {stage.stream_id for stage in settled(stages, 8)}


async def test_an_endpoint_that_raises_has_failed(serve: Callable[..., str], stages: Stages) -> None:
    """The exception leaves the application untouched and is its stages' outcome."""

    async def handler(websocket: WebSocket) -> None:
        await websocket.receive_text()
        raise KeyError("mine")

    async with connecting(serve(endpoint(handler))) as client:
        await client.send(start())
        with pytest.raises(ConnectionClosed):
            await client.recv()
    send, receive = settled(stages, 2)
    assert (send.outcome, receive.outcome, receive.attributes["error.type"]) == ("disconnected", "failed", "KeyError")


@pytest.mark.parametrize(("code", "outcome"), [(1000, "incomplete"), (1011, "disconnected")], ids=str)
async def test_a_client_that_leaves_is_told(serve: Callable[..., str], stages: Stages, code: int, outcome: str) -> None:
    """A client that closes in the middle leaves an incomplete stream, or a disconnected one."""
    async with connecting(serve(endpoint(echo))) as client:
        await client.send(start())
        await client.recv()
        await client.close(code)
    found = settled(stages, 4)
    assert [stage.outcome for stage in found if stage.links == [found[0].span_id]] == [outcome]


DONE = "data: [DONE]\n\n"
DELTA = 'data: {"choices": [{"index": 0, "delta": {"content": "a"}}]}\n\n'


@pytest.mark.parametrize(
    ("last", "outcome"),
    [([DELTA, DONE], "completed"), ([DELTA], "disconnected"), ([DELTA, DONE, DELTA], "disconnected")],
)
@pytest.mark.parametrize("told", [True, False], ids=["told", "by OSError"])
async def test_a_client_that_leaves_behind_the_end_has_all(
    telemetry: Telemetry, stages: Stages, last: list[str], outcome: str, told: bool
) -> None:
    """A client that goes away once the model's own end has crossed was not cut off, in whatever way that is told."""
    lost = {"type": "websocket.disconnect", "code": 1006}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for text in last:
            await send({"type": "websocket.send", "text": text})
        if told:
            await receive()
        else:
            await send({"type": "websocket.send", "text": "too late"})

    socket = Socket({"type": "websocket.connect"}, lost)

    async def send(message: Any) -> None:
        if message.get("text", "").endswith("too late"):
            raise OSError("the client has left")
        await socket.send(message)

    watched = telemetry.instrument(app)
    with contextlib.nullcontext() if told else pytest.raises(OSError, match="the client has left"):
        await watched(socket.scope, socket.receive, send)
    (sent,) = settled(stages, 1)
    assert (sent.outcome, len(sent.chunks)) == (outcome, len(last))


async def test_an_end_within_an_answer_of_messages_is_not_its_end(telemetry: Telemetry, stages: Stages) -> None:
    """An answer that a message began is ended by a message: `[DONE]` in a chunk of it is content on its way."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for text in (
            start(),
            json.dumps({"type": "CHUNK", "data": DELTA}),
            json.dumps({"type": "CHUNK", "data": DONE}),
        ):
            await send({"type": "websocket.send", "text": text})
        await receive()

    socket = Socket({"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006})
    await telemetry.instrument(app)(socket.scope, socket.receive, socket.send)
    (sent,) = settled(stages, 1)
    assert (sent.outcome, len(sent.chunks)) == ("disconnected", 3)


async def test_watch_serves_one_websocket(serve: Callable[..., str], recorder: Recorder, stages: Stages) -> None:
    """A Starlette WebSocket that is watched before it is accepted agrees with its client, without `instrument`."""

    async def handler(websocket: WebSocket) -> None:
        assert watch(watch(websocket)) is websocket
        await websocket.accept()
        assert current_stream() is not None
        await echo(websocket)

    app = Starlette(routes=[WebSocketRoute("/ws", handler)])
    async with connecting(serve(app, plain=True)) as client:
        assert HEADER in client.response.headers  # type: ignore[union-attr]
        for message in answer(2):
            await client.send(message)
            assert await client.recv() == message
    assert [stage.lineage for stage in settled(stages, 4)][1] == [1, 2, 3, 4]


async def browser(app: Any) -> None:
    """Talk to an application as a browser does: it offers no envelope."""
    messages = [{"type": "websocket.receive", "text": '42["ask","?"]'}, {"type": "websocket.disconnect", "code": 1000}]
    socket = Socket({"type": "websocket.connect"}, *messages, headers=[])
    await app(socket.scope, socket.receive, socket.send)
    assert [message.get("text") for message in socket.sent][1:] == list(SAID)


SAID = ('42["token",{"text":"Hel"}]', '42["token",{"text":"lo"}]', "2", '42["end"]')


async def tells(scope: Any, receive: Any, send: Any) -> None:
    """Answer over Socket.IO."""
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    for text in SAID:
        await send({"type": "websocket.send", "text": text})
    await receive()


async def test_every_socket_is_watched_where_the_application_asks_for_it(telemetry: Telemetry, stages: Stages) -> None:
    """A browser offers no envelope, and its messages go untouched; both ways are stages, Socket.IO's packets read."""
    await browser(telemetry.instrument(tells, watch_websockets=True))
    received, sent = settled(stages, 2)
    assert (received.span.name, sent.span.name) == ("stream ws.receive", "stream ws.send")
    assert sent.outcome == "completed"
    assert [each.get("sse.chunk.kind", "content") for each in sent.chunks] == [
        "content",
        "content",
        "heartbeat",
        "complete",
    ]


async def test_no_socket_of_a_browser_is_watched_by_itself(telemetry: Telemetry) -> None:
    """Without that option, or a `watch`, it is none of our business."""
    await browser(telemetry.instrument(tells))
    otel_sse.flush()
    assert telemetry.spans() == []


@pytest.mark.parametrize("watched", [True, False])
async def test_a_hook_that_nobody_asks_is_told_once(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture, watched: bool
) -> None:
    """Where a connection has ended that nobody watches, the log says what to do; not where messages are read."""
    asked: list[Any] = []
    app = telemetry.instrument(tells, watch_websockets=watched, chunk_of=asked.append)
    with caplog.at_level("WARNING", "otel_sse"):
        await browser(app)
        await browser(app)
    told = [record.getMessage() for record in caplog.records]
    assert bool(asked) is watched
    assert len(told) == (0 if watched else 1)
    assert all(each.startswith("option chunk_of must be asked of a WebSocket's messages, got ") for each in told)


class Socket:
    """An ASGI server in small: gives messages, and keeps those it is given.

    Args:
        messages: What `receive` returns, in order.
        **scope: Further keys of the scope.
    """

    def __init__(self, *messages: Any, **scope: Any) -> None:
        self._messages = list(messages)
        self.sent: list[Any] = []
        self.scope = {
            "type": "websocket",
            "asgi": {"spec_version": "2.3"},
            "path": "/ws",
            "headers": [(b"x-otel-sse", b"1;p=aa")],
            **scope,
        }

    async def receive(self) -> Any:
        await asyncio.sleep(0)
        return self._messages.pop(0)

    async def send(self, message: Any) -> None:
        await asyncio.sleep(0)
        self.sent.append(message)


async def _accepting(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"x-mine", b"1")]})
    await send({"type": "websocket.send", "text": "hello"})
    await send({"type": "websocket.close", "code": 1000})


async def test_the_acceptance_carries_the_answer(telemetry: Telemetry) -> None:
    """The header is added to those of the application, and what is sent then is wrapped."""
    socket = Socket({"type": "websocket.connect"})
    await telemetry.instrument(_accepting)(socket.scope, socket.receive, socket.send)
    assert [name for name, _ in socket.sent[0]["headers"]] == [b"x-mine", b"x-otel-sse"]
    assert socket.sent[1]["text"].startswith("otel-sse/1 ")
    assert socket.sent[1]["text"].endswith("\nhello")


@pytest.mark.parametrize(
    "scope",
    [{"headers": []}, {"headers": [(b"x-otel-sse", b"9")]}, {"asgi": {"spec_version": "2.0"}}, {"asgi": {}}],
    ids=["no offer", "another version", "an old server", "a server without version"],
)
async def test_without_agreement_nothing_is_changed(telemetry: Telemetry, scope: Any) -> None:
    """Where the client offers nothing that we speak, or the server can't answer, every message is the application's."""
    socket = Socket({"type": "websocket.connect"}, **scope)
    await telemetry.instrument(_accepting)(socket.scope, socket.receive, socket.send)
    assert socket.sent == [
        {"type": "websocket.accept", "headers": [(b"x-mine", b"1")]},
        {"type": "websocket.send", "text": "hello"},
        {"type": "websocket.close", "code": 1000},
    ]
    assert telemetry.spans() == []


async def test_websockets_can_be_switched_off(telemetry: Telemetry) -> None:
    """`websockets=False` leaves every connection alone."""
    socket = Socket({"type": "websocket.connect"})
    await telemetry.instrument(_accepting, websockets=False)(socket.scope, socket.receive, socket.send)
    assert socket.sent[1] == {"type": "websocket.send", "text": "hello"}


@pytest.mark.parametrize("await_number", range(1, 7))
async def test_cancellation_at_any_await_ends_it_once(telemetry: Telemetry, stages: Stages, await_number: int) -> None:
    """Wherever the connection's task is cancelled, each stage has one outcome and the cancellation comes out."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(2):
            await receive()
            await send({"type": "websocket.send", "text": chunk("a")})

    received = [{"type": "websocket.receive", "text": text} for text in (start(), chunk("a"))]
    socket = Socket({"type": "websocket.connect"}, *received)
    count = 0

    def cancelling(step: Any) -> Any:
        async def run(*args: Any) -> Any:
            nonlocal count
            count += 1
            if count == await_number:
                task.cancel()
            return await step(*args)

        return run

    watched = telemetry.instrument(app)
    task = asyncio.ensure_future(watched(socket.scope, cancelling(socket.receive), cancelling(socket.send)))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert {stage.outcome for stage in stages} <= {"cancelled"}
    assert len(stages.all()) == (0 if await_number < 4 else 2)
    telemetry.settled()


async def test_inject_goes_through_any_socket(serve: Callable[..., str], stages: Stages, recorder: Recorder) -> None:
    """Through a socket that did not agree, `inject` and `extract` tie the two ends together."""
    found: list[Any] = []

    async def handler(websocket: WebSocket) -> None:
        with extract(await websocket.receive_json()) as stream:
            found.append(stream)
            otel_sse.flush()
        await websocket.send_text("done")

    async with connecting(serve(endpoint(handler)), plain=True) as client:
        stream = Stream(recorder, now_ns())
        token = enter(stream)
        await client.send(json.dumps(inject({"type": "START"})))
        leave(token)
        await client.recv()
    assert [each.id for each in found] == [stream.id]
