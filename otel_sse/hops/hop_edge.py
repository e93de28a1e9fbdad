"""The edge between the two ends of a hop: a chunk's number at the sender, its latency, the findings of its number."""

from __future__ import annotations

from collections.abc import Sequence

from otel_sse.lineage.edge import Edge
from otel_sse.stream.chunk import Chunk, Finding


class HopEdge(Edge):
    """The edge of a receiving stage: its upstream is another process, and the envelope names the chunk there.

    Call `arrived` before each message that is observed.

    Args:
        edge: The edge that the stage was made with; this one takes its place.
    """

    __slots__ = ("_findings", "_latency_ns", "_number")

    def __init__(self, edge: Edge) -> None:
        super().__init__(edge._upstreams, edge.crossings, edge._totals, edge._sample)
        self._number = 0
        self._latency_ns = -1
        self._findings: Sequence[Finding] = ()

    def arrived(self, number: int, latency_ns: int, findings: Sequence[Finding]) -> None:
        """Take what an envelope says of the message that is observed next.

        Args:
            number: Number of its first chunk at the sender's stage; 0 for a message without an envelope.
            latency_ns: Our clock less the sender's. A negative one is a clock skew: it is counted, and taken as 0.
            findings: The findings about its number.
        """
        self._number = number
        self._findings = findings
        if latency_ns < 0:
            self._totals.clock_skews += 1
            latency_ns = 0
        self._latency_ns = latency_ns

    def cross(self, chunk: Chunk) -> Sequence[Finding]:
        """Write the sender's number on `chunk`, count its latency, report it to the next stage; return its findings."""
        findings, self._findings = self._findings if self._number else (), ()
        if not self._begun:
            self._begun = True
            self._upstreams.begin()
        if self._number:
            chunk.upstream_first = chunk.upstream_last = self._number
            # A message with several events is as many chunks at the sender's stage.
            self._number += 1
            if self._latency_ns >= 0:
                self._count(self._latency_ns, chunk.seq)
                # It has one latency, however many events are in it.
                self._latency_ns = -1
        if self._add is not None:
            self._add(chunk)
        return findings
