"""Spans of OpenTelemetry's SDK as the plain values that a diagnosis reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.resources import SERVICE_NAME
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import format_span_id, format_trace_id

from otel_sse.diagnosis.trace.spans import Attributes, Span, SpanEvent, SpanLink, text


def plain_span(span: ReadableSpan) -> Span:
    """Return a span as a plain value: what a file of OTLP JSON would give back.

    Args:
        span: A span that has ended.
    """
    context = span.get_span_context()
    assert context is not None, "every span of the SDK has a context"
    return Span(
        trace_id=format_trace_id(context.trace_id),
        span_id=format_span_id(context.span_id),
        parent_id=format_span_id(span.parent.span_id) if span.parent is not None else "",
        name=span.name,
        service=text(_attributes(span.resource.attributes), SERVICE_NAME),
        start_ns=span.start_time or 0,
        end_ns=span.end_time or 0,
        attributes=_attributes(span.attributes),
        events=tuple(SpanEvent(each.name, each.timestamp, _attributes(each.attributes)) for each in span.events),
        links=tuple(
            SpanLink(
                format_trace_id(each.context.trace_id),
                format_span_id(each.context.span_id),
                _attributes(each.attributes),
            )
            for each in span.links
        ),
    )


def _attributes(found: Mapping[str, Any] | None) -> Attributes:
    return dict(found or {})
