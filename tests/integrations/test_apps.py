from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.core.handlers.asgi import ASGIHandler
from fastapi import FastAPI
from litestar import Litestar
from quart import Quart
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import StreamingResponse

import otel_sse
from otel_sse.integrations.instrumentor import SSEInstrumentor
from tests.integrations.answers import ANSWER, DIGESTS, FRAMES, Receive, Scope, Send, body, frames, plain, start
from tests.integrations.django_app import django_app
from tests.integrations.driver import call
from tests.integrations.made import Gate, add_chat, fastapi_app, plain_app, starlette_app
from tests.integrations.seen import Telemetry, recorder_of, until
from tests.integrations.servers import RawClient, Uvicorn

MAKERS = [pytest.param(fastapi_app, id="fastapi"), pytest.param(starlette_app, id="starlette")]
MakeApp = Callable[..., Any]


def state(app: Any) -> dict[str, Any]:
    """What an application's attributes are; most of these objects are equal to themselves alone."""
    return dict(vars(app))


def layers(stack: Any) -> list[Any]:
    """The chain of a built stack."""
    found = []
    while stack is not None:
        found.append(stack)
        stack = getattr(stack, "app", None)
    return found


@pytest.mark.parametrize("make", MAKERS)
def test_changes_an_application_in_place(make: MakeApp, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A Starlette or FastAPI object comes back itself, and its chunks are in the trace."""
    app = make()
    assert telemetry.instrument(app) is app
    assert httpx.get(uvicorn_server.serve(app) + "/chat").content == ANSWER
    assert telemetry.stage().digests == DIGESTS


@pytest.mark.parametrize("kind", [FastAPI, Starlette])
def test_routes_may_come_later(kind: type[Any], telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """An application that gets its routes after it was instrumented is watched all the same."""
    app = telemetry.instrument(kind())
    add_chat(app)
    assert httpx.get(uvicorn_server.serve(app) + "/chat").content == ANSWER
    assert telemetry.stage().digests == DIGESTS


@pytest.mark.parametrize("make", MAKERS)
def test_a_running_application_can_be_instrumented(
    make: MakeApp, telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """Instrumented after its first request, an application is watched from the next one on."""
    app = make()
    address = uvicorn_server.serve(app)
    httpx.get(address + "/chat")
    telemetry.instrument(app)
    httpx.get(address + "/chat")
    assert telemetry.stage().digests == DIGESTS


@pytest.mark.parametrize("make", [*MAKERS, pytest.param(plain_app, id="plain")])
def test_twice_is_once(make: MakeApp, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A second `instrument` returns the same object and changes nothing on it."""
    app = telemetry.instrument(make())
    before = state(app)
    assert otel_sse.instrument(app, tracer_provider=telemetry.tracer_provider) is app
    assert state(app) == before
    httpx.get(uvicorn_server.serve(app) + "/chat")
    assert telemetry.stage().digests == DIGESTS


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("first", ["instrument", "instrumentor"])
def test_both_ways_together_count_once(
    make: MakeApp, first: str, telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """`instrument` and `SSEInstrumentor` on one application give one stage and no chunk twice."""
    app = make()
    if first == "instrument":
        telemetry.instrument(app)
    SSEInstrumentor().instrument(tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
    try:
        address = uvicorn_server.serve(app)
        httpx.get(address + "/openapi.json")
        telemetry.instrument(app)
        httpx.get(address + "/chat")
        assert telemetry.stage().digests == DIGESTS
    finally:
        SSEInstrumentor().uninstrument()
    httpx.get(address + "/chat")
    assert len(telemetry.stages(2)) == 2


@pytest.mark.parametrize("make", [*MAKERS, pytest.param(plain_app, id="plain")])
def test_back_and_again_does_not_double(make: MakeApp, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Instrument, uninstrument, instrument: each chunk once, whether requests came between or not."""
    app = telemetry.instrument(make())
    httpx.get(uvicorn_server.serve(app) + "/chat")
    telemetry.stage()
    app = telemetry.instrument(otel_sse.uninstrument(app))
    app = telemetry.instrument(otel_sse.uninstrument(app))
    httpx.get(uvicorn_server.serve(app) + "/chat")
    assert [stage.digests for stage in telemetry.stages(2)] == [DIGESTS, DIGESTS]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("running", [False, True])
def test_uninstrument_restores_what_was_there(make: MakeApp, running: bool, uvicorn_server: Uvicorn) -> None:
    """After `uninstrument` every attribute of the application and every layer of its stack is the object it was."""
    app = make()
    if running:
        httpx.get(uvicorn_server.serve(app) + "/chat")
    before, stack = state(app), layers(app.middleware_stack)
    otel_sse.uninstrument(otel_sse.instrument(app))
    assert state(app) == before
    assert "build_middleware_stack" not in vars(app)
    assert layers(app.middleware_stack) == stack


@pytest.mark.parametrize("make", MAKERS)
def test_uninstrument_works_on_a_running_application(
    make: MakeApp, telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """A stack that was built while instrumented loses our layer, and requests go on without a stage."""
    app = telemetry.instrument(make())
    address = uvicorn_server.serve(app)
    httpx.get(address + "/chat")
    telemetry.stage()
    otel_sse.uninstrument(app)
    assert httpx.get(address + "/chat").content == ANSWER
    otel_sse.flush()
    assert len(telemetry.segments()) == 1
    assert not any("otel_sse" in type(layer).__module__ for layer in layers(app.middleware_stack))


def test_a_wrapped_application_that_is_served_goes_quiet(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A server that still holds the wrapped object gets the bare application's answers after `uninstrument`."""
    original = plain()
    app = telemetry.instrument(original)
    address = uvicorn_server.serve(app)
    httpx.get(address + "/chat")
    telemetry.stage()
    assert otel_sse.uninstrument(app) is original
    answer = httpx.get(address + "/chat")
    assert answer.content == ANSWER
    assert "traceresponse" not in answer.headers
    otel_sse.flush()
    assert len(telemetry.segments()) == 1


@pytest.mark.parametrize("make", [*MAKERS, pytest.param(plain_app, id="plain")])
def test_uninstrument_in_the_middle_of_a_stream(make: MakeApp, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """A stream that is open at `uninstrument` ends in the trace as abandoned, and on the wire whole."""
    gate = Gate()
    app = telemetry.instrument(make(gate.parts))
    client = RawClient(uvicorn_server.serve(app))
    client.read_until(FRAMES[0])
    otel_sse.uninstrument(app)
    stage = telemetry.stage()
    gate.open()
    assert client.read_all().count(b"data: ") == len(FRAMES)
    assert stage.outcome == "abandoned"
    request = telemetry.request()
    assert (request.attributes or {})["sse.stream.outcome"] == "abandoned"
    telemetry.settled()


@pytest.mark.parametrize("make", [*MAKERS, pytest.param(plain_app, id="plain")])
def test_instrument_works_again_after_shutdown(make: MakeApp, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """After `shutdown` an application can be instrumented anew, with a recorder that is alive."""
    app = telemetry.instrument(make())
    otel_sse.shutdown()
    httpx.get(uvicorn_server.serve(app) + "/chat")
    assert telemetry.segments() == []
    app = telemetry.instrument(app)
    httpx.get(uvicorn_server.serve(app) + "/chat")
    assert telemetry.stage().digests == DIGESTS


def test_uninstrument_of_what_was_not_instrumented_does_nothing() -> None:
    """`uninstrument` returns what it was given where there is nothing to undo."""
    app, bare = starlette_app(), plain()
    before = state(app)
    assert otel_sse.uninstrument(app) is app
    assert otel_sse.uninstrument(bare) is bare
    assert state(app) == before


def test_enabled_false_changes_nothing() -> None:
    """With `enabled=False` every application comes back as it was."""
    app, bare = starlette_app(), plain()
    before = state(app)
    assert otel_sse.instrument(app, enabled=False) is app
    assert otel_sse.instrument(bare, enabled=False) is bare
    assert state(app) == before


class Callable3:
    """An application that is an object with state of its own."""

    def __init__(self) -> None:
        self.greeting = "hello"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await plain()(scope, receive, send)

    def method(self) -> str:
        return self.greeting


async def test_a_wrapped_application_is_still_itself(telemetry: Telemetry) -> None:
    """A wrapped object shows its attributes, takes new ones, and passes for its class."""
    original = Callable3()
    app = telemetry.instrument(original)
    assert isinstance(app, Callable3)
    assert app.method() == "hello"
    app.greeting = "good morning"
    assert original.greeting == "good morning"
    assert (await call(app)).body == ANSWER
    assert telemetry.stage().digests == DIGESTS


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Quart(__name__), id="quart"),
        pytest.param(Litestar, id="litestar"),
        pytest.param(lambda: CORSMiddleware(starlette_app(), allow_origins=["*"]), id="cors"),
    ],
)
def test_other_frameworks_come_back_wrapped_and_usable(make: MakeApp, telemetry: Telemetry) -> None:
    """Any other framework's object stays an instance of its class and is given back by `uninstrument`."""
    original = make()
    app = telemetry.instrument(original)
    assert app is not original
    assert isinstance(app, type(original))
    assert otel_sse.uninstrument(app) is original


def test_django_comes_back_wrapped_and_usable(telemetry: Telemetry) -> None:
    """Django's handler stays an ASGIHandler."""
    original = django_app()
    app = telemetry.instrument(original)
    assert isinstance(app, ASGIHandler)
    assert otel_sse.uninstrument(app) is original


class Three:
    """A class whose objects are made of three things, as those of ASGI 2 nearly were."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    """A WSGI application."""
    return []


@pytest.mark.parametrize(
    "value",
    [None, 3, "module:app", sys, Callable3, Three, FastAPI, wsgi, lambda scope: None],
    ids=["None", "int", "str", "module", "class", "class of three", "FastAPI", "wsgi", "one-argument"],
)
def test_what_is_not_an_application_is_refused(value: Any) -> None:
    """Anything that can't be called as an ASGI application gets a TypeError in the house's form."""
    with pytest.raises(
        TypeError, match=r"^app must be an ASGI application, got .*\. (Pass the|It is a WSGI) application"
    ):
        otel_sse.instrument(value)


def test_an_unknown_setting_is_refused() -> None:
    """A setting that does not exist leaves the application as it was."""
    app = starlette_app()
    before = state(app)
    with pytest.raises(otel_sse.ConfigurationError, match=r"Did you mean chunk_events\?"):
        otel_sse.instrument(app, chunk_event="all")  # type: ignore[call-arg]
    assert state(app) == before


class Unsigned:
    """An application whose signature can't be looked at, as those written in C."""

    __signature__ = "none"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"", more=False))


def test_an_application_without_a_signature_is_taken(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the signature can't be had, the benefit of the doubt is given."""

    def unknown(app: Any) -> Any:
        raise ValueError("no signature found")

    monkeypatch.setattr("inspect.signature", unknown)
    assert isinstance(telemetry.instrument(Unsigned()), Unsigned)


def test_flush_shows_a_stream_that_is_open(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """`flush` writes what has crossed so far, though the stream goes on."""
    gate = Gate()
    app = telemetry.instrument(starlette_app(gate.parts))
    client = RawClient(uvicorn_server.serve(app))
    client.read_until(FRAMES[0])

    def shown() -> bool:
        otel_sse.flush()
        return bool(telemetry.segments())

    until(shown, "the first segment")
    assert telemetry.value("sse.streams.active", stage="socket_write", route="/chat") == 1
    gate.open()
    client.read_all()
    stage = telemetry.stage()
    assert stage.digests == DIGESTS
    assert len(stage.segments) == 2
    assert stage.outcome == "completed"
    telemetry.settled()


def test_shutdown_ends_open_streams(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """`shutdown` ends what is open as abandoned, and what comes later is not recorded."""
    gate = Gate()
    app = telemetry.instrument(starlette_app(gate.parts))
    client = RawClient(uvicorn_server.serve(app))
    client.read_until(FRAMES[0])
    otel_sse.shutdown()
    gate.open()
    client.read_all()
    assert telemetry.stage().outcome == "abandoned"
    assert recorder_of(app).closed
    telemetry.settled()


async def test_frames_are_what_the_tests_take_them_for() -> None:
    """The made-up answer is what its parts are, in order."""
    assert b"".join([part async for part in frames()]) == ANSWER


def lambda_app(scope: Any, receive: Any, send: Any) -> None:
    """Not async, so nothing to await."""


@pytest.mark.parametrize("thing", [print, max, lambda_app, lambda a, b, c: None, int, object, HTTPEndpoint.dispatch])
def test_what_can_be_called_but_not_awaited_is_no_application(thing: Any) -> None:
    """A function that is not async, a builtin and a class whose objects are not awaited are refused."""
    with pytest.raises(otel_sse.NotAnApplicationError, match="app must be an ASGI application, got "):
        otel_sse.instrument(thing)


class Endpoint(HTTPEndpoint):
    """An application by its class."""

    async def get(self, request: Any) -> StreamingResponse:
        return StreamingResponse(frames(), media_type="text/event-stream")


@functools.wraps(plain())
def wrapping(scope: Any, receive: Any, send: Any) -> Any:
    """A function that is not async itself and returns what one is."""
    return plain()(scope, receive, send)


class AppObject:
    """An object that is called."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await plain()(scope, receive, send)


@pytest.mark.parametrize("app", [Endpoint, wrapping, functools.partial(plain()), AppObject(), AppObject().__call__])
async def test_every_kind_of_application_is_watched(app: Any, telemetry: Telemetry) -> None:
    """An endpoint's class, a wrapped function, a partial one, an object and a method are applications."""
    await call(telemetry.instrument(app))
    assert telemetry.stage().digests == DIGESTS
