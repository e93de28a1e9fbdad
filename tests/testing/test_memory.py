"""Spans become plain values, and a stage counts as open from its first segment to its outcome."""

from __future__ import annotations

import time

from opentelemetry.trace import Link, SpanContext, TraceFlags, set_span_in_context

from otel_sse import semconv
from otel_sse.testing.memory import Memory


def test_span_is_kept_with_all_that_it_says() -> None:
    """Ids, times, attributes, events and links are those of the SDK's span."""
    memory = Memory(0)
    tracer = memory.tracer_provider.get_tracer("test")
    parent = tracer.start_span("request", start_time=1)
    other = SpanContext(1, 2, False, TraceFlags(1))
    links = [Link(other, {semconv.LINK: "upstream"})]
    span = tracer.start_span("stage", set_span_in_context(parent), attributes={"a": 1}, links=links, start_time=2)
    span.add_event("sse.chunk", {"sse.chunk.seq": 1}, timestamp=3)
    span.end(4)
    (kept,) = memory.spans()
    context = span.get_span_context()
    assert (kept.trace_id, kept.span_id) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert kept.parent_id == f"{parent.get_span_context().span_id:016x}"
    assert (kept.name, kept.start_ns, kept.end_ns, kept.attributes) == ("stage", 2, 4, {"a": 1})
    assert [(each.name, each.time_ns, each.attributes) for each in kept.events] == [
        ("sse.chunk", 3, {"sse.chunk.seq": 1})
    ]
    assert [(link.trace_id, link.span_id, link.attributes) for link in kept.links] == [
        ("0" * 31 + "1", "0" * 15 + "2", {semconv.LINK: "upstream"})
    ]


def test_wait_ends_with_the_last_stage_or_with_its_time() -> None:
    """One open stage is waited for as long as was said, and not at all once it has an outcome."""
    memory = Memory(0.05)
    tracer = memory.tracer_provider.get_tracer("test")
    first = tracer.start_span("stage", attributes={semconv.SEGMENT_INDEX: 0})
    first.end()
    started_s = time.monotonic()
    memory.spans()
    assert time.monotonic() - started_s >= 0.05
    tracer.start_span("stage", attributes={semconv.SEGMENT_INDEX: 1, semconv.STREAM_OUTCOME: "completed"}).end()
    memory.wait_s = 60
    assert len(memory.spans()) == 2
