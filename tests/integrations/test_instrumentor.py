from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

import otel_sse
from otel_sse.integrations.asgi import StreamMiddleware
from otel_sse.integrations.instrumentor import SSEInstrumentor
from otel_sse.recording.registry import tell_unusable
from tests.integrations.answers import ANSWER, DIGESTS, plain
from tests.integrations.driver import call
from tests.integrations.frameworks_made import ANSWERING, quart_app
from tests.integrations.made import fastapi_app, starlette_app
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn

IN_PLACE = ["starlette", "fastapi", "fastapi events", "sse-starlette"]
AROUND = ["litestar", "litestar events", "quart", "django"]


@pytest.fixture
def instrument(telemetry: Telemetry) -> Iterator[Callable[..., None]]:
    """Instruments the process, reporting to the test's provider; undone at the end."""

    def instrument(**settings: Any) -> None:
        SSEInstrumentor().instrument(
            tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider, **settings
        )

    yield instrument
    if SSEInstrumentor().is_instrumented_by_opentelemetry:
        SSEInstrumentor().uninstrument()


@pytest.mark.parametrize("name", [*IN_PLACE, *AROUND])
def test_watches_every_framework(
    name: str, instrument: Callable[..., None], telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """An application that nobody instrumented is watched: one stage, each chunk once, one SERVER span."""
    instrument()
    assert httpx.get(uvicorn_server.serve(ANSWERING[name]()) + "/chat").content.count(b"data: ") == len(DIGESTS)
    stage = telemetry.stage()
    assert stage.digests == DIGESTS
    assert stage.outcome == "completed"
    assert stage.parent_id == telemetry.request().context.span_id


def test_watches_what_uvicorn_loads(instrument: Callable[..., None], telemetry: Telemetry) -> None:
    """A bare application is watched where uvicorn loads it, and left alone again after `uninstrument`."""
    instrument()
    server = Uvicorn()
    try:
        address = server.serve(plain())
        assert httpx.get(address + "/chat").content == ANSWER
        assert telemetry.stage().digests == DIGESTS
        SSEInstrumentor().uninstrument()
        assert "traceresponse" not in httpx.get(address + "/chat").headers
        assert len(telemetry.stages()) == 1
    finally:
        server.stop()


def test_what_uvicorn_loads_is_not_watched_twice(instrument: Callable[..., None], telemetry: Telemetry) -> None:
    """An application of a patched framework is not wrapped a second time by uvicorn's patch."""
    from uvicorn.config import Config

    instrument()
    for app in (starlette_app(), fastapi_app(), quart_app()):
        config = Config(app)
        config.load()
        assert not isinstance(config.loaded_app, StreamMiddleware)
    config = Config(plain())
    config.load()
    assert isinstance(config.loaded_app, StreamMiddleware)


@pytest.mark.parametrize("name", [*IN_PLACE, *AROUND])
def test_uninstrument_reaches_running_applications(
    name: str, instrument: Callable[..., None], telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """After `uninstrument` an application that ran before answers as if nothing had ever been there."""
    instrument()
    address = uvicorn_server.serve(ANSWERING[name]())
    httpx.get(address + "/chat")
    telemetry.stage()
    SSEInstrumentor().uninstrument()
    assert "traceresponse" not in httpx.get(address + "/chat").headers
    assert len(telemetry.stages()) == 1


@pytest.mark.parametrize("name", [*IN_PLACE, *AROUND])
def test_back_and_again_does_not_double(
    name: str, instrument: Callable[..., None], telemetry: Telemetry, uvicorn_server: Uvicorn
) -> None:
    """Instrument, uninstrument, instrument: each chunk once."""
    instrument()
    SSEInstrumentor().uninstrument()
    instrument()
    httpx.get(uvicorn_server.serve(ANSWERING[name]()) + "/chat")
    assert telemetry.stage().digests == DIGESTS


async def test_an_application_of_both_ways(instrument: Callable[..., None], telemetry: Telemetry) -> None:
    """An application that was built under `SSEInstrumentor` and instrumented then keeps ours when that goes."""
    instrument()
    app = starlette_app()
    await call(app)
    telemetry.stage()
    telemetry.instrument(app)
    SSEInstrumentor().uninstrument()
    await call(app)
    assert [stage.digests for stage in telemetry.stages(2)] == [DIGESTS, DIGESTS]
    otel_sse.uninstrument(app)
    await call(app)
    assert len(telemetry.stages(2)) == 2


async def test_settings_are_taken(instrument: Callable[..., None], telemetry: Telemetry) -> None:
    """The settings of `instrument` hold here too; keywords of other instrumentations are passed over."""
    instrument(traceresponse_header=False, chunk_events="off", skip_dep_check=True)
    driver = await call(starlette_app())
    assert [name for name, _ in driver.headers][-1] == b"x-trace-id"
    assert telemetry.stage().chunks == []


async def test_an_application_instrumented_before_is_left_alone(
    instrument: Callable[..., None], telemetry: Telemetry
) -> None:
    """An application that has its own middleware from `instrument` gets no second one when it is built."""
    instrument()
    app = telemetry.instrument(starlette_app())
    layer, found = app.build_middleware_stack(), 0
    while layer is not None:
        found += isinstance(layer, StreamMiddleware)
        layer = getattr(layer, "app", None)
    assert found == 1


def test_a_bad_setting_is_refused(instrument: Callable[..., None]) -> None:
    """A setting with a value that is not allowed is named, and nothing is patched."""
    with pytest.raises(otel_sse.ConfigurationError, match="option chunk_events must be one of"):
        instrument(chunk_events="some")
    assert "traceresponse" not in str(starlette_app().build_middleware_stack)


async def test_a_misspelt_setting_is_refused_and_a_foreign_argument_is_left_alone(
    instrument: Callable[..., None], telemetry: Telemetry
) -> None:
    """A name that is spelt like an option's is refused with that; what is not ours (a distribution's) is ignored."""
    with pytest.raises(
        otel_sse.ConfigurationError, match=r"^an option must .*'chunk_event'\. Did you mean chunk_events\?$"
    ):
        instrument(chunk_event="all")
    instrument(logger_provider=None, request_hook=None)
    driver = await call(starlette_app())
    assert driver.body == ANSWER
    assert telemetry.stage().chunks != []


@pytest.mark.parametrize(
    ("variable", "text"),
    [("OTEL_SSE_QUEUE_SIZE", "many"), ("OTEL_SSE_DIALECT", "no-such"), ("OTEL_SSE_EXCLUDED_URLS", "health,")],
)
async def test_a_bad_variable_is_told_once_and_raises_nothing(
    variable: str,
    text: str,
    instrument: Callable[..., None],
    telemetry: Telemetry,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A variable with a value that is not allowed is an error in the log, and the application runs unwatched."""
    monkeypatch.setenv(variable, text)
    tell_unusable.cache_clear()
    for _ in range(2):
        instrument()
        SSEInstrumentor().uninstrument()
    (told,) = [record.getMessage() for record in caplog.records if record.name == "otel_sse"]
    assert told.startswith(f"event streams are not observed: {variable} must ")
    assert (await call(starlette_app())).body == ANSWER
    assert telemetry.spans() == []


@pytest.mark.parametrize(
    ("argument", "value"), [("dialect", "no-such"), ("tracer_provider", "none"), ("queue_size", 10**20)]
)
def test_a_bad_argument_is_raised_beside_a_bad_variable(
    argument: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who calls `instrument` with what is not allowed is told so, whatever the environment holds."""
    monkeypatch.setenv("OTEL_SSE_LOG_FIRST", "many")
    with pytest.raises(otel_sse.ConfigurationError, match=f"{argument} must be"):
        SSEInstrumentor().instrument(**{argument: value})


async def test_disabled(instrument: Callable[..., None], telemetry: Telemetry) -> None:
    """With `enabled=False` nothing is patched, and `uninstrument` has nothing to do."""
    instrument(enabled=False)
    assert len((await call(starlette_app())).headers) == 1
    SSEInstrumentor().uninstrument()
    assert telemetry.spans() == []


def test_twice_is_once(instrument: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    """A second `instrument` warns in OpenTelemetry's words and changes nothing."""
    instrument()
    with caplog.at_level(logging.WARNING):
        instrument()
    assert "Attempting to instrument while already instrumented" in caplog.text
    assert SSEInstrumentor().instrumentation_dependencies() == ()
