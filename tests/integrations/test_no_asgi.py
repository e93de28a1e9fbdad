"""What is no ASGI goes to the server, or to the application, as it is; it is theirs to judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

import otel_sse
from tests.integrations.answers import ANSWER, EVENT_STREAM, FRAMES, Receive, Scope, Send, body, plain, start
from tests.integrations.driver import call
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn, read_raw
from tests.integrations.test_bytes import without

LAST = {"type": "http.response.body"}
NO_MESSAGES: list[Any] = [None, {}, "x", b"", 5, [], {"type": None}, {"type": []}, {"type": "http.response.start"}]


def raising(*_: object) -> Any:
    """Stand for any method of a body."""
    raise ValueError("no")


def released() -> memoryview:
    """Bytes that can't be read any more."""
    view = memoryview(b"x")
    view.release()
    return view


_BROKEN: dict[str, Any] = dict.fromkeys(
    ("__len__", "__bytes__", "__getitem__", "__eq__", "__bool__", "__iter__"), raising
)
_BROKEN["__hash__"] = bytes.__hash__
UNREADABLE: list[Any] = [
    released(),
    type("BrokenBytes", (bytes,), _BROKEN)(FRAMES[0]),
    type("BrokenArray", (bytearray,), _BROKEN)(FRAMES[0]),
    type("NoClass", (), {"__class__": property(raising)})(),
]
NO_BODIES: list[Any] = [
    *({"type": "http.response.body", "body": each, "more_body": True} for each in UNREADABLE),
    *({"type": "http.response.body", "body": each} for each in UNREADABLE),
    {"type": "http.response.body", "body": None},
    {"type": "http.response.body", "body": None, "more_body": True},
    {"type": "http.response.body", "body": "text"},
    {"type": "http.response.body", "body": 5, "more_body": True},
    {"type": "http.response.body", "body": FRAMES[0], "more_body": None},
    {"type": "http.response.body", "body": FRAMES[0], "more_body": "yes"},
    {"type": "http.response.body", "more_body": []},
    None,
    {"body": FRAMES[0]},
]
NO_HEADERS: list[Any] = [
    5,
    "ab",
    {"a": "b"},
    [5],
    [(b"a",)],
    [("content-type", "text/event-stream")],
    [EVENT_STREAM, None],
]


class Refusal(Exception):
    """What a server raises at a message."""


def sending(*messages: Any) -> Any:
    """An application that sends these, and keeps what it was raised."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


async def received_by(app: Any, scope: Any) -> list[Any]:
    """The messages that a server that takes everything gets."""
    taken: list[Any] = []

    async def receive() -> Any:
        return None

    async def send(message: Any) -> None:
        taken.append(message)

    await app(scope, receive, send)
    return taken


HTTP = {"type": "http", "method": "GET", "path": "/", "headers": []}


@pytest.mark.parametrize("message", NO_MESSAGES)
async def test_a_message_before_the_start(message: Any, telemetry: Telemetry) -> None:
    """Whatever an application sends first reaches the server, the very object."""
    (taken,) = await received_by(telemetry.instrument(sending(message)), {**HTTP})
    assert taken is message


@pytest.mark.parametrize("message", NO_BODIES)
async def test_a_message_in_a_stream(message: Any, telemetry: Telemetry) -> None:
    """Likewise in the middle of a stream, whose end is written once all the same."""
    taken = await received_by(telemetry.instrument(sending(start(), message, LAST)), {**HTTP})
    assert taken[1] is message
    assert taken[2] is LAST
    assert telemetry.stage().outcome in ("completed", "incomplete", "unparsed")
    telemetry.settled()


@pytest.mark.parametrize(("at", "outcome"), [(0, "unparsed"), (1, "incomplete"), (2, "incomplete"), (3, "unparsed")])
@pytest.mark.parametrize("more", [True, False])
async def test_a_body_that_cannot_be_read_is_unseen(at: int, outcome: str, more: bool, telemetry: Telemetry) -> None:
    """Bytes that can be got at are observed, whatever their class says of them; others make the stream unparsed."""
    message = {"type": "http.response.body", "body": UNREADABLE[at], "more_body": more}
    taken = await received_by(telemetry.instrument(sending(start(), message, *[LAST] * more)), {**HTTP})
    assert taken[1] is message
    stage = telemetry.stage()
    assert (stage.outcome, len(stage.digests)) == (outcome, 1 if at in (1, 2) else 0)
    telemetry.settled()


@pytest.mark.parametrize("at", range(len(UNREADABLE)))
async def test_a_websockets_payload_that_cannot_be_read_passes(at: int, telemetry: Telemetry) -> None:
    """Between ends that agree on the envelope such a payload reaches server and application, too, unread."""
    received: Any = {"type": "websocket.receive", "bytes": UNREADABLE[at]}
    sent: Any = {"type": "websocket.send", "bytes": UNREADABLE[at]}
    got: list[Any] = []
    taken: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        got.append(await receive())
        await send(sent)

    async def receive() -> Any:
        return received

    async def send(message: Any) -> None:
        taken.append(message)

    scope = {"type": "websocket", "headers": [(b"x-otel-sse", b"1;p=x")], "asgi": {"spec_version": "2.3"}}
    await telemetry.instrument(app)(scope, receive, send)
    assert any(name == b"x-otel-sse" for name, _ in taken[0]["headers"])
    if at in (1, 2):
        # The bytes themselves can be got at.
        assert got[0]["bytes"] == FRAMES[0]
        assert bytes(taken[1]["bytes"]).endswith(FRAMES[0])
    else:
        assert got[0] is received
        assert taken[1] is sent


@pytest.mark.parametrize("headers", NO_HEADERS)
async def test_headers_that_are_none(headers: Any, telemetry: Telemetry) -> None:
    """A start whose headers no server takes is the server's to refuse: it gets the very object."""
    first = {"type": "http.response.start", "status": 200, "headers": headers}
    taken = await received_by(telemetry.instrument(sending(first, LAST)), {**HTTP})
    assert taken[0] is first
    assert telemetry.stages(0) == []


