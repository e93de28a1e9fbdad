"""Patches that are made for one test, and the stages that it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from otel_sse.integrations import patches
from otel_sse.options import Options
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.registry import new_recorder
from tests.integrations.seen import Telemetry
from tests.integrations.websockets.peers import Stages


@pytest.fixture
def instrumented(telemetry: Telemetry) -> Iterator[Callable[..., Recorder]]:
    """Makes the patches, with options of the test's own; they are undone at its end."""
    held: list[Recorder] = []

    def instrument(**options: Any) -> Recorder:
        resolved = Options.resolve({}, **options)
        recorder = new_recorder(resolved, telemetry.tracer_provider, telemetry.meter_provider)
        patches.hold(recorder)
        held.append(recorder)
        return recorder

    yield instrument
    for recorder in held:
        patches.release(recorder)
        recorder.shutdown()


@pytest.fixture
def recorder(instrumented: Callable[..., Recorder]) -> Recorder:
    """The recorder of both ends, with default options."""
    return instrumented()


@pytest.fixture
def stages(telemetry: Telemetry) -> Stages:
    """What the test has made."""
    return Stages(telemetry)
