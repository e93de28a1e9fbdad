from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from opentelemetry.context import attach, detach, set_value
from opentelemetry.trace import get_tracer

import otel_sse
from otel_sse.integrations.asgi import StreamMiddleware
from tests.integrations.answers import (
    ANSWER,
    DIGESTS,
    DONE,
    EVENT_STREAM,
    Message,
    Receive,
    Scope,
    Send,
    body,
    frame,
    plain,
    start,
)
from tests.integrations.driver import Driver, call
from tests.integrations.made import Gate, plain_app
from tests.integrations.seen import Telemetry, attributes, recorder_of
from tests.integrations.servers import Uvicorn


async def test_other_scopes_pass_untouched(telemetry: Telemetry) -> None:
    """A connection of a kind that we know nothing of reaches the application as the very objects it is."""
    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.extend([scope, receive, send])

    given: Any = ({"type": "webtransport", "path": "/"}, object(), object())
    await telemetry.instrument(app)(*given)
    assert all(a is b for a, b in zip(seen, given, strict=True))
    assert given[0] == {"type": "webtransport", "path": "/"}
    assert telemetry.spans() == []


async def test_websocket_messages_pass_untouched(telemetry: Telemetry) -> None:
    """What a websocket's two ends say to each other arrives as it was said, in order."""
    incoming: list[Message] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "data: hello"},
        {"type": "websocket.receive", "bytes": b"data: hello"},
        {"type": "websocket.disconnect", "code": 1000},
    ]
    outgoing: list[Message] = [
        {"type": "websocket.accept", "headers": [(b"x-own", b"1")]},
        {"type": "websocket.send", "text": "data: [DONE]"},
        {"type": "websocket.close"},
    ]
    heard: list[Message] = []
    said: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append(await receive())
        for message in outgoing[:2]:
            await send(dict(message))
            heard.append(await receive())
        await send(dict(outgoing[2]))
        heard.append(await receive())

    async def receive() -> Message:
        return dict(incoming[len(heard)])

    async def send(message: Message) -> None:
        said.append(message)

    scope: Scope = {**Driver(app).scope, "type": "websocket", "subprotocols": []}
    await telemetry.instrument(app)(scope, receive, send)
    assert heard == incoming
    assert said == outgoing
    assert telemetry.segments() == []


async def test_lifespan_passes_and_writes_out_what_is_pending(telemetry: Telemetry) -> None:
    """Lifespan messages go through untouched; at shutdown what is pending is out before the application's own code."""
    incoming: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    seen: list[Message] = []
    segments: list[int] = []
    gate = Gate()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await plain_app(gate.parts)(scope, receive, send)
            return
        for _ in range(2):
            seen.append(await receive())
            segments.append(len(telemetry.segments()))

    watched = telemetry.instrument(app, flush_interval_seconds=3600.0)
    driver = Driver(watched)
    request = asyncio.ensure_future(driver.run())
    while len(driver.messages) < 2:
        await asyncio.sleep(0)

    async def receive() -> Message:
        return incoming[len(seen)]

    async def send(message: Message) -> None:
        raise AssertionError("nothing was to be sent")

    scope: Scope = {"type": "lifespan"}
    await watched(scope, receive, send)
    assert all(a is b for a, b in zip(seen, incoming, strict=True))
    assert scope == {"type": "lifespan"}
    assert segments == [0, 1]
    gate.open()
    await request
    assert telemetry.stage().digests == DIGESTS


async def test_the_scope_is_as_it_was_afterwards(telemetry: Telemetry) -> None:
    """Nothing of ours is left in the scope, so that a cascade can hand it on to another watched application."""
    first = telemetry.instrument(plain([b"not here"], (b"content-type", b"text/plain"), status=404))
    second = telemetry.instrument(plain())
    keys: list[set[str]] = []

    async def cascade(scope: Scope, receive: Receive, send: Send) -> None:
        async def drop(message: Message) -> None: ...

        keys.append(set(scope))
        await first(scope, receive, drop)
        keys.append(set(scope))
        await second(scope, receive, send)
        keys.append(set(scope))

    await call(cascade)
    assert keys[0] == keys[1] == keys[2]
    assert telemetry.stage().digests == DIGESTS


async def test_excluded_urls_are_left_alone(telemetry: Telemetry) -> None:
    """A path that `excluded_urls` matches gets no span and no header; others do."""
    app = telemetry.instrument(plain(), excluded_urls="health,internal/.*")
    assert (await call(app, path="/internal/chat")).headers == [EVENT_STREAM]
    assert telemetry.spans() == []
    await call(app, path="/chat")
    assert telemetry.stage().digests == DIGESTS


