"""Everything at once: an answer that a reader gets in one burst after a long wait."""

from __future__ import annotations

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import SUSPECTED, Finding
from otel_sse.stream.stages import READERS
from otel_sse.stream.totals import Totals


def check_burst(stage: str, totals: Totals) -> Finding | None:
    """Return a finding where a whole answer was read at once after a long wait, so that something may buffer it.

    Args:
        stage: The stage's name. Only readers are judged: an application may well send a stored answer at once.
        totals: The stage's sums at its end.
    """
    waited_ns = totals.time_to_first_content_ns
    if stage not in READERS or waited_ns is None or totals.content_chunks < limits.CLIENT_BURST_CHUNKS:
        return None
    took_ns = totals.last_chunk_ns - totals.first_content_ns
    if waited_ns < limits.CLIENT_WAIT_NS or took_ns > limits.CLIENT_BURST_NS:
        return None
    evidence = f"{totals.content_chunks} pieces of content within {took_ns / 1e6:.1f} ms after {waited_ns / 1e9:.3f} s"
    return Finding(kinds.BURST, SUSPECTED, stage, totals.chunks, 0, evidence)
