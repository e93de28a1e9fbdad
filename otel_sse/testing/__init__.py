"""Assertions about streams for an application's own tests: each chunk once, none lost, the end as it should be.

    def test_answer(client):
        with otel_sse.testing.record() as streams:
            client.get("/chat")
        streams.assert_each_chunk_once()
        streams.assert_outcome("completed")

Needs the extra `sdk`. pytest finds the fixture `sse_streams` by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_sse.errors import MissingExtraError

if TYPE_CHECKING:
    from otel_sse.testing.streams import RecordedStream, RecordedStreams

__all__ = ["RecordedStream", "RecordedStreams", "record"]


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
    try:
        from otel_sse.testing.memory import Memory
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "otel_sse":
            raise
        raise MissingExtraError("otel_sse.testing", "sdk") from error
    from otel_sse.integrations.recorders import diverted
    from otel_sse.testing.streams import RecordedStreams

    memory = Memory(wait_s)
    try:
        with diverted(memory.tracer_provider):
            yield RecordedStreams(memory)
    finally:
        memory.close()


def __getattr__(name: str) -> object:
    if name in ("RecordedStream", "RecordedStreams"):
        from otel_sse.testing import streams

        return getattr(streams, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
