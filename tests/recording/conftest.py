"""Recorders and providers that are shut down at a test's end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from otel_sse import limits
from otel_sse.recording.live_stream import Stream
from otel_sse.telemetry.clock import now_ns
from tests.fixtures import telemetry as telemetry
from tests.hanging import Hanging
from tests.recording.made import Bench, Benches


@pytest.fixture
def make_bench() -> Iterator[Benches]:
    """Makes benches; they are shut down at the end."""
    benches = Benches()
    yield benches
    benches.close()


@pytest.fixture
def bench(make_bench: Benches) -> Bench:
    """A recorder."""
    return make_bench(interval_sample=1)


@pytest.fixture
def stream(bench: Bench) -> Stream:
    """A stream without a request around it."""
    return Stream(bench.recorder, now_ns())


@pytest.fixture
def hook() -> Iterator[Hanging]:
    """A hook that hangs until the test is over, at the latest."""
    made = Hanging()
    yield made
    made.let_go.set()


@pytest.fixture
def hung(make_bench: Benches, hook: Hanging, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A recorder that hangs in the hook at the end of its first stream, and is known to."""
    monkeypatch.setattr(limits, "RECORDER_HUNG_NS", 0)
    monkeypatch.setattr(limits, "MAX_ENDED_STAGES_HUNG", 3)
    bench = make_bench(on_stream_end=hook, shutdown_timeout_seconds=0.001)
    bench.stream(1)
    assert hook.reached.wait(60)
    return bench
