from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

import otel_sse
from otel_sse.integrations.applications.starlette_stack import enclose, is_starlette
from otel_sse.integrations.asgi import StreamMiddleware
from tests.integrations.answers import ANSWER, DIGESTS, plain
from tests.integrations.driver import call
from tests.integrations.made import fastapi_app, starlette_app
from tests.integrations.seen import Telemetry, attributes, recorder_of
from tests.integrations.servers import Uvicorn


class Contrib:
    """Contrib's FastAPI instrumentation of one application at a time, undone at the end."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._apps: list[FastAPI] = []

    def instrument(self, app: FastAPI) -> None:
        FastAPIInstrumentor.instrument_app(
            app,
            tracer_provider=self._telemetry.tracer_provider,
            meter_provider=self._telemetry.meter_provider,
            exclude_spans=["send", "receive"],
        )
        self._apps.append(app)

    def uninstrument(self, app: FastAPI) -> None:
        self._apps.remove(app)
        FastAPIInstrumentor.uninstrument_app(app)

    def close(self) -> None:
        for app in self._apps[:]:
            self.uninstrument(app)


@pytest.fixture
def contrib(telemetry: Telemetry) -> Iterator[Contrib]:
    """Contrib's FastAPI instrumentation."""
    contrib = Contrib(telemetry)
    yield contrib
    contrib.close()


def kinds(app: Any) -> list[type[Any]]:
    """The classes of a built stack from the outside in."""
    found, layer = [], app.middleware_stack
    while layer is not None:
        found.append(type(layer))
        layer = getattr(layer, "app", None)
    return found


