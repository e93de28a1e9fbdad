"""What was read for nobody: chunks that crossed a stage when the request that it was read for had ended."""

from __future__ import annotations

from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import count, seconds
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream


def read_on(stream: TraceStream) -> list[str]:
    """Return a remark for each stage that was read on behind the end of its request.

    Args:
        stream: The stream.
    """
    return [_remark(stage) for stage in stream.stages if count(stage.attributes, semconv.STREAM_READ_ON_CHUNKS)]


def _remark(stage: TraceStage) -> str:
    attributes = stage.attributes
    chunks = count(attributes, semconv.STREAM_READ_ON_CHUNKS)
    time_s = seconds(attributes, semconv.STREAM_READ_ON_TIME) or 0.0
    tokens = count(attributes, semconv.STREAM_OUTPUT_TOKENS)
    of_tokens = f"; its whole answer is {tokens} tokens" if tokens else ""
    return (
        f"{stage.label} was read on for nobody when its request had ended: {chunks} of its {stage.total} chunks, "
        f"over {time_s:.1f} s{of_tokens}. It ended as {stage.outcome or 'not known'}."
    )
