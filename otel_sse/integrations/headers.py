"""ASGI response headers: what they say of a stream, and what is added to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl

from opentelemetry.instrumentation.propagators import TraceResponsePropagator, get_global_response_propagator
from opentelemetry.trace import SpanContext, format_span_id, format_trace_id

from otel_sse import limits
from otel_sse.integrations.protocol import pairs
from otel_sse.wire import is_event_stream, media_type

_STARTS = (b"t", b"T")
"""How text/event-stream begins; nearly all other responses are told by this one byte."""

Headers = Iterable[tuple[bytes, bytes]]

EVENT_STREAM: Final = "text/event-stream"
NDJSON_TYPES = frozenset({"application/x-ndjson", "application/jsonl", "application/x-jsonlines"})


_TEXT: Final = "text/"


def is_text(kind: str) -> bool:
    """Whether a stream's media type is text of any kind but events: then its body says what it is.

    Args:
        kind: From `stream_type`.
    """
    return kind.startswith(_TEXT) and kind != EVENT_STREAM


def find(headers: Headers, name: bytes) -> bytes | None:
    """Return the first value of a header, or None. Names are compared in any case, though ASGI asks for lower."""
    for each, value in headers:
        if each == name or bytes(each).lower() == name:
            return bytes(value)
    return None


def stream_type(headers: Headers, further: tuple[str, ...]) -> str:
    """Return the media type of a response that is a stream, or "".

    Args:
        headers: The response's headers.
        further: Media types that count as streams next to text/event-stream.
    """
    value = find(headers, b"content-type")
    if value is None or (not further and value[:4].lstrip()[:1] not in _STARTS):
        return ""
    text = value.decode("latin-1")
    if is_event_stream(text):
        return EVENT_STREAM
    essence = media_type(text) if further else ""
    return essence if essence in further else ""


def content_coding(headers: Headers) -> str:
    """Return the coding that hides the body's bytes (`gzip`, `br` …), or "" where they are plain."""
    value = (find(headers, b"content-encoding") or b"").decode("latin-1").strip().lower()
    return "" if value == "identity" else value[:32]


def last_event_id(headers: object) -> str:
    """Return what a request says of the event that its reader had last; "" where it says nothing, or more than an id.

    Source: WHATWG HTML, section 9.2.4 "The `Last-Event-ID` header", which is UTF-8.

    Args:
        headers: The request's; where they can be read but once, they are left to the application.
    """
    value = find(pairs(headers), b"last-event-id") or b""
    return value.decode("utf-8", "replace") if len(value) <= limits.MAX_ID_CHARS else ""


def cursor_in(query: object, names: tuple[str, ...]) -> str:
    """Return what the first of these parameters of a query says; "" where none is there, or it says more than an id.

    Args:
        query: A request's query, as text or as bytes; anything else has no parameters.
        names: The parameters, by precedence.
    """
    # By the very types: an application may be called with any object there, whose methods may raise.
    text = query.decode("latin-1") if type(query) is bytes else query
    if type(text) is not str or len(text) > limits.MAX_CURSOR_QUERY_CHARS:
        return ""
    if not any(name in text for name in names):
        return ""
    found = dict(reversed(parse_qsl(text)))
    value = next((found[name] for name in names if name in found), "")
    return value if len(value) <= limits.MAX_ID_CHARS else ""


def with_trace(
    headers: Headers, context: SpanContext, *, traceresponse: bool, trace_id: bool
) -> list[tuple[bytes, bytes]]:
    """Return the headers with `traceresponse` and `X-Trace-ID` added where asked for, valid, and not there already.

    Source: W3C Trace Context Level 2, section "traceresponse Header".
    """
    extended = list(headers)
    if not context.is_valid:
        return extended
    trace = format_trace_id(context.trace_id)
    if traceresponse and not _others_add_it(extended):
        value = f"00-{trace}-{format_span_id(context.span_id)}-{int(context.trace_flags) & 0xFF:02x}"
        extended.append((b"traceresponse", value.encode()))
    if trace_id and find(extended, b"x-trace-id") is None:
        extended.append((b"x-trace-id", trace.encode()))
    return extended


def _others_add_it(headers: Headers) -> bool:
    # Contrib's middleware, which may stand further out, writes the header without a look at those that are there.
    propagator = get_global_response_propagator()  # type: ignore[no-untyped-call]
    return isinstance(propagator, TraceResponsePropagator) or find(headers, b"traceresponse") is not None
