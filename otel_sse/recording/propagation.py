"""A stream's context in a carrier: one process writes it, and the next one reads it and makes it current."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from contextvars import Token
from typing import Any, Final

import msgspec
from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import NonRecordingSpan, SpanContext, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_sse.recording.live_stream import Stream, enter, leave, with_stream

STREAM_KEY: Final = "sse_stream_id"
"""Carrier key of `sse.stream.id`, next to `traceparent` and `tracestate`. Every schema allows such a name."""

_W3C: Final = TraceContextTextMapPropagator()


class Remote(msgspec.Struct, frozen=True):
    """What a carrier says.

    Args:
        context: The current context, with the sender's span in it.
        span: The sender's span; invalid where the carrier has none.
        stream_id: The stream's id, or "".
    """

    context: Context
    span: SpanContext
    stream_id: str = ""


def write(carrier: MutableMapping[str, Any], stream: Stream | None) -> None:
    """Write a stream's id and the span of its latest stage into a carrier; without a stream, the current span.

    Source: W3C Trace Context.
    """
    span = _latest_span(stream)
    context = get_current() if span is None else set_span_in_context(NonRecordingSpan(span))
    _W3C.inject(carrier, context=context)
    if stream is not None:
        carrier[STREAM_KEY] = stream.id


def read(carrier: Mapping[str, Any]) -> Remote:
    """Return what a carrier says. Values of other types, and other keys, are ignored."""
    texts = {key: value for key in _W3C.fields if isinstance(value := carrier.get(key), str)}
    stream_id = carrier.get(STREAM_KEY)
    return _remote(texts, stream_id if isinstance(stream_id, str) else "")


def read_trace(traceparent: str, tracestate: str = "", stream_id: str = "") -> Remote:
    """Return the same as `read`, for values that somebody has taken out of their carrier."""
    return _remote({"traceparent": traceparent, "tracestate": tracestate}, stream_id)


def trace_of(span: SpanContext) -> tuple[str, str]:
    """Return a span's `traceparent` and `tracestate`; "" for both where the span is not valid."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier, context=set_span_in_context(NonRecordingSpan(span)))
    return carrier.get("traceparent", ""), carrier.get("tracestate", "")


def _remote(texts: Mapping[str, str], stream_id: str) -> Remote:
    # From an empty context: else an empty carrier would seem to name the current span.
    found = get_current_span(_W3C.extract(texts, context=Context())).get_span_context()
    if not found.is_valid:
        return Remote(get_current(), found, stream_id)
    return Remote(set_span_in_context(NonRecordingSpan(found)), found, stream_id)


def _latest_span(stream: Stream | None) -> SpanContext | None:
    if stream is None:
        return None
    stages = stream.order.stages
    latest = stages[-1].span if stages else get_current_span(stream.context)
    span = latest.get_span_context()
    return span if span.is_valid else None


class Entered:
    """A stream and a context that are current for one `with` block, in the task that entered it.

    An `await` inside the block is fine. A `yield` is not: a dropped generator is closed in another context, where
    nothing can be undone. The block then ends silently, with no effect.

    Args:
        stream: The stream.
        context: The context; None keeps the current one.
    """

    __slots__ = ("_attached", "_context", "_token", "stream")

    def __init__(self, stream: Stream, context: Context | None = None) -> None:
        self.stream = stream
        self._context = context
        self._token: Token[Stream | None] | None = None
        self._attached: Any = None

    def __enter__(self) -> Stream:
        self._token = enter(self.stream)
        self._attached = attach(with_stream(get_current() if self._context is None else self._context, self.stream))
        return self.stream

    def __exit__(self, *raised: object) -> None:
        token, self._token = self._token, None
        if token is None:
            return
        try:
            leave(token)
        except ValueError:
            # Another context. OpenTelemetry's own `detach` would log an error about it.
            return
        if self._attached is not None:
            detach(self._attached)
