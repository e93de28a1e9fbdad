"""Files of OTLP JSON lines, made by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from otel_sse.diagnosis.trace.spans import Span, Value


def line_of(spans: Iterable[Span]) -> str:
    """One export request with these spans, a resource for each service, as the collector writes it."""
    by_service: dict[str, list[dict[str, Any]]] = {}
    for span in spans:
        by_service.setdefault(span.service, []).append(_span(span))
    resources = [
        {
            "resource": {"attributes": _pairs({"service.name": service, "host.cpus": 2})},
            "scopeSpans": [{"scope": {"name": "otel_sse", "version": "1"}, "spans": found}],
            "schemaUrl": "https://opentelemetry.io/schemas/1.40.0",
        }
        for service, found in by_service.items()
    ]
    return json.dumps({"resourceSpans": resources})


def write(path: Path, *lines: str | Iterable[Span]) -> Path:
    """Write a file of lines: each is text as it is, or the spans of one request."""
    path.write_text("".join(f"{line if isinstance(line, str) else line_of(line)}\n" for line in lines), "utf-8")
    return path


def _span(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "flags": 256,
        "name": span.name,
        "kind": 1,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _pairs(span.attributes),
        "events": [
            {"timeUnixNano": str(event.time_ns), "name": event.name, "attributes": _pairs(event.attributes)}
            for event in span.events
        ],
        "links": [
            {"traceId": link.trace_id, "spanId": link.span_id, "attributes": _pairs(link.attributes)}
            for link in span.links
        ],
        "status": {},
    }


def _pairs(attributes: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Value) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}
