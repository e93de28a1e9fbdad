"""One DEBUG line a chunk, for those who debug with a log and `grep`."""

from __future__ import annotations

import logging

from opentelemetry.trace import SpanContext, format_trace_id

from otel_sse import semconv
from otel_sse.stream.chunk import Chunk
from otel_sse.stream.stage import StageInfo

logger = logging.getLogger(semconv.CHUNK_LOGGER)


class ChunkLog:
    """Writes the lines of one stage of one stream.

    Args:
        info: The stage.
        context: The span's context, for `trace_id=`.
        digest_name: `sha1`, or `blake2b` where digests are keyed.
        first: Lines before the rest is left to one summary line; None for all.
    """

    def __init__(self, info: StageInfo, context: SpanContext, digest_name: str, first: int | None) -> None:
        self._name = info.label.upper()
        self._digest_name = digest_name
        self._first = first
        trace = f" trace_id={format_trace_id(context.trace_id)}" if context.is_valid else ""
        self._tail = f"stream={info.stream_id}{trace}"
        self._chunks = 0
        self._last: Chunk | None = None

    @staticmethod
    def is_on() -> bool:
        """Return whether anybody wants these lines. Asked once a stream, so that off costs nothing."""
        return logger.isEnabledFor(logging.DEBUG)

    def chunk(self, chunk: Chunk) -> None:
        """Log one chunk, or keep quiet where the stream has had its lines."""
        self._chunks += 1
        self._last = chunk
        if self._first is None or self._chunks <= self._first:
            self._line(self._name, chunk)

    def end(self, outcome: str) -> None:
        """Log the summary, where chunks were left out."""
        if self._first is None or self._last is None or self._chunks <= self._first:
            return
        left_out = self._chunks - self._first
        self._line(f"{self._name} SUMMARY chunks={self._chunks} unlogged={left_out} outcome={outcome}", self._last)

    def _line(self, name: str, chunk: Chunk) -> None:
        logger.debug(
            "%s seq=%d %s=%s done=%s acc=%d raw=%d %s",
            name,
            chunk.seq,
            self._digest_name,
            chunk.digest,
            chunk.done,
            chunk.acc_len,
            chunk.raw_len,
            self._tail,
        )
