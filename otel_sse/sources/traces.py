"""Which traces a source holds."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from otel_sse import semconv
from otel_sse.lineage.spans import Span, integer, text
from otel_sse.lineage.trace import Trace, trace_of


class TraceSummary(msgspec.Struct):
    """What a list says of one trace.

    Args:
        id: 32 hex digits.
        start_ns: When its first stage began, in nanoseconds since the epoch.
        streams: Streamed answers in it.
        stages: Stages that they crossed.
        chunks: Chunks that crossed them, each counted at each stage.
        findings: Findings of its stages.
        in_order: Whether there is no finding, and no stage failed or broke off.
        duplicates: Duplicate chunks of the stage that counted most of them.
        routes: `http.route` of its stages, each once.
    """

    id: str
    start_ns: int
    streams: int
    stages: int
    chunks: int
    findings: int
    in_order: bool
    duplicates: int
    routes: list[str]


def summaries(spans: Iterable[Span]) -> list[TraceSummary]:
    """Return a summary of each trace that has stages, in order of their starts.

    Args:
        spans: Spans of any traces, in any order; read once, and kept without their events.
    """
    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        if semconv.STAGE in span.attributes:
            by_trace.setdefault(span.trace_id, []).append(msgspec.structs.replace(span, events=()))
    traces = [trace for group in by_trace.values() if (trace := trace_of(group)) is not None]
    return sorted(map(_summary, traces), key=lambda each: each.start_ns)


def _summary(trace: Trace) -> TraceSummary:
    stages = [stage for stream in trace.streams for stage in stream.stages]
    return TraceSummary(
        trace.id,
        trace.start_ns,
        len(trace.streams),
        len(stages),
        sum(stage.total for stage in stages),
        sum(stage.findings_total for stage in stages),
        trace.in_order,
        max(integer(stage.attributes, semconv.STREAM_DUPLICATES) for stage in stages),
        list(dict.fromkeys(route for stage in stages if (route := text(stage.attributes, semconv.HTTP_ROUTE)))),
    )
