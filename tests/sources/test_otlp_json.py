from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, format_span_id, format_trace_id

from otel_sse.exporters.otlp_lines import to_line
from otel_sse.sources.otlp_json import spans_of
from tests.diagnosis.made_trace import TRACE, chunk_events, segment, span_id, upstream
from tests.sources.made_files import line_of

ID = "00f067aa0ba902b7"


def request(**span: Any) -> bytes:
    """A request with one span."""
    fields = {"traceId": TRACE, "spanId": ID, **span}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}).encode()


def attribute(value: object) -> object:
    """How one attribute's value is read."""
    (span,) = spans_of(request(attributes=[{"key": "x", "value": value}]))
    return span.attributes["x"]


def test_spans_come_back_as_they_were() -> None:
    """What stands in a request is read, each span with the service of its resource."""
    spans = [
        segment("emit", chunk_events("ab", 0, [1, 2]), links=upstream("provider")),
        segment("provider", chunk_events("ab", 0), service="model"),
    ]
    assert spans_of(line_of(spans).encode()) == spans


def test_what_the_demo_writes_is_read() -> None:
    """A span of the SDK, written by the demo's exporter, keeps its ids, times, attributes, events and links."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "gateway"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    first = tracer.start_span("first")
    linked = tracer.start_span("second", links=[Link(first.get_span_context(), {"sse.link": "upstream"})], start_time=5)
    linked.set_attributes({"text": "ä", "flag": True, "whole": -7, "real": 0.25, "many": [1, 2]})
    linked.add_event("sse.chunk", {"sse.chunk.seq": 1}, 7)
    linked.end(9)
    (span,) = spans_of(to_line(exporter.get_finished_spans()).encode())
    context = linked.get_span_context()
    assert (span.trace_id, span.span_id) == (format_trace_id(context.trace_id), format_span_id(context.span_id))
    assert (span.name, span.service, span.parent_id, span.start_ns, span.end_ns) == ("second", "gateway", "", 5, 9)
    assert span.attributes == {"text": "ä", "flag": True, "whole": -7, "real": 0.25, "many": (1, 2)}
    assert [(event.name, event.time_ns, event.attributes) for event in span.events] == [
        ("sse.chunk", 7, {"sse.chunk.seq": 1})
    ]
    (link,) = span.links
    assert link.span_id == format_span_id(first.get_span_context().span_id)
    assert link.attributes == {"sse.link": "upstream"}


@pytest.mark.parametrize("encode", [str.upper, lambda text: base64.b64encode(bytes.fromhex(text)).decode()])
def test_ids_may_be_capitals_or_base64(encode: Any) -> None:
    """An id is the same however it is written."""
    links = [{"traceId": encode(TRACE), "spanId": encode(span_id("other"))}]
    line = request(traceId=encode(TRACE), spanId=encode(ID), parentSpanId=encode(ID), links=links)
    (span,) = spans_of(line)
    assert (span.trace_id, span.span_id, span.parent_id) == (TRACE, ID, ID)
    assert (span.links[0].trace_id, span.links[0].span_id) == (TRACE, span_id("other"))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"intValue": "9007199254740993"}, 9007199254740993),
        ({"intValue": 5}, 5),
        ({"doubleValue": 1}, 1.0),
        ({"doubleValue": "-Infinity"}, -math.inf),
        ({"boolValue": False}, False),
        ({"stringValue": ""}, ""),
        ({"stringValue": "5"}, "5"),
        ({"bytesValue": "AA=="}, "AA=="),
        ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}]}}, (1, "b")),
        ({"arrayValue": {}}, ()),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"intValue": 1}}]}}, {"a": 1}),
        ({}, None),
        (None, None),
    ],
)
def test_values_of_every_type_are_read(value: object, read: object) -> None:
    """Numbers may be strings, as ProtoJSON writes those of 64 bits; a value may be missing."""
    assert attribute(value) == read
    assert type(attribute(value)) is type(read)


@pytest.mark.parametrize(
    "line",
    [b"{}", b'{"resourceSpans": null}', b'{"resourceSpans": [{}]}', b'{"resourceMetrics": [{"scopeMetrics": []}]}'],
)
def test_a_request_without_spans_has_none(line: bytes) -> None:
    """An empty request, or one of another signal in the same file, is no damage."""
    assert spans_of(line) == []


def test_unknown_and_missing_and_null_fields_do_no_harm() -> None:
    """A field of a later version is passed over; what is missing or null is empty."""
    (span,) = spans_of(request(later={"a": [1]}, attributes=None, events=[{}], name=None, startTimeUnixNano="0"))
    assert (span.name, span.parent_id, span.service, span.attributes) == ("", "", "", {})
    assert [(event.name, event.time_ns) for event in span.events] == [("", 0)]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"resourceSpans": [', "truncated"),
        (b"resource", "malformed"),
        (b"[]", "Expected `object`"),
        (b"1", "Expected `object`"),
        (b"\xff\xfe", "malformed"),
        (b'{"resourceSpans": {}}', "Expected `array"),
        (request(startTimeUnixNano="soon"), "Expected `int"),
        (request(attributes=[{"key": "x", "value": 1}]), "Expected `object"),
        (request(traceId="abc"), "traceId must be 16 bytes in hex or base64, got 'abc'."),
        (request(traceId=None), "traceId must be 16 bytes in hex or base64, got None."),
        (request(spanId=TRACE), "spanId must be 8 bytes"),
        (request(spanId="zz" * 8), "spanId must be 8 bytes"),
        (request(parentSpanId="00"), "parentSpanId must be 8 bytes"),
        (request(links=[{"traceId": TRACE, "spanId": "ä"}]), "link's spanId must be 8 bytes"),
    ],
)
def test_damage_is_a_value_error_that_says_where(line: bytes, says: str) -> None:
    """Each damage of a line is named."""
    with pytest.raises(ValueError, match="(?s)" + says.replace("(", r"\(")):
        spans_of(line)
