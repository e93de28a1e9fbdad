"""A fresh provider for each test, scripts in a process of their own, and one iterator that is watched as a stage."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from otel_sse.iterators.cursor import StageCursor
from otel_sse.iterators.observed import ObservedAsyncIterator, ObservedIterator
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.recorder import Recorder
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry.clock import now_ns
from tests.fixtures import run_script as run_script
from tests.fixtures import telemetry as telemetry
from tests.integrations.pipeline import ended, recorder_outside
from tests.integrations.seen import Stage, Telemetry


@pytest.fixture
def recorder(telemetry: Telemetry) -> Recorder:
    """Records what is watched here."""
    return recorder_outside(telemetry)


@pytest.fixture
def watch(recorder: Recorder) -> Callable[..., Any]:
    """Watches an iterator as the stage `emit` of a stream of its own."""

    def watching(iterable: Any) -> Any:
        stream = Stream(recorder, now_ns())
        kind = ObservedAsyncIterator if hasattr(iterable, "__aiter__") else ObservedIterator
        return kind(iterable, StageCursor(partial(stream.stage, StageSpec("emit"))))

    return watching


@pytest.fixture
def stage(telemetry: Telemetry) -> Callable[[], Stage]:
    """Waits for the one stage."""
    return lambda: ended(telemetry, 1)[0]