@pytest.mark.parametrize("first", ["contrib", "otel_sse"])
@pytest.mark.parametrize("running", [False, True])
def test_with_contrib_in_either_order(
    first: str,
    running: bool,
    contrib: Contrib,
    telemetry: Telemetry,
    uvicorn_server: Uvicorn,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Contrib's FastAPI instrumentation before or after ours: both work, one SERVER span, each chunk once."""
    app = fastapi_app()
    if first == "contrib":
        contrib.instrument(app)
    if running and first == "contrib":
        httpx.get(uvicorn_server.serve(app) + "/openapi.json")
        telemetry.request()
        telemetry.exporter.clear()
    telemetry.instrument(app)
    if first != "contrib":
        contrib.instrument(app)
    assert httpx.get(uvicorn_server.serve(app) + "/chat").content == ANSWER
    stage, request = telemetry.stage(), telemetry.request()
    assert stage.digests == DIGESTS
    assert stage.parent_id == request.context.span_id
    assert attributes(request)["sse.stream.outcome"] == "completed"
    assert request.instrumentation_scope is not None
    assert request.instrumentation_scope.name == "opentelemetry.instrumentation.fastapi"
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_uninstrument_when_contrib_came_first(contrib: Contrib, uvicorn_server: Uvicorn) -> None:
    """What contrib had put on the application before us is there again, the very objects."""
    app = fastapi_app()
    contrib.instrument(app)
    before = dict(vars(app))
    otel_sse.uninstrument(otel_sse.instrument(app))
    assert dict(vars(app)) == before
    httpx.get(uvicorn_server.serve(app) + "/chat")
    before, stack = dict(vars(app)), kinds(app)
    otel_sse.uninstrument(otel_sse.instrument(app))
    assert dict(vars(app)) == before
    assert kinds(app) == stack


@pytest.mark.parametrize("running", [False, True])
def test_uninstrument_when_contrib_came_after(
    running: bool, contrib: Contrib, telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """Ours goes out from under contrib's layers, which go on; nothing of ours comes back when contrib goes."""
    app, alone = fastapi_app(), fastapi_app()
    contrib.instrument(alone)
    httpx.get(uvicorn_server.serve(alone) + "/chat")
    telemetry.request()
    telemetry.exporter.clear()
    telemetry.instrument(app)
    contrib.instrument(app)
    address = uvicorn_server.serve(app)
    if running:
        httpx.get(address + "/chat")
        telemetry.stage()
    otel_sse.uninstrument(app)
    assert httpx.get(address + "/chat").content == ANSWER
    telemetry.requests(1 + running)
    assert len(telemetry.segments()) == running
    assert vars(app).keys() == vars(alone).keys()
    assert app._original_build_middleware_stack == type(app).build_middleware_stack.__get__(app)  # type: ignore[attr-defined]
    assert not any("otel_sse" in kind.__module__ for kind in kinds(app))
    contrib.uninstrument(app)
    contrib.uninstrument(alone)
    assert kinds(app) == kinds(alone)
    assert httpx.get(address + "/chat").content == ANSWER
    assert len(telemetry.segments()) == running


def test_instrument_again_under_contrib_does_not_double(
    contrib: Contrib, telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """Out and in again, with contrib's layers around the first time: each chunk once."""
    app = telemetry.instrument(fastapi_app())
    contrib.instrument(app)
    otel_sse.uninstrument(app)
    telemetry.instrument(app)
    httpx.get(uvicorn_server.serve(app) + "/chat")
    assert telemetry.stage().digests == DIGESTS
    telemetry.request()


def test_contribs_uninstrument_leaves_ours_alone(
    contrib: Contrib, telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """Where contrib came after us and goes first, our stage goes on."""
    app = telemetry.instrument(fastapi_app())
    contrib.instrument(app)
    contrib.uninstrument(app)
    httpx.get(uvicorn_server.serve(app) + "/chat")
    assert telemetry.stage().digests == DIGESTS
    telemetry.request()


async def test_error_handlers_still_answer(telemetry: Telemetry) -> None:
    """The application's own handler for errors answers as before, and its exception arrives at the server."""
    error = ValueError("no model")

    async def failing(request: Request) -> Response:
        raise error

    async def sorry(request: Request, raised: Exception) -> Response:
        assert raised is error
        return PlainTextResponse("sorry", status_code=500)

    app = starlette_app(exception_handlers={Exception: sorry})
    app.add_route("/fail", failing)
    driver = await call(telemetry.instrument(app), path="/fail")
    assert (driver.messages[0]["status"], driver.body) == (500, b"sorry")
    assert driver.error is error
    assert attributes(telemetry.request())["http.status_code"] == 500
    assert telemetry.segments() == []


async def test_what_is_not_there_is_not_a_stream(telemetry: Telemetry) -> None:
    """A 404 has a SERVER span and no stage."""
    driver = await call(telemetry.instrument(starlette_app()), path="/nowhere")
    assert driver.messages[0]["status"] == 404
    assert attributes(telemetry.request())["http.status_code"] == 404
    assert telemetry.segments() == []


def test_middleware_added_after_instrument_is_inside(telemetry: Telemetry) -> None:
    """Middleware that the application adds later is built in, inside of ours."""
    app = telemetry.instrument(starlette_app())
    app.add_middleware(OpenTelemetryMiddleware, tracer_provider=telemetry.tracer_provider)
    stack = app.build_middleware_stack()
    assert isinstance(stack, ServerErrorMiddleware)
    assert isinstance(stack.app, StreamMiddleware)
    assert type(stack.app.app) is ServerErrorMiddleware


def test_our_layer_goes_and_anothers_stays(telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """`uninstrument` takes out the middleware of its own recorder, though another's stands further out."""
    app = starlette_app()
    httpx.get(uvicorn_server.serve(app) + "/chat")
    telemetry.instrument(app)
    other = StreamMiddleware(app.middleware_stack, recorder_of(telemetry.instrument(plain())))  # type: ignore[arg-type]
    app.middleware_stack = other
    otel_sse.uninstrument(app)
    assert app.middleware_stack is other
    assert type(other.app) is ServerErrorMiddleware


def test_a_stack_of_another_kind_is_enclosed_as_it_is(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody looks for Starlette's first layer, or Starlette is not there, none is pretended."""
    recorder = recorder_of(telemetry.instrument(plain()))

    def wrap(app: Any) -> StreamMiddleware:
        return StreamMiddleware(app, recorder)

    assert type(enclose(plain(), wrap)) is StreamMiddleware
    monkeypatch.delitem(sys.modules, "starlette.middleware.errors")
    assert type(enclose(ServerErrorMiddleware(plain()), wrap)) is StreamMiddleware


def test_starlette_is_known_by_what_it_has() -> None:
    """Starlette and FastAPI objects are known; a bare application is not."""
    assert is_starlette(starlette_app())
    assert is_starlette(fastapi_app())
    assert not is_starlette(plain())
