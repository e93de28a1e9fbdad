"""The edge between a stage and the one before it: lineage and latency of each chunk, as it crosses."""

from __future__ import annotations

from collections.abc import Callable

from otel_sse import limits
from otel_sse.lineage import Crossings
from otel_sse.stream.chunk import CONTENT, Chunk
from otel_sse.stream.totals import Totals


class Edge:
    """Ties the chunks of one stage to those of the stage before it, in one process.

    Args:
        find_upstream: Called once, at the first chunk; returns the crossings of the stage that was the last to have
            its first chunk, or None where there is none.
        crossings: Where this stage's own chunks wait for the stage after it; None for the last stage of a process.
        totals: The stage's sums, of which the latency is kept here.
        sample: Every how many chunks one latency is kept for the metrics.
    """

    __slots__ = ("_find", "_sample", "_totals", "_upstream", "crossings", "latencies")

    def __init__(
        self,
        find_upstream: Callable[[], Crossings | None],
        crossings: Crossings | None,
        totals: Totals,
        sample: int,
    ) -> None:
        self._find: Callable[[], Crossings | None] | None = find_upstream
        self._upstream: Crossings | None = None
        self._totals = totals
        self._sample = sample
        self.crossings = crossings
        self.latencies: list[int] = []

    def cross(self, chunk: Chunk) -> None:
        """Write on `chunk` which upstream chunks it was made from, and let the next stage know of it."""
        if self._find is not None:
            find, self._find = self._find, None
            self._upstream = find()
        if self._upstream is not None:
            self._claim(self._upstream, chunk)
        if self.crossings is not None:
            self.crossings.add(chunk.seq, chunk.digest, chunk.time_ns)

    def _claim(self, upstream: Crossings, chunk: Chunk) -> None:
        first, last, time_ns = upstream.claim(chunk.digest, chunk.kind == CONTENT)
        if not first:
            return
        chunk.upstream_first, chunk.upstream_last = first, last
        self._count(chunk.time_ns - time_ns, chunk.seq)

    def _count(self, latency_ns: int, seq: int) -> None:
        totals = self._totals
        totals.latencies += 1
        totals.latency_ns += latency_ns
        if latency_ns > totals.max_latency_ns:
            totals.max_latency_ns = latency_ns
        if (not seq % self._sample or seq == 1) and len(self.latencies) < limits.MAX_INTERVALS:
            self.latencies.append(latency_ns)
