from __future__ import annotations

import pytest

from otel_sse import limits, semconv
from otel_sse.diagnosis.trace.spans import Attributes, Span
from otel_sse.sources.traces import summaries
from tests.diagnosis.made_trace import START, TRACE, chunk_events, finding_event, segment, upstream

OTHER = "f" * 32


def test_each_trace_is_summed_up() -> None:
    """Streams, stages, chunks and findings are counted for each trace, the earliest trace first."""
    spans = [
        segment("provider", chunk_events("abc", 0)),
        segment("emit", chunk_events("abc", 1), links=upstream("provider"), stream_findings=2),
        segment("emit", chunk_events("xy", -50), of="other", trace=OTHER, stream="s9", outcome="failed"),
        Span(TRACE, "00f067aa0ba902b7", "", "POST /chat", "gateway", 1, 2, {}),
    ]
    first, second = summaries(spans)
    assert (first.id, first.streams, first.stages, first.chunks, first.findings) == (OTHER, 1, 1, 2, 0)
    assert first.start_ns == START - 50_000_001
    assert not first.is_clean
    assert (second.id, second.streams, second.stages, second.chunks, second.findings) == (TRACE, 1, 2, 6, 2)


def test_segments_and_repeated_spans_count_once() -> None:
    """Totals are those of a stage's last segment, whether a span came twice or not."""
    first = segment("emit", (*chunk_events("ab", 0), finding_event("gap", 2, 11)), outcome="", stream_findings=1)
    last = segment(
        "emit", chunk_events("c", 20, first_seq=3), of="last", index=1, links=upstream("emit", meaning="segment"),
        stream_chunks=3, stream_findings=1,
    )  # fmt: skip
    (summary,) = summaries([last, first, last])
    assert (summary.stages, summary.chunks, summary.findings) == (1, 3, 1)


def test_spans_without_stages_have_no_summary() -> None:
    """A trace of other programs is not listed."""
    assert summaries([Span(TRACE, "00f067aa0ba902b7", "", "GET /", "web", 1, 2, {})]) == []


@pytest.mark.parametrize("more", [0, 1])
def test_a_trace_of_too_many_stages_is_listed_by_what_its_spans_say(more: int) -> None:
    """At MAX_TRACE_STAGES a trace is read; one past it its sums stand in the list, and it is not called in order."""
    attributes: Attributes = {semconv.STREAM_ID: "s", semconv.STREAM_CHUNKS: 2, semconv.HTTP_ROUTE: "/chat"}
    spans = [
        Span(TRACE, f"{number:016x}", "", "stream", "web", 5, 9, {**attributes, semconv.STAGE: f"s{number}"})
        for number in range(1, limits.MAX_TRACE_STAGES + more + 1)
    ]
    (summary,) = summaries(spans)
    assert (summary.stages, summary.chunks) == (len(spans), 2 * len(spans))
    assert (summary.streams, summary.start_ns, summary.routes) == (1, 5, ["/chat"])
    assert not (more and summary.is_clean)