@pytest.mark.parametrize("message", [*NO_MESSAGES, *NO_BODIES])
async def test_what_a_server_raises_comes_back(message: Any, telemetry: Telemetry) -> None:
    """The server's own exception reaches the application and comes out of it: the very object."""
    error = Refusal()
    raised: list[BaseException] = []

    async def refusing(other: Any) -> None:
        if other is message:
            raise error

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        try:
            await send(message)
        except Refusal as found:
            raised.append(found)
            raise

    async def receive() -> Any:
        raise AssertionError

    with pytest.raises(Refusal) as found:
        await telemetry.instrument(app)({**HTTP}, receive, refusing)
    assert raised == [error]
    assert found.value is error


@pytest.mark.parametrize("message", NO_MESSAGES)
@pytest.mark.parametrize("kind", ["http", "websocket", "lifespan"])
async def test_what_a_server_gives_arrives(kind: str, message: Any, telemetry: Telemetry) -> None:
    """Whatever `receive` gives the application gets, the very object."""
    got: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        got.append(await receive())
        await send(message)

    async def receive() -> Any:
        return message

    async def send(other: Any) -> None:
        got.append(other)

    await telemetry.instrument(app)({"type": kind, "headers": [(b"x-otel-sse", b"1;p=x")]}, receive, send)
    assert [each is message for each in got] == [True, True]


SCOPES: list[Any] = [
    {"type": "http"},
    {"type": "websocket"},
    {"type": "http", "headers": None, "path": None, "method": None, "query_string": None, "root_path": None},
    {"type": "websocket", "headers": None, "asgi": None},
    {"type": "websocket", "headers": [None, (b"a",), ("x-otel-sse", "1")], "asgi": {"spec_version": None}},
    {"type": "http", "headers": 5, "client": 5, "server": [], "scheme": 5, "http_version": None},
    {"type": "other"},
    {"type": None},
    {},
]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("options", [{}, {"excluded_urls": "health"}, {"server_span": False}])
async def test_a_scope_that_lacks_something(scope: Any, options: Any, telemetry: Telemetry) -> None:
    """The application gets the server's scope, whatever it holds or lacks; what we note there is gone afterwards."""
    seen: list[Any] = []

    async def app(given: Scope, receive: Receive, send: Send) -> None:
        seen.append(given)
        await send(start())
        await send(LAST)

    before = dict(scope)
    assert len(await received_by(telemetry.instrument(app, **options), scope)) == 2
    assert seen[0] is scope
    assert scope == before


@pytest.mark.parametrize("shape", [list, tuple, iter, lambda pairs: (pair for pair in pairs)])
async def test_headers_in_any_shape(shape: Callable[[Any], Any], telemetry: Telemetry) -> None:
    """A request's headers that can be read but once arrive unread; a response's are watched in every shape."""
    given = shape([(b"host", b"x"), (b"last-event-id", b"\xff")])
    read: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["headers"] is given
        read.extend(scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": shape([EVENT_STREAM])})
        await send(LAST)

    taken = await received_by(telemetry.instrument(app), {**HTTP, "headers": given})
    assert read == [(b"host", b"x"), (b"last-event-id", b"\xff")]
    assert [name for name, _ in taken[0]["headers"]] == [b"content-type", b"traceresponse", b"x-trace-id"]
    telemetry.stage()


async def test_what_a_headers_iterator_raises_is_the_applications(telemetry: Telemetry) -> None:
    """An iterator of headers that raises as it is read raises where the application sends it, the very object."""
    error = Refusal()

    def broken() -> Any:
        yield EVENT_STREAM
        raise error

    first = {"type": "http.response.start", "status": 200, "headers": broken()}
    assert (await call(telemetry.instrument(sending(first)))).error is error


async def test_an_exception_of_any_class_comes_through(telemetry: Telemetry) -> None:
    """Classes that name no module, or can't make their message, do not keep an exception from coming through."""

    def refuse(self: object) -> str:
        raise RuntimeError

    for capture in (False, True):
        error = type("Odd", (Exception,), {"__module__": None, "__str__": refuse})()

        async def app(scope: Scope, receive: Receive, send: Send, error: Exception = error) -> None:
            await send(start())
            raise error

        watched = telemetry.instrument(app, capture_content=capture)
        assert (await call(watched)).error is error
        otel_sse.uninstrument(watched)
    assert [stage.outcome for stage in telemetry.stages(2)] == ["failed"] * 2


@pytest.mark.parametrize("message", [*NO_BODIES, *NO_MESSAGES])
def test_a_real_server_answers_as_without_us(message: Any, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """What uvicorn makes of a message that is no ASGI, it makes of it with us as well."""
    app = sending(start(), message, LAST)
    bare = read_raw(uvicorn_server.serve(app))
    assert without(read_raw(uvicorn_server.serve(telemetry.instrument(app))), b"traceresponse", b"x-trace-id") == bare
    telemetry.stage()


def test_a_stream_after_all_that(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A usual stream is watched as ever by the same application."""
    address = uvicorn_server.serve(telemetry.instrument(plain()))
    assert httpx.get(address).content == ANSWER
    assert telemetry.stage().outcome == "completed"
    assert body(b"")["more_body"] is True