@pytest.mark.parametrize(
    ("pattern", "left_alone"),
    [
        ("^http://example.org/chat$", True),
        ("example.org", True),
        ("^/chat$", True),
        ("https://", False),
        ("q=1", False),
    ],
)
async def test_excluded_urls_match_the_url_and_the_path(pattern: str, left_alone: bool, telemetry: Telemetry) -> None:
    """A pattern is searched in the URL without its query, as contrib does it, and in the path by itself."""
    driver = await call(telemetry.instrument(plain(), excluded_urls=pattern), query_string=b"q=1")
    assert (driver.headers == [EVENT_STREAM]) is left_alone
    otel_sse.flush()
    assert (telemetry.spans() == []) is left_alone


async def test_a_minimal_scope_is_enough(telemetry: Telemetry) -> None:
    """A server that gives only what ASGI demands is served as well."""
    app = telemetry.instrument(plain())
    driver = await call(app, client=None, server=None, headers=[], raw_path=None)
    assert driver.error is None
    assert telemetry.stage().digests == DIGESTS


async def test_the_start_hook_sees_span_and_scope(telemetry: Telemetry) -> None:
    """`on_stream_start` is called once a stream with the stage's span and the request's scope."""
    seen: list[Any] = []

    def hook(span: Any, scope: Any) -> None:
        span.set_attribute("app.user", scope["path"])
        seen.append(scope["type"])

    await call(telemetry.instrument(plain(), on_stream_start=hook))
    assert telemetry.stage().attributes["app.user"] == "/chat"
    assert seen == ["http"]


async def test_the_end_hook_sees_the_totals(telemetry: Telemetry) -> None:
    """`on_stream_end` is called once a stream with its last span and its totals."""
    totals: list[Any] = []

    def hook(span: Any, of: Any) -> None:
        span.set_attribute("app.cost", of.content_bytes * 2)
        totals.append(of)

    await call(telemetry.instrument(plain(), on_stream_end=hook))
    stage = telemetry.stage()
    assert stage.attributes["app.cost"] == 2 * stage.attributes["sse.stream.content_bytes"]
    assert len(totals) == 1


async def test_the_stage_belongs_to_the_request(telemetry: Telemetry) -> None:
    """A span that the application has open while it answers is not taken for the request's."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with get_tracer("app", tracer_provider=telemetry.tracer_provider).start_as_current_span("inner"):
            await plain()(scope, receive, send)

    await call(telemetry.instrument(app))
    request = telemetry.request()
    assert telemetry.stage().parent_id == request.context.span_id
    assert attributes(request)["sse.stream.outcome"] == "completed"


async def test_the_context_of_the_application_is_its_own(telemetry: Telemetry) -> None:
    """What the application sees of the context while it streams is what it put there."""
    from opentelemetry.context import get_current

    seen: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        token = attach(set_value("app.key", "value"))
        before = get_current()
        await send(start())
        seen.append(get_current() is before)
        await send(body(frame("x")))
        seen.append(get_current() is before)
        await send(body(DONE, more=False))
        seen.append(get_current() is before)
        detach(token)

    await call(telemetry.instrument(app))
    assert seen == [True, True, True]
    telemetry.stage()


async def test_streams_share_no_state(telemetry: Telemetry) -> None:
    """One middleware serves many requests at once and keeps nothing of any of them."""
    app = telemetry.instrument(plain())
    middleware: StreamMiddleware = app._self_middleware
    before = dict(vars(middleware))
    await call(app)
    await call(app)
    assert vars(middleware) == before
    stages = telemetry.stages(2)
    assert len({stage.stream_id for stage in stages}) == 2
    assert recorder_of(app) is middleware.recorder


def test_metrics_of_a_stream(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A stream's chunks, bytes, duration and open streams are counted under its stage."""
    app = telemetry.instrument(plain_app())
    httpx.get(uvicorn_server.serve(app) + "/chat")
    telemetry.stage()
    assert telemetry.value("sse.chunks", stage="socket_write") == len(DIGESTS)
    assert telemetry.value("sse.stream.io", stage="socket_write") == len(ANSWER)
    assert [dict(point.attributes)["outcome"] for point in telemetry.metric("sse.stream.duration").values()] == [
        "completed"
    ]
    telemetry.settled()
