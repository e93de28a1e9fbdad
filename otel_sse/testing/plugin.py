"""What pytest loads: two fixtures. OpenTelemetry's SDK is imported where a test asks for it, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

__all__ = ["sse_clock", "sse_streams"]

if TYPE_CHECKING:
    from otel_sse.testing.clock import FakeClock
    from otel_sse.testing.streams import RecordedStreams


@pytest.fixture
def sse_streams() -> Iterator[RecordedStreams]:
    """The streams that instrumented applications answer with during the test; see `otel_sse.testing.record`."""
    from otel_sse.testing.recording import record

    with record() as streams:
        yield streams


@pytest.fixture
def sse_clock() -> Iterator[FakeClock]:
    """The clock that streams are timed by, standing still; see `otel_sse.testing.fake_clock`."""
    from otel_sse.testing.clock import fake_clock

    with fake_clock() as now:
        yield now
