"""One line of OTLP JSON: an ExportTraceServiceRequest, decoded to spans.

Source: OTLP specification, section "JSON Protobuf Encoding"; protobuf's ProtoJSON format, which lets 64-bit integers be
strings and a field be null.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from otel_sse.diagnosis.trace.spans import Attributes, Span, SpanEvent, SpanLink, Value, time
from otel_sse.errors import must

_SERVICE_NAME: Final = "service.name"
_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8


class Wire(msgspec.Struct, rename="camel"):
    """A message: every field may be missing or null, and what is not named here is passed over."""


class _Any(Wire):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | None = None
    double_value: float | None = None
    bytes_value: str | None = None
    array_value: _Array | None = None
    kvlist_value: _KeyValues | None = None


class _Array(Wire):
    values: list[_Any] | None = None


class _KeyValue(Wire):
    key: str = ""
    value: _Any | None = None


class _KeyValues(Wire):
    values: list[_KeyValue] | None = None


class _Event(Wire):
    time_unix_nano: int | None = None
    name: str | None = None
    attributes: list[_KeyValue] | None = None


class _Link(Wire):
    trace_id: str | None = None
    span_id: str | None = None
    attributes: list[_KeyValue] | None = None


class _Span(Wire):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    start_time_unix_nano: int | None = None
    end_time_unix_nano: int | None = None
    attributes: list[_KeyValue] | None = None
    events: list[_Event] | None = None
    links: list[_Link] | None = None


class _Scope(Wire):
    spans: list[_Span] | None = None


class _Resource(Wire):
    attributes: list[_KeyValue] | None = None


class ResourceSpans(Wire):
    """The spans of one resource."""

    resource: _Resource | None = None
    scope_spans: list[_Scope] | None = None


class Request(Wire):
    """An export request; what backends call a trace has the same one field."""

    resource_spans: list[ResourceSpans] | None = None


# Not strict, because ProtoJSON writes 64-bit integers as strings.
_decoder: Final = msgspec.json.Decoder(Request, strict=False)


def spans_of(line: bytes) -> list[Span]:
    """Return the spans of one export request, in its order. A request of another signal has none.

    Args:
        line: One JSON object.

    Raises:
        ValueError: It is no JSON object, a field has a type that OTLP does not give it, or an id is none.
    """
    return spans_in(_decoder.decode(line))


def spans_in(request: Request) -> list[Span]:
    """Return the spans of a decoded request, in its order.

    Args:
        request: What a decoder, told not to be strict, made of JSON.

    Raises:
        ValueError: An id is none.
    """
    return [span for resource in request.resource_spans or () for span in _spans(resource)]


def _spans(resource: ResourceSpans) -> Iterator[Span]:
    says = _attributes(resource.resource.attributes if resource.resource else None)
    service = says.get(_SERVICE_NAME)
    for scope in resource.scope_spans or ():
        for span in scope.spans or ():
            yield _span(span, service if isinstance(service, str) else "")


def _span(span: _Span, service: str) -> Span:
    return Span(
        _id("traceId", span.trace_id, _TRACE_ID_BYTES),
        _id("spanId", span.span_id, _SPAN_ID_BYTES),
        _id("parentSpanId", span.parent_span_id, _SPAN_ID_BYTES) if span.parent_span_id else "",
        span.name or "",
        service,
        time(span.start_time_unix_nano or 0),
        time(span.end_time_unix_nano or 0),
        _attributes(span.attributes),
        tuple(
            SpanEvent(e.name or "", time(e.time_unix_nano or 0), _attributes(e.attributes)) for e in span.events or ()
        ),
        tuple(_link(link) for link in span.links or ()),
    )


def _link(link: _Link) -> SpanLink:
    return SpanLink(
        _id("link's traceId", link.trace_id, _TRACE_ID_BYTES),
        _id("link's spanId", link.span_id, _SPAN_ID_BYTES),
        _attributes(link.attributes),
    )


def _id(name: str, text: str | None, size: int) -> str:
    found = _bytes(text or "", size)
    if len(found) != size:
        raise ValueError(must(name, f"be {size} bytes in hex or base64", text, "Correct it or leave the span out."))
    return found.hex()


def _bytes(text: str, size: int) -> bytes:
    # OTLP asks for hex; plain ProtoJSON, which some tools write, for base64. Their lengths never meet.
    try:
        return bytes.fromhex(text) if len(text) == 2 * size else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""


def _attributes(pairs: Sequence[_KeyValue] | None) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs or ()}


def _value(value: _Any | None) -> Value:
    if value is None:
        return None
    if value.array_value is not None:
        return tuple(_value(each) for each in value.array_value.values or ())
    if value.kvlist_value is not None:
        return _attributes(value.kvlist_value.values)
    plain = (value.string_value, value.bool_value, value.int_value, value.double_value, value.bytes_value)
    return next((each for each in plain if each is not None), None)
