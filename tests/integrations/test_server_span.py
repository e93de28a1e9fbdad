from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.trace import NoOpTracerProvider
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount

from otel_sse.integrations.server_span import ServerSpanMakers, no_native_span
from tests.integrations.answers import ANSWER, DIGESTS, Message, Receive, Scope, Send, plain
from tests.integrations.driver import call
from tests.integrations.made import fastapi_app, starlette_app
from tests.integrations.seen import Telemetry, attributes, until
from tests.integrations.servers import Uvicorn

needs_native = pytest.mark.skipif(
    "telemetry" not in inspect.signature(FastAPI).parameters, reason="FastAPI before 0.163 has no telemetry of its own"
)


def native(telemetry: Telemetry, **more: Any) -> dict[str, Any]:
    """Arguments of a FastAPI application that makes its own SERVER span."""
    providers = {"tracer_provider": telemetry.tracer_provider, "meter_provider": telemetry.meter_provider}
    return {"telemetry": {**providers, **more}}


def contrib(app: Any, telemetry: Telemetry) -> Any:
    """Contrib's middleware around an application, with its spans for each send and receive."""
    return OpenTelemetryMiddleware(
        app, tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider
    )


def starlette_with_contrib(telemetry: Telemetry) -> Any:
    """A Starlette application that has contrib's middleware among its own."""
    app = starlette_app()
    app.add_middleware(
        OpenTelemetryMiddleware, tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider
    )
    return app


def mounted(inner: Any) -> Starlette:
    """A Starlette application with another one under /v1."""
    return Starlette(routes=[Mount("/v1", app=inner)])


def cors(app: Any) -> Any:
    """An application inside CORSMiddleware."""
    return CORSMiddleware(app, allow_origins=["*"])


Build = Callable[[Telemetry], Any]

BUILDS: dict[str, Build] = {
    "plain": lambda t: t.instrument(plain()),
    "starlette": lambda t: t.instrument(starlette_app()),
    "fastapi": lambda t: t.instrument(fastapi_app()),
    "contrib outside plain": lambda t: contrib(t.instrument(plain()), t),
    "contrib outside starlette": lambda t: contrib(t.instrument(starlette_app()), t),
    "contrib inside plain": lambda t: t.instrument(contrib(plain(), t)),
    "contrib inside starlette": lambda t: t.instrument(starlette_with_contrib(t)),
    "contrib twice": lambda t: contrib(t.instrument(contrib(plain(), t)), t),
    "fastapi in cors": lambda t: t.instrument(cors(fastapi_app())),
    "starlette in cors": lambda t: t.instrument(cors(starlette_app())),
    "instrumented in cors": lambda t: cors(t.instrument(starlette_app())),
    "starlette and what is mounted": lambda t: t.instrument(mounted(t.instrument(starlette_app()))),
    "fastapi in starlette": lambda t: t.instrument(mounted(fastapi_app())),
}
NATIVE: dict[str, Build] = {
    "fastapi native": lambda t: t.instrument(fastapi_app(**native(t))),
    "fastapi native in cors": lambda t: t.instrument(cors(fastapi_app(**native(t)))),
    "fastapi native in starlette": lambda t: t.instrument(mounted(fastapi_app(**native(t)))),
    "instrumented fastapi native in starlette": lambda t: mounted(t.instrument(fastapi_app(**native(t)))),
    "fastapi native in fastapi native": lambda t: t.instrument(native_in_native(t)),
    "fastapi native with metrics only": lambda t: t.instrument(fastapi_app(**native(t, tracing=False))),
    "fastapi native with metrics only in cors": lambda t: t.instrument(cors(fastapi_app(**native(t, tracing=False)))),
    "fastapi native off": lambda t: t.instrument(cors(fastapi_app(**native(t, tracer_provider=NoOpTracerProvider())))),
    "contrib inside fastapi native": lambda t: t.instrument(native_with_contrib(t)),
    "contrib around fastapi native": lambda t: t.instrument(contrib(fastapi_app(**native(t)), t)),
}


def native_in_native(telemetry: Telemetry) -> FastAPI:
    """A FastAPI application mounted in another, both with their own telemetry."""
    app = FastAPI(**native(telemetry))
    app.mount("/v1", fastapi_app(**native(telemetry)))
    return app


def native_with_contrib(telemetry: Telemetry) -> FastAPI:
    """A FastAPI application with its own telemetry and contrib's middleware."""
    app = fastapi_app(**native(telemetry))
    app.add_middleware(
        OpenTelemetryMiddleware, tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider
    )
    return app


