from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from opentelemetry.trace import StatusCode
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect, Request

import otel_sse
from otel_sse import limits
from otel_sse.recording import writer
from tests.integrations.answers import DIGESTS, DONE, FRAMES, Receive, Scope, Send, body, plain, start
from tests.integrations.driver import Driver, call
from tests.integrations.made import fastapi_app, plain_app, starlette_app
from tests.integrations.seen import Stage, Telemetry, attributes, recorder_of
from tests.integrations.servers import RawClient, Uvicorn, read_raw

MAKERS = {"plain": plain_app, "starlette": starlette_app, "fastapi": fastapi_app}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Any:
    """Makes an application of each kind."""
    return MAKERS[request.param]


async def endless() -> AsyncIterator[bytes]:
    """An answer without an end."""
    while True:
        yield FRAMES[0]
        await asyncio.sleep(0.002)


def settled_stage(telemetry: Telemetry) -> Stage:
    """The one stage, once nothing is left of any; its outcome also stands on the request's span."""
    stage = telemetry.stage()
    telemetry.settled()
    assert attributes(telemetry.request())["sse.stream.outcome"] == stage.outcome
    return stage


def test_completed(make: Any, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A stream with its protocol's end and its last body is completed."""
    httpx.get(uvicorn_server.serve(telemetry.instrument(make())) + "/chat")
    stage = settled_stage(telemetry)
    assert stage.outcome == "completed"
    assert stage.digests == DIGESTS
    assert stage.first.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("parts", [FRAMES[:-1], (*FRAMES[:2], FRAMES[2][:-5])], ids=["no end mark", "cut in an event"])
def test_incomplete(make: Any, parts: Any, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A stream that ends well as HTTP but without its protocol's end is incomplete."""

    async def cut() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    httpx.get(uvicorn_server.serve(telemetry.instrument(make(cut))) + "/chat")
    assert settled_stage(telemetry).outcome == "incomplete"


def test_disconnected_over_a_real_socket(make: Any, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A client that leaves mid-stream (uvicorn, ASGI 2.3) leaves the outcome disconnected."""
    parts = endless
    if make is plain_app:
        app: Any = telemetry.instrument(listening_app)
    else:
        app = telemetry.instrument(make(parts))
    client = RawClient(uvicorn_server.serve(app))
    client.read_until(FRAMES[0])
    client.leave()
    stage = settled_stage(telemetry)
    assert stage.outcome == "disconnected"
    assert len(stage.chunks) >= 1


async def listening_app(scope: Scope, receive: Receive, send: Send) -> None:
    """A bare application that asks whether the client is still there."""
    await receive()
    gone = asyncio.ensure_future(receive())
    await send(start())
    while not gone.done():
        await send(body(FRAMES[0]))
        await asyncio.sleep(0.002)


async def test_disconnected_though_the_application_goes_on(telemetry: Telemetry) -> None:
    """An application that knows of the client's leaving and sends its last body all the same has not completed."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(FRAMES[0]))
        while (await receive())["type"] != "http.disconnect":
            pass
        await send(body(DONE, more=False))

    await call(telemetry.instrument(app), spec_version="2.3", leaves_after=1)
    assert settled_stage(telemetry).outcome == "disconnected"


@pytest.mark.parametrize("leaves_after", range(1, len(FRAMES) + 1))
async def test_disconnected_by_oserror(make: Any, leaves_after: int, telemetry: Telemetry) -> None:
    """A server that says by OSError from send that the client has left (ASGI 2.4) gives disconnected."""
    app = telemetry.instrument(make())
    driver = await call(app, leaves_after=leaves_after)
    # What is raised is the framework's own affair.
    assert isinstance(driver.error, OSError | ClientDisconnect)
    stage = settled_stage(telemetry)
    assert stage.outcome == ("completed" if leaves_after == len(FRAMES) else "disconnected")
    assert stage.digests == DIGESTS[:leaves_after]


async def test_disconnected_at_the_very_start(telemetry: Telemetry) -> None:
    """A client that has left before the response's start leaves a stage without chunks, disconnected."""
    driver = await call(telemetry.instrument(plain()), leaves_after=0)
    assert isinstance(driver.error, OSError)
    stage = settled_stage(telemetry)
    assert stage.outcome == "disconnected"
    assert stage.chunks == []


async def test_disconnected_when_the_application_swallows_the_error(telemetry: Telemetry) -> None:
    """An application that catches the OSError and returns has not completed."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await plain()(scope, receive, send)
        except OSError:
            return

    driver = await call(telemetry.instrument(app), leaves_after=2)
    assert driver.error is None
    assert settled_stage(telemetry).outcome == "disconnected"


async def test_a_disconnect_that_follows_the_last_body_is_no_news(telemetry: Telemetry) -> None:
    """Servers answer receive with http.disconnect once the response is complete; that stream was completed."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        listener = asyncio.ensure_future(receive())
        await plain()(scope, receive, send)
        await listener

    driver = await call(telemetry.instrument(app), spec_version="2.3")
    assert driver.error is None
    assert settled_stage(telemetry).outcome == "completed"


async def pausing_app(scope: Scope, receive: Receive, send: Send) -> None:
    """A bare application that also waits for something of its own between its chunks."""
    await receive()
    await scope["pause"]()
    await send(start())
    for part in FRAMES:
        await scope["pause"]()
        await send(body(part))
    await send(body(b"", more=False))
    await scope["pause"]()


PAUSES = 4 + 2 * len(FRAMES) + 1


async def test_the_awaits_are_counted_right(telemetry: Telemetry) -> None:
    """The cancellation tests below reach every await of the request."""
    assert (await call(telemetry.instrument(pausing_app))).pauses == PAUSES
    telemetry.stage()


@pytest.mark.parametrize("cancel_at", range(1, PAUSES + 1))
async def test_cancelled_at_each_await(cancel_at: int, telemetry: Telemetry) -> None:
    """A request that is cancelled at any await of the server or the application ends its stage once, as cancelled."""
    driver = await call(telemetry.instrument(pausing_app), cancel_at=cancel_at)
    assert type(driver.error) is asyncio.CancelledError
    telemetry.request()
    # The last body is empty, so the whole answer has crossed before it.
    before_the_start, after_the_end = cancel_at <= 2, cancel_at >= PAUSES - 1
    if before_the_start:
        assert telemetry.stages(0) == []
    elif after_the_end:
        assert settled_stage(telemetry).outcome == "completed"
    else:
        assert settled_stage(telemetry).outcome == "cancelled"
    telemetry.settled()


FRAMEWORK_AWAITS = {"2.3": 9, "2.4": 7}
"""Awaits of the server in one request to Starlette; under ASGI 2.3 it also listens for the client's leaving."""


@pytest.mark.parametrize("kind", ["starlette", "fastapi"])
@pytest.mark.parametrize("spec_version", FRAMEWORK_AWAITS)
async def test_the_awaits_of_frameworks_are_counted_right(kind: str, spec_version: str) -> None:
    """The cancellation test below reaches every await of the server."""
    assert (await call(MAKERS[kind](), spec_version=spec_version)).pauses == FRAMEWORK_AWAITS[spec_version]


@pytest.mark.parametrize("kind", ["starlette", "fastapi"])
@pytest.mark.parametrize(
    ("spec_version", "cancel_at"),
    [(version, at) for version, count in FRAMEWORK_AWAITS.items() for at in range(1, count + 1)],
)
async def test_cancelled_at_each_await_of_a_framework(
    kind: str, spec_version: str, cancel_at: int, telemetry: Telemetry
) -> None:
    """The same through Starlette's and FastAPI's own tasks and cancel scopes."""
    driver = await call(telemetry.instrument(MAKERS[kind]()), cancel_at=cancel_at, spec_version=spec_version)
    assert type(driver.error) is asyncio.CancelledError
    telemetry.request()
    if not driver.begun:
        assert telemetry.stages(0) == []
    else:
        stage = settled_stage(telemetry)
        assert stage.outcome == ("completed" if stage.digests == DIGESTS else "cancelled")
    telemetry.settled()


class Broken(Exception):
    """Raised by an application."""


BROKEN = f"{__name__}.Broken"


@pytest.mark.parametrize("at", [0, 2, len(FRAMES)], ids=["start", "middle", "end"])
@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
async def test_failed(make: Any, at: int, spec_version: str, telemetry: Telemetry) -> None:
    """A generator that raises makes the stage failed, and the very exception arrives at the server."""
    error = Broken("no more tokens")

    async def breaking() -> AsyncIterator[bytes]:
        for part in FRAMES[:at]:
            yield part
        raise error

    driver = await call(telemetry.instrument(make(breaking)), spec_version=spec_version)
    assert driver.error is error
    stage = settled_stage(telemetry)
    assert stage.outcome == "failed"
    assert stage.digests == DIGESTS[:at]
    assert stage.attributes["error.type"] == BROKEN
    assert stage.segments[-1].status.status_code is StatusCode.ERROR


def test_failed_over_a_real_socket(make: Any, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """The client of a failed stream gets the bytes that were sent, and no last body."""

    async def breaking() -> AsyncIterator[bytes]:
        yield FRAMES[0]
        raise Broken

    received = read_raw(uvicorn_server.serve(telemetry.instrument(make(breaking))))
    assert FRAMES[0] in received
    assert not received.endswith(b"0\r\n\r\n")
    assert settled_stage(telemetry).outcome == "failed"


async def test_failed_in_a_group(telemetry: Telemetry) -> None:
    """An exception group arrives as the object it is; where it holds one exception, the stage names that one."""
    group = ExceptionGroup("two tasks", [ExceptionGroup("one task", [Broken()])])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(FRAMES[0]))
        raise group

    driver = await call(telemetry.instrument(app))
    assert driver.error is group
    stage = settled_stage(telemetry)
    assert stage.outcome == "failed"
    assert stage.attributes["error.type"] == BROKEN


class Through(BaseHTTPMiddleware):
    """Middleware that sends the last body of a response that failed, and raises then."""

    async def dispatch(self, request: Request, call_next: Any) -> Any:
        return await call_next(request)


@pytest.mark.parametrize("make", [starlette_app, fastapi_app])
@pytest.mark.parametrize("emit", [True, False])
@pytest.mark.parametrize("parts", [FRAMES[:2], FRAMES], ids=["cut", "whole"])
async def test_failed_after_the_last_body(make: Any, emit: bool, parts: Any, telemetry: Telemetry) -> None:
    """An exception that the application raises right behind its last body makes the stage failed."""
    error = Broken("no more tokens")

    async def breaking() -> AsyncIterator[bytes]:
        for part in parts:
            yield part
        raise error

    app = make(breaking)
    app.add_middleware(Through)
    driver = await call(telemetry.instrument(app, emit=emit))
    assert driver.error is error
    assert not driver.messages[-1]["more_body"]
    stage = telemetry.stage()
    assert (stage.outcome, stage.attributes["error.type"]) == ("failed", BROKEN)
    assert stage.segments[-1].status.status_code is StatusCode.ERROR
    telemetry.settled()
    if emit:
        # That span has ended with the last body; what it could be told by then, it was.
        request = telemetry.request()
        assert attributes(request)["sse.stream.outcome"] == "failed"
        assert attributes(request)["error.type"] == BROKEN
        assert request.status.status_code is StatusCode.ERROR


async def test_failed_after_the_last_body_of_a_bare_application(telemetry: Telemetry) -> None:
    """The time of such an end is that of the last body, whenever the application raised."""

    over: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await plain()(scope, receive, send)
        over.append(time.time_ns())
        await asyncio.sleep(0.05)
        raise Broken

    await call(telemetry.instrument(app))
    stage = telemetry.stage()
    assert stage.outcome == "failed"
    assert (stage.segments[-1].end_time or 0) <= over[0]
    telemetry.settled()


async def test_a_stage_does_not_wait_for_what_the_application_does_later(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some time after its last body a stage ends, whatever the application still does and raises."""
    monkeypatch.setattr(writer, "AFTERMATH_NS", 1_000_000)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await plain()(scope, receive, send)
        while not telemetry._ended("socket_write"):
            await asyncio.sleep(0.01)
        raise Broken

    driver = await call(telemetry.instrument(app))
    assert type(driver.error) is Broken
    assert settled_stage(telemetry).outcome == "completed"


async def test_a_shutdown_keeps_an_end_that_is_settled(telemetry: Telemetry) -> None:
    """A stage whose last body was sent is not abandoned by a shutdown right behind it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await plain()(scope, receive, send)
        instrumented._self_middleware.recorder.shutdown()

    instrumented = telemetry.instrument(app)
    await call(instrumented)
    assert settled_stage(telemetry).outcome == "completed"


@pytest.mark.parametrize("over", [0, 1])
async def test_a_large_last_body_is_sent_before_it_is_read(over: int, telemetry: Telemetry) -> None:
    """Up to MAX_FORETOLD_BYTES the last body is read before it is sent; one byte more and it goes first."""
    last = b"data: " + b"x" * (limits.MAX_FORETOLD_BYTES - 8 + over) + b"\n\n"
    read: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(last, more=False))

    async def watching(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Any) -> None:
            if message["type"] == "http.response.body":
                (record,) = recorder_of(instrumented).background.writer._live.values()
                read.append(record.monitor.totals.chunks)
            await send(message)

        await instrumented(scope, receive, sending)

    instrumented = telemetry.instrument(app, flush_interval_seconds=3600)
    recorder_of(instrumented).background._ensure_worker = lambda: None  # type: ignore[method-assign]
    await call(watching)
    assert len(last) == limits.MAX_FORETOLD_BYTES + over
    assert read == [1 - over]
    telemetry_stage = telemetry_after_flush(telemetry)
    assert (telemetry_stage.outcome, len(telemetry_stage.chunks)) == ("completed", 1)


def telemetry_after_flush(telemetry: Telemetry) -> Stage:
    """The one stage, where no thread of the recorder's writes it."""
    otel_sse.flush()
    return telemetry.stage()


async def test_failed_before_the_start_has_no_stage(make: Any, telemetry: Telemetry) -> None:
    """An application that raises before its response has no stage, and its exception arrives untouched."""
    error = Broken("no model")

    def breaking() -> Any:
        raise error

    app = telemetry.instrument(breaking_app(error) if make is plain_app else make(breaking))
    driver = await call(app)
    assert driver.error is error
    telemetry.request()
    assert telemetry.segments() == []
    telemetry.settled()


def breaking_app(error: Exception) -> Any:
    """A bare application that raises before it answers."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return app


async def test_failed_by_the_protocol(telemetry: Telemetry) -> None:
    """A stream whose last word is an error event has failed, though HTTP ended well."""
    parts = (FRAMES[0], b'data: {"error": {"type": "overloaded_error", "message": "busy"}}\n\n')
    await call(telemetry.instrument(plain(parts)))
    assert settled_stage(telemetry).outcome == "failed"


def test_abandoned_over_a_real_socket(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """An application that returns without a last body has abandoned its stream."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(FRAMES[0]))

    received = read_raw(uvicorn_server.serve(telemetry.instrument(app)))
    assert FRAMES[0] in received
    assert settled_stage(telemetry).outcome == "abandoned"


async def test_abandoned_when_the_request_is_dropped(telemetry: Telemetry) -> None:
    """A request that its server drops without a word (its coroutine is closed) is abandoned."""

    class Never:
        def __await__(self) -> Any:
            yield

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(FRAMES[0]))
        await Never()

    async def send(message: Any) -> None: ...

    scope = Driver(app).scope
    request = telemetry.instrument(app)(scope, send, send)
    request.send(None)
    request.close()
    assert settled_stage(telemetry).outcome == "abandoned"
