"""Assertions about streams for an application's own tests: each chunk once, none lost, the end as it should be.

    def test_answer(client):
        with otel_sse.testing.record() as streams:
            client.get("/chat")
        streams.assert_each_chunk_once()
        streams.assert_outcome("completed")

Needs the extra `sdk`. pytest finds the fixtures `sse_streams` and `sse_clock` by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from otel_sse.errors import needs

if TYPE_CHECKING:
    from otel_sse.testing.clock import FakeClock, fake_clock
    from otel_sse.testing.streams import RecordedStream, RecordedStreams

__all__ = ["FakeClock", "RecordedStream", "RecordedStreams", "fake_clock", "record"]

_MODULE_OF = {
    "FakeClock": "otel_sse.testing.clock",
    "RecordedStream": "otel_sse.testing.streams",
    "RecordedStreams": "otel_sse.testing.streams",
    "fake_clock": "otel_sse.testing.clock",
}
"""Names that load on first use: pytest imports this package in every suite of a user's."""


@contextmanager
def record(*, wait_s: float = 2.0) -> Iterator[RecordedStreams]:
    """Record all streams that begin within the block, in memory, and hand them out.

    Every instrumented application of the process is recorded, instrumented before the block or in it, whatever serves
    it: a test client, a transport of httpx, a server in a thread. Its own tracer provider gets none of these streams;
    afterwards everything is as it was.

    Args:
        wait_s: How long an assertion waits at most for streams that have not ended, in seconds. It blocks its thread:
            where the application runs in the test's own event loop, `await streams.settled()` first.

    Raises:
        MissingExtraError: OpenTelemetry's SDK is not installed. It is an ImportError.
    """
    with needs("sdk", "otel_sse.testing"):
        from otel_sse.testing.memory import Memory
    from otel_sse.recording.registry import diverted
    from otel_sse.testing.streams import RecordedStreams

    memory = Memory(wait_s)
    try:
        with diverted(memory.tracer_provider):
            yield RecordedStreams(memory)
    finally:
        memory.close()


def _load(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


# Hidden from type checkers: a visible `__getattr__` would make every misspelt name valid to them.
if not TYPE_CHECKING:
    __getattr__ = _load
