"""A second server beside the application's, and a place for what is read outside of any request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otel_sse.options import Options
from otel_sse.recording import registry
from tests.integrations.seen import Telemetry
from tests.integrations.servers import Uvicorn


@pytest.fixture(scope="session")
def model_server() -> Iterator[Uvicorn]:
    """uvicorn, for the model."""
    server = Uvicorn()
    yield server
    server.stop()


@pytest.fixture
def outside(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    """The test's provider, told of stages outside of any request too."""
    recorder = registry.new_recorder(Options(), telemetry.tracer_provider, telemetry.meter_provider)
    monkeypatch.setattr(registry, "_default", recorder)
    yield telemetry
    recorder.shutdown()
