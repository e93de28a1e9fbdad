"""Two stages of a made trace, and the fates of the chunks between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from otel_sse.diagnosis.faults.edge_fates import EdgeFates, edge_fates
from otel_sse.diagnosis.trace.spans import Span
from otel_sse.diagnosis.trace.streams import TraceStream, trace_of
from tests.diagnosis.made_trace import Lineage, chunk_events, segment, upstream

ABC = ["aa", "bbb", "c", "dd"]


def stream_of(*spans: Span) -> TraceStream:
    """The one stream of a trace."""
    trace = trace_of(spans)
    assert trace is not None
    (stream,) = trace.streams
    return stream


def edge(texts: Sequence[str], lineage: Lineage | None, *, at_ms: float = 5, **says: Any) -> TraceStream:
    """Two stages: `in` with the texts ABC, `out` with these."""
    out = segment("out", chunk_events(texts, at_ms, lineage), links=upstream("in"), **says)
    return stream_of(segment("in", chunk_events(ABC, 0)), out)


def first_edge(stream: TraceStream) -> EdgeFates:
    """What became of the chunks between the first two stages."""
    return edge_fates(stream, 0, 1)


def fates(stream: TraceStream) -> list[str]:
    """What became of ABC."""
    return [first_edge(stream).of(seq) for seq in range(1, 5)]
