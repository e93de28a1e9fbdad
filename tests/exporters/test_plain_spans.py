from __future__ import annotations

from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, set_span_in_context

from otel_sse.exporters.otlp_lines import to_line
from otel_sse.exporters.plain_spans import plain_span
from otel_sse.sources.otlp_json import spans_of


def test_a_span_is_what_its_file_would_give_back() -> None:
    """Ids, times, service, attributes, events and links are those that are read from a line of OTLP JSON."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "chat"}), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("test")
    parent = tracer.start_span("parent", start_time=5)
    links = [Link(parent.get_span_context(), {"sse.link": "upstream"})]
    says: dict[str, Any] = {"text": "a", "number": 7, "flag": True, "part": 0.5, "list": ["a", "b"]}
    child = tracer.start_span("child", set_span_in_context(parent), attributes=says, links=links, start_time=6)
    child.add_event("sse.chunk", {"sse.chunk.seq": 1}, 7)
    child.end(8)
    parent.end(9)
    spans = kept.get_finished_spans()
    assert [plain_span(span) for span in spans] == spans_of(to_line(spans).encode())
    assert plain_span(spans[0]).service == "chat"


def test_a_process_without_a_name_has_none() -> None:
    """Where the resource does not name the service, it is called nothing."""
    tracer = TracerProvider(resource=Resource({}), shutdown_on_exit=False).get_tracer("test")
    span = tracer.start_span("a")
    span.end()
    assert plain_span(span).service == ""  # type: ignore[arg-type]
