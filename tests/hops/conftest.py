"""A fresh provider for each test, both ends of a connection and their recorder, and the stages that a test leaves."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import otel_sse
from otel_sse.hops import demultiplexer
from otel_sse.hops.quota import Quota
from otel_sse.options import Options
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.registry import new_recorder
from tests.fixtures import telemetry as telemetry
from tests.hops.ends import Ends
from tests.integrations.seen import Telemetry
from tests.integrations.websockets.peers import Stages


@pytest.fixture
def instrumented(telemetry: Telemetry) -> Iterator[Callable[..., Recorder]]:
    """Makes recorders with options of the test's own; they are shut down at its end."""
    made: list[Recorder] = []

    def instrument(**options: Any) -> Recorder:
        resolved = Options.resolve({}, **options)
        made.append(new_recorder(resolved, telemetry.tracer_provider, telemetry.meter_provider))
        return made[-1]

    yield instrument
    for recorder in made:
        recorder.shutdown()


@pytest.fixture
def recorder(instrumented: Callable[..., Recorder]) -> Recorder:
    """The recorder of both ends, with default options."""
    return instrumented()


@pytest.fixture
def stages(telemetry: Telemetry) -> Stages:
    """The stages that the test has made."""
    return Stages(telemetry)


@pytest.fixture
def ends(recorder: Recorder) -> Iterator[Ends]:
    """Both ends, closed after the test."""
    made = Ends(recorder)
    yield made
    made.end()


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Quota]:
    """A quota of the test's own, all of whose places must have come back at its end."""
    own = Quota()
    monkeypatch.setattr(demultiplexer, "peer_streams", own)
    yield own
    gc.collect()
    otel_sse.flush()
    for _ in range(len(own.leaving)):
        own._give_back()
    assert len(own) == 0
