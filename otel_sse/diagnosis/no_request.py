"""A stream that belongs to no request, though its process serves some: a thread may have left the context behind."""

from __future__ import annotations

from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import flag
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.stages import LAST


def no_request(stream: TraceStream) -> list[str]:
    """Return a remark where a stream was read outside of any request and reached no reader, as far as its trace shows.

    Args:
        stream: The stream.
    """
    stages = [stage for stage in stream.stages if flag(stage.attributes, semconv.STREAM_NO_REQUEST)]
    if not stages or any(stage.name in LAST for stage in stream.stages):
        return []
    return [
        f"{stages[0].label} belongs to no request, though its process serves an instrumented application. Where it "
        "feeds an answer, nothing between the two is known: a thread takes no context along. Carry the stream there "
        "with otel_sse.stream_handle(), see docs/agents.md."
    ]
