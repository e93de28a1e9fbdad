"""Counters at 0 for routes that nobody has asked yet."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.routing import Mount, Route

from otel_sse import limits
from otel_sse.integrations.instrumentor import SSEInstrumentor
from tests.integrations.answers import DONE, Message, frame, frames, plain
from tests.integrations.driver import call
from tests.integrations.made import add_chat, fastapi_app, starlette_app
from tests.integrations.seen import Telemetry


def started(telemetry: Telemetry, stage: str = "socket_write") -> set[str]:
    """The routes whose duplicates are counted at a stage, "" for none."""
    found = telemetry.metric("sse.duplicate_chunks")
    labels = [dict(key) for key in found]
    return {each.get("route", "") for each in labels if each["stage"] == stage}


async def lifespan(app: Any) -> None:
    """Start an application and shut it down."""
    told: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Message:
        return told.pop(0)

    async def send(message: Message) -> None: ...

    await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)


@pytest.mark.parametrize("make", [starlette_app, fastapi_app])
async def test_known_routes_are_at_zero_before_their_first_stream(make: Any, telemetry: Telemetry) -> None:
    """At each stage that appears by itself the first fault of a route is an increase, not a beginning."""

    async def doubled() -> Any:
        for part in (frame("a"), DONE, DONE):
            yield part

    app = telemetry.instrument(make(doubled))
    for stage in ("socket_write", "emit", "provider"):
        assert "/chat" in started(telemetry, stage)
    at = {"stage": "socket_write", "route": "/chat", "kind": "terminal", "certainty": "certain"}
    assert telemetry.value("sse.duplicate_chunks", **at) == 0
    await call(app)
    telemetry.stage()
    assert telemetry.value("sse.duplicate_chunks", **at) == 1
    assert started(telemetry) == {"", "/chat"}


def test_only_stages_that_will_appear_are_counted(telemetry: Telemetry) -> None:
    """Stages that are switched off have no counters."""
    telemetry.instrument(starlette_app(), clients=False, emit=False)
    assert (started(telemetry, "provider"), started(telemetry, "emit")) == (set(), set())


async def test_routes_are_named_as_their_streams_will_be(telemetry: Telemetry) -> None:
    """Mounts and routers with prefixes, parameters and converters give the very label that a stream has."""
    inner = Starlette()
    add_chat(inner, path="/chat/{id:int}")
    app = FastAPI()
    router = APIRouter(prefix="/v2")

    @router.post("/ask/{name}")
    async def ask(name: str) -> StreamingResponse:
        return StreamingResponse(frames(), media_type="text/event-stream")

    app.include_router(router)
    app.mount("/sub", inner)
    app.mount("/{tenant}", inner)
    app = telemetry.instrument(app)
    assert started(telemetry) == {"", "/v2/ask/{name}", "/sub/chat/{id}", "/chat/{id}"}
    for method, path in (("POST", "/v2/ask/x"), ("GET", "/sub/chat/7"), ("GET", "/acme/chat/7")):
        await call(app, path=path, method=method)
    seen = {stage.attributes["http.route"] for stage in telemetry.stages(3)}
    assert seen == started(telemetry) - {""}


async def test_routes_that_come_later_are_found_at_startup(telemetry: Telemetry) -> None:
    """Routes added after `instrument`, in the application's own startup too, are known once it has started."""

    async def starting(app: Any) -> None:
        add_chat(app, path="/from-startup")

    app = telemetry.instrument(Starlette(lifespan=_lifespan(starting)))
    add_chat(app, path="/added")
    assert started(telemetry) == {""}
    await lifespan(app)
    assert started(telemetry) == {"", "/added", "/from-startup"}


def _lifespan(starting: Any) -> Any:
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def around(app: Any) -> Any:
        await starting(app)
        yield

    return around


async def test_an_application_behind_other_middleware(telemetry: Telemetry) -> None:
    """Middleware around the application, which hides its routes from nobody."""
    app = telemetry.instrument(CORSMiddleware(starlette_app(), allow_origins=["*"]))
    assert started(telemetry) == {"", "/chat"}
    await call(app)
    telemetry.stage()
    assert started(telemetry) == {"", "/chat"}


async def test_the_instrumentor_starts_them_with_the_application(telemetry: Telemetry) -> None:
    """Where nobody calls `instrument`, the application's startup does it."""
    SSEInstrumentor().instrument(tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider)
    try:
        app = starlette_app()
        await lifespan(app)
        assert started(telemetry) == {"", "/chat"}
    finally:
        SSEInstrumentor().uninstrument()


def test_routes_that_stream_nothing_are_left_out(telemetry: Telemetry) -> None:
    """Methods that are not answered with streams, pages of the API itself and bare applications have no routes."""

    async def nothing(request: Request) -> None: ...

    telemetry.instrument(Starlette(routes=[Route("/x", nothing, methods=["DELETE"]), Mount("/m", plain())]))
    telemetry.instrument(FastAPI())
    telemetry.instrument(plain())
    assert started(telemetry) == {""}


@pytest.mark.parametrize("over", [0, 1])
def test_few_routes_are_started(over: int, telemetry: Telemetry) -> None:
    """At most MAX_STARTED_ROUTES routes are made at 0; the others come with their first stream."""
    app = Starlette()
    for number in range(limits.MAX_STARTED_ROUTES + over):
        add_chat(app, path=f"/chat{number}")
    telemetry.instrument(app)
    assert len(started(telemetry) - {""}) == limits.MAX_STARTED_ROUTES


def test_a_provider_that_is_set_later_sees_the_zeros(telemetry: Telemetry, run_script: Any) -> None:
    """A global meter provider that the application sets while it starts has every counter at 0."""
    printed = run_script(
        """
        import asyncio
        import otel_sse
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from tests.integrations.made import starlette_app
        from tests.integrations.test_counters import lifespan

        app = otel_sse.instrument(starlette_app())
        reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider([reader]))
        asyncio.run(lifespan(app))
        found = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
        (duplicates,) = [each for each in found if each.name == "sse.duplicate_chunks"]
        print(sorted({point.attributes.get("route", "") for point in duplicates.data.data_points}))
        """
    )
    assert printed.strip() == "['', '/chat']"
