"""One recording: streams of all instrumented applications go to memory for as long as a block runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from otel_sse.errors import needs
from otel_sse.recording.registry import diverted

if TYPE_CHECKING:
    from otel_sse.testing.streams import RecordedStreams


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
    from otel_sse.testing.streams import RecordedStreams

    memory = Memory(wait_s)
    try:
        with diverted(memory.tracer_provider):
            yield RecordedStreams(memory)
    finally:
        memory.close()
