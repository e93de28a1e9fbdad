"""The edge between the two ends of a hop: which message a chunk was, how long that took, what its number proves."""

from __future__ import annotations

from collections.abc import Sequence

from otel_sse.lineage.edge import Edge
from otel_sse.stream.chunk import Chunk, Finding


class HopEdge(Edge):
    """Takes the place of a receiving stage's edge: upstream is another process, and the message says what it was there.

    Args:
        edge: The edge that the stage was made with.
    """

    __slots__ = ("_findings", "_latency_ns", "_number")

    def __init__(self, edge: Edge) -> None:
        super().__init__(edge._upstreams, edge.crossings, edge._totals, edge._sample)
        self._number = 0
        self._latency_ns = -1
        self._findings: Sequence[Finding] = ()

    def arrived(self, number: int, latency_ns: int, findings: Sequence[Finding]) -> None:
        """Say of the message that is observed next what its envelope told.

        Args:
            number: Number of its first chunk at the sender's stage; 0 for a message without an envelope.
            latency_ns: From the sender's clock to ours; where the clocks disagree so much that it is negative it
                counts as 0, and is counted.
            findings: What its number proves.
        """
        self._number = number
        self._findings = findings
        if latency_ns < 0:
            self._totals.clock_skews += 1
            latency_ns = 0
        self._latency_ns = latency_ns

    def cross(self, chunk: Chunk) -> Sequence[Finding]:
        """Write on `chunk` which message it was, let the next stage know of it, and return what its number proves."""
        findings, self._findings = self._findings if self._number else (), ()
        if not self._begun:
            self._begun = True
            self._upstreams.begin()
        if self._number:
            chunk.upstream_first = chunk.upstream_last = self._number
            # What a message holds besides is as many chunks at the sender's stage.
            self._number += 1
            if self._latency_ns >= 0:
                self._count(self._latency_ns, chunk.seq)
                # A message that holds several events has been under way but once.
                self._latency_ns = -1
        if self._add is not None:
            self._add(chunk)
        return findings
