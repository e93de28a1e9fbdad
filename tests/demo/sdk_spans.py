"""Spans made by hand, with times and parents that a test chooses."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Span, SpanKind, set_span_in_context

from otel_sse import semconv
from otel_sse.demo.span_store import SpanStore

MS = 1_000_000
Event = tuple[str, int, dict[str, Any]]


class Recording:
    """A provider whose finished spans can be looked at."""

    def __init__(self) -> None:
        self.store = SpanStore()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.store))
        self.tracer = self.provider.get_tracer("test")

    def span(
        self,
        name: str,
        start_ns: int,
        parent: Span | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: dict[str, Any] | None = None,
    ) -> Span:
        """Start a span."""
        context = set_span_in_context(parent) if parent is not None else None
        return self.tracer.start_span(name, context=context, kind=kind, start_time=start_ns, attributes=attributes)

    def stage(
        self,
        parent: Span,
        start_ns: int,
        end_ns: int,
        index: int = 0,
        name: str = "socket_write",
        *events: Event,
        **totals: Any,
    ) -> Span:
        """Record one whole segment of a stage; `totals` are names below `sse.stream.`."""
        attributes = {
            semconv.STREAM_ID: "s1",
            semconv.STAGE: name,
            semconv.SEGMENT_INDEX: index,
            **{f"sse.stream.{key}": value for key, value in totals.items()},
        }
        span = self.span(f"stream {name}", start_ns, parent, attributes=attributes)
        for event, time_ns, says in events:
            span.add_event(event, says, time_ns)
        span.end(end_ns)
        return span

    def request(self, start_ns: int = 100) -> Span:
        """Start the request's span, which says that it has a stream."""
        return self.span("POST /chat", start_ns, None, SpanKind.SERVER, {semconv.STREAM_ID: "s1"})

    def finished(self) -> list[ReadableSpan]:
        """All finished spans."""
        return [span for trace_id in self.store.trace_ids() for span in self.store.spans(trace_id)]


def chunk(seq: int, time_ns: int, kind: str = "", digest: str = "0123456789ab") -> Event:
    """An `sse.chunk` event."""
    attributes: dict[str, Any] = {
        semconv.CHUNK_SEQ: seq,
        semconv.CHUNK_DIGEST: digest,
        semconv.CHUNK_ACC_LEN: seq * 4,
        semconv.CHUNK_RAW_LEN: 200,
        semconv.CHUNK_DONE: kind == "complete",
    }
    if kind:
        attributes[semconv.CHUNK_KIND] = kind
    return semconv.CHUNK_EVENT, time_ns, attributes


def finding(kind: str, seq: int, evidence: str, time_ns: int = 1) -> Event:
    """An `sse.finding` event."""
    attributes = {
        semconv.FINDING_KIND: kind,
        semconv.FINDING_CERTAINTY: "certain",
        semconv.FINDING_STAGE: "socket_write",
        semconv.FINDING_SEQ: seq,
        semconv.FINDING_EVIDENCE: evidence,
    }
    return semconv.FINDING_EVENT, time_ns, attributes
