"""Which traces a source holds."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from otel_sse import limits, semconv
from otel_sse.diagnosis.faults.endings import ending
from otel_sse.diagnosis.trace.spans import Attributes, Span, count, integer, text
from otel_sse.diagnosis.trace.streams import Trace, trace_of
from otel_sse.errors import must
from otel_sse.sources.errors import SourceError


class TraceSummary(msgspec.Struct):
    """What a list says of one trace.

    Args:
        id: 32 hex digits.
        start_ns: When its first stage began, in nanoseconds since the epoch.
        streams: Streamed answers in it.
        stages: Stages that they crossed.
        chunks: Chunks that crossed them, each counted at each stage.
        findings: Findings of its stages.
        is_clean: Whether its stages report no finding, and ended well. A list is made without the chunks, so that it
            does not say what became of them between stages: `diagnose` does.
        duplicates: Duplicate chunks of the stage that counted most of them.
        routes: `http.route` of its stages, each once.
    """

    id: str
    start_ns: int
    streams: int
    stages: int
    chunks: int
    findings: int
    is_clean: bool
    duplicates: int
    routes: list[str]


def check_size(spans: Iterable[Span]) -> None:
    """Raise where one trace is so large that nobody would wait for what can be said of it.

    Args:
        spans: Its spans.

    Raises:
        SourceError: It has more stages or chunks than are read.
    """
    stages = [span for span in spans if semconv.STAGE in span.attributes]
    first = [span for span in stages if not integer(span.attributes, semconv.SEGMENT_INDEX)]
    chunks = sum(map(_chunks, stages))
    for found, most, what in (
        (len(first), limits.MAX_TRACE_STAGES, "stages"),
        (chunks, limits.MAX_TRACE_CHUNKS, "chunks"),
    ):
        if found > most:
            advice = "Record less (OTEL_SSE_CHUNK_EVENTS=packed or findings), or give each answer a trace of its own."
            raise SourceError(must(f"trace {stages[0].trace_id}", f"have at most {most:,} {what}", found, advice))


def _chunks(span: Span) -> int:
    packed = (text(event.attributes, semconv.PACK_DIGESTS) for event in span.events)
    return len(span.events) + sum(column.count(" ") for column in packed)


def summaries(spans: Iterable[Span]) -> list[TraceSummary]:
    """Return a summary of each trace that has stages, in order of their starts.

    Args:
        spans: Spans of any traces, in any order; read once, and kept without their events. Of a trace that has more
            stages than are read, the sums are what its spans say, and it is not called clean.
    """
    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        if semconv.STAGE in span.attributes:
            by_trace.setdefault(span.trace_id, []).append(msgspec.structs.replace(span, events=()))
    return sorted(map(_summarised, by_trace.values()), key=lambda each: each.start_ns)


def _summarised(spans: list[Span]) -> TraceSummary:
    first = [span for span in spans if not integer(span.attributes, semconv.SEGMENT_INDEX)]
    if len(first) > limits.MAX_TRACE_STAGES:
        return _of_too_many(spans, len(first))
    trace = trace_of(spans)
    assert trace is not None, "a group with a stage span has at least one stage"
    return _summary(trace)


def _of_too_many(spans: list[Span], stages: int) -> TraceSummary:
    return TraceSummary(
        spans[0].trace_id,
        min(span.start_ns for span in spans),
        len({text(span.attributes, semconv.STREAM_ID) for span in spans}),
        stages,
        sum(count(span.attributes, semconv.STREAM_CHUNKS) for span in spans),
        sum(count(span.attributes, semconv.STREAM_FINDINGS) for span in spans),
        False,
        max(count(span.attributes, semconv.STREAM_DUPLICATES) for span in spans),
        _routes(span.attributes for span in spans),
    )


def _routes(attributes: Iterable[Attributes]) -> list[str]:
    return list(dict.fromkeys(route for each in attributes if (route := text(each, semconv.HTTP_ROUTE))))


def _summary(trace: Trace) -> TraceSummary:
    stages = [stage for stream in trace.streams for stage in stream.stages]
    return TraceSummary(
        trace.id,
        trace.start_ns,
        len(trace.streams),
        len(stages),
        sum(stage.total for stage in stages),
        sum(stage.findings_total for stage in stages),
        not any(stream.findings or ending(stream) is not None for stream in trace.streams),
        max(count(stage.attributes, semconv.STREAM_DUPLICATES) for stage in stages),
        _routes(stage.attributes for stage in stages),
    )
