"""With the API alone, with the SDK disabled, and with a sampler that drops the trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from tests.integrations.answers import ANSWER, DIGESTS, DONE, FRAMES, plain
from tests.integrations.driver import call
from tests.integrations.made import plain_app
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn

BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name == "opentelemetry.sdk" or name.startswith("opentelemetry.sdk."):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""

STREAM = """
import asyncio
import logging

import otel_sse
from otel_sse.telemetry import internal
from tests.integrations.answers import ANSWER
from tests.integrations.driver import call
from tests.integrations.made import fastapi_app, plain_app, starlette_app

internal.reraise = True
logging.basicConfig(level=logging.WARNING)
for make in (plain_app, starlette_app, fastapi_app):
    app = otel_sse.instrument(make())
    driver = asyncio.run(call(app))
    print(make.__name__, driver.body == ANSWER, driver.error, len(driver.headers))
    otel_sse.flush()
    otel_sse.uninstrument(app)
otel_sse.shutdown()
print("sdk" if "opentelemetry.sdk" in __import__("sys").modules else "api")
"""

EXPECTED = [f"{name} True None 1" for name in ("plain_app", "starlette_app", "fastapi_app")]


def test_with_the_api_alone(run_script: Callable[..., str]) -> None:
    """Without the SDK everything streams as before, nothing fails and no header is added."""
    assert run_script(BLOCKED + STREAM).splitlines() == [*EXPECTED, "api"]


def test_with_the_sdk_disabled(run_script: Callable[..., str]) -> None:
    """With OTEL_SDK_DISABLED=true an SDK that is set up does nothing, and neither do we."""
    setup = """
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider())
"""
    printed = run_script(setup + STREAM, OTEL_SDK_DISABLED="true").splitlines()
    assert printed == [*EXPECTED, "sdk"]


def test_otel_sse_disabled_by_environment(run_script: Callable[..., str]) -> None:
    """With OTEL_SSE_ENABLED=false `instrument` gives back what it was given."""
    assert run_script(
        """
        import otel_sse
        from tests.integrations.made import plain_app
        app = plain_app()
        print(otel_sse.instrument(app) is app)
        """,
        OTEL_SSE_ENABLED="false",
    ).split() == ["True"]


async def test_a_sampler_that_drops(make_telemetry: Callable[..., Telemetry]) -> None:
    """Where the trace is dropped there are no spans and no events; checks and metrics go on."""
    telemetry = make_telemetry(sampler=ALWAYS_OFF)
    driver = await call(telemetry.instrument(plain((*FRAMES, FRAMES[0]))))
    assert driver.body == ANSWER + FRAMES[0]
    assert telemetry.value("sse.chunks", stage="socket_write") == len(DIGESTS) + 1
    assert telemetry.value("sse.findings", stage="socket_write", kind="protocol/after_done", certainty="certain") == 1
    durations = telemetry.metric("sse.stream.duration").values()
    assert [dict(point.attributes)["outcome"] for point in durations] == ["completed"]
    assert telemetry.spans() == []
    telemetry.settled()


def test_a_sampler_that_drops_over_a_real_socket(
    make_telemetry: Callable[..., Telemetry], uvicorn_server: Uvicorn
) -> None:
    """The same for many chunks through a real server: all are counted, none is kept for the recorder."""
    telemetry = make_telemetry(sampler=ALWAYS_OFF)

    async def many() -> Any:
        for _ in range(1000):
            yield FRAMES[0]
        yield DONE

    app = telemetry.instrument(plain_app(many), queue_size=1)
    assert httpx.get(uvicorn_server.serve(app) + "/chat").content.count(b"data: ") == 1001
    assert telemetry.value("sse.recorder.dropped", stage="socket_write") == 0
    assert telemetry.value("sse.chunks", stage="socket_write") == 1001


@pytest.mark.parametrize("value", ["", "nobody"])
def test_a_bad_value_in_the_environment(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad variable is named when an application is instrumented; an empty one counts as unset."""
    import otel_sse

    monkeypatch.setenv("OTEL_SSE_CHUNK_EVENTS", value)
    if not value:
        otel_sse.uninstrument(otel_sse.instrument(plain()))
        return
    with pytest.raises(otel_sse.ConfigurationError, match="OTEL_SSE_CHUNK_EVENTS must be one of all, packed"):
        otel_sse.instrument(plain())
