"""What the content cost on its way: bytes of framing, number of pieces, and the slowest step."""

from __future__ import annotations

import msgspec

from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import integer
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CONTENT


class StageSizes(msgspec.Struct, frozen=True):
    """The amounts that crossed one stage.

    Args:
        chunks: Chunks, including those that are not in the trace.
        content_chunks: Chunks with content. If the stage does not say, only those in the trace.
        raw_bytes: Bytes of all chunks, with their framing.
        content_bytes: Bytes of content.
        median_content_bytes: Median of the content bytes of a chunk, the lower of two; 0 for none.
    """

    chunks: int
    content_chunks: int
    raw_bytes: int
    content_bytes: int
    median_content_bytes: int

    @property
    def raw_per_content(self) -> float | None:
        """Bytes that were sent for each byte of content; None without content."""
        return self.raw_bytes / self.content_bytes if self.content_bytes else None


class Slowest(msgspec.Struct, frozen=True):
    """The slowest step between two stages.

    Args:
        upstream: Position of the stage before.
        position: Position of the stage after.
        median_ns: Median time of a chunk on it, in nanoseconds.
        all_ns: Medians of all steps together.
    """

    upstream: int
    position: int
    median_ns: int
    all_ns: int


def sizes_of(stage: TraceStage) -> StageSizes:
    """Return the amounts that crossed a stage.

    Args:
        stage: The stage.
    """
    content = [chunk for chunk in stage.chunks if chunk.kind == CONTENT]
    known = sorted(stage.content_bytes[chunk.seq] for chunk in content if chunk.seq in stage.content_bytes)
    return StageSizes(
        stage.total,
        integer(stage.attributes, semconv.STREAM_CONTENT_CHUNKS, len(content)),
        integer(stage.attributes, semconv.STREAM_BYTES, sum(chunk.raw_len for chunk in stage.chunks)),
        integer(stage.attributes, semconv.STREAM_CONTENT_BYTES, max((c.acc_len for c in stage.chunks), default=0)),
        known[(len(known) - 1) // 2] if known else 0,
    )


def slowest_of(stream: TraceStream) -> Slowest | None:
    """Return the step with the longest median time of a chunk; None if no two stages can be compared.

    Args:
        stream: The stream.
    """
    medians = {edge: latency.median_ns for edge, each in stream.descents.items() if (latency := each.latency)}
    if not medians:
        return None
    upstream, position = max(medians, key=lambda edge: medians[edge])
    return Slowest(upstream, position, medians[upstream, position], sum(medians.values()))