@pytest.mark.parametrize(
    "build",
    [
        *(pytest.param(build, id=name) for name, build in BUILDS.items()),
        *(pytest.param(build, id=name, marks=needs_native) for name, build in NATIVE.items()),
    ],
)
def test_one_server_span_for_each_request(build: Build, telemetry: Telemetry, uvicorn_server: Uvicorn) -> None:
    """Whoever makes it, there is one SERVER span; the stage is its child and its totals stand on it."""
    app = build(telemetry)
    path = "/v1/chat" if reaches(app, "/v1") else "/chat"
    assert httpx.get(uvicorn_server.serve(app) + path).content == ANSWER
    stage, request = telemetry.stage(), telemetry.request()
    assert stage.digests == DIGESTS
    assert stage.parent_id == request.context.span_id
    assert stage.first.context.trace_id == request.context.trace_id
    on_request = attributes(request)
    assert on_request["sse.stream.id"] == stage.stream_id
    assert on_request["sse.stream.chunks"] == len(DIGESTS)
    assert on_request["sse.stream.outcome"] == "completed"
    assert on_request["sse.stream.time_to_first_content"] > 0
    telemetry.settled()


def reaches(app: Any, path: str) -> bool:
    """Whether an application has something mounted under `path`."""
    return any(getattr(route, "path", None) == path for route in getattr(app, "routes", ()))


@pytest.mark.parametrize("make", [plain, starlette_app, fastapi_app])
async def test_no_span_for_each_send(make: Callable[[], Any], telemetry: Telemetry) -> None:
    """The SERVER span that we make comes without a span for each send and receive."""
    await call(telemetry.instrument(make()))
    telemetry.stage()
    others = [span for span in telemetry.spans() if not span.name.startswith("stream ")]
    assert others == [telemetry.request()]


@needs_native
def test_fastapi_follows_the_global_provider(run_script: Callable[[str], str]) -> None:
    """FastAPI makes its own SERVER span once a global provider is set, though that is after `instrument`."""
    assert run_script(
        """
        from opentelemetry import trace
        import otel_sse
        from tests.integrations.driver import call
        from tests.integrations.made import fastapi_app
        from tests.integrations.seen import Telemetry
        import asyncio

        telemetry = Telemetry()
        app = otel_sse.instrument(fastapi_app())
        asyncio.run(call(app))
        trace.set_tracer_provider(telemetry.tracer_provider)
        asyncio.run(call(app))
        stage, request = telemetry.stage(), telemetry.request()
        print(request.instrumentation_scope.name, stage.parent_id == request.context.span_id, len(stage.chunks))
        """
    ).split() == ["fastapi", "True", "5"]


@needs_native
async def test_what_fastapi_excludes_gets_no_server_span(telemetry: Telemetry) -> None:
    """A request that FastAPI was told to leave alone gets no SERVER span from us either; its stream is watched."""
    app = telemetry.instrument(fastapi_app(**native(telemetry, exclude=lambda scope: True)))
    await call(app)
    assert telemetry.stage().parent_id is None
    assert telemetry.requests(0) == []


async def test_server_span_can_be_switched_off(telemetry: Telemetry) -> None:
    """With `server_span=False` there is no SERVER span, and the stage is a trace of its own."""
    await call(telemetry.instrument(plain(), server_span=False))
    assert telemetry.stage().parent_id is None
    assert telemetry.requests(0) == []


async def test_the_callers_trace_goes_on(telemetry: Telemetry) -> None:
    """A `traceparent` that comes with the request is the parent of the SERVER span."""
    parent = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await call(telemetry.instrument(plain()), headers=[(b"traceparent", parent)])
    request = telemetry.request()
    assert request.parent is not None
    assert request.parent.span_id == 0xB7AD6B7169203331
    assert telemetry.stage().first.context.trace_id == 0x0AF7651916CD43DD8448EB211C80319C


async def test_a_current_span_is_the_requests(telemetry: Telemetry) -> None:
    """Inside somebody's span (an in-process client) no SERVER span is made; the stage is that span's child."""
    tracer = trace.get_tracer("test", tracer_provider=telemetry.tracer_provider)
    with tracer.start_as_current_span("client") as span:
        await call(telemetry.instrument(plain()))
    assert telemetry.stage().parent_id == span.get_span_context().span_id
    until(lambda: len(telemetry.spans()) == 2, "the end of the client's span")
    assert telemetry.requests(0) == []


async def test_other_responses_have_a_server_span_without_totals(telemetry: Telemetry) -> None:
    """A response that is no stream gets the SERVER span and nothing of ours on it."""
    await call(telemetry.instrument(plain([b"hello"], (b"content-type", b"text/plain"))))
    assert not any(name.startswith("sse.") for name in attributes(telemetry.request()))


def test_fastapi_is_told_and_told_back() -> None:
    """The note in the scope that keeps FastAPI from a second span is gone afterwards, and others' notes stay."""
    scope: dict[str, Any] = {}
    with no_native_span(scope):
        assert scope == {"fastapi.telemetry": None}
    assert scope == {}
    given = {"fastapi.telemetry": object()}
    kept = dict(given)
    with no_native_span(given):
        assert given == kept
    assert given == kept


def test_layers_that_lead_in_a_circle_are_looked_at_once() -> None:
    """An application that names itself as its inner one does not keep us."""

    class Circle:
        def __init__(self) -> None:
            self.app = self

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Message | None: ...

    assert ServerSpanMakers(Circle()).any({}) is False
