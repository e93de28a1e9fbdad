"""The one seam through which chunk and finding events leave: span events, log-based events, or both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.trace import Span, set_span_in_context

from otel_sse import semconv
from otel_sse.telemetry.attributes import Attributes


class Emit(Protocol):
    """Puts one event on a span.

    Args:
        span: The segment that the event belongs to.
        name: The event's name.
        attributes: Its attributes.
        wall_ns: Its time, in nanoseconds since the epoch.
    """

    def __call__(self, span: Span, name: str, attributes: Attributes, wall_ns: int, /) -> None: ...


def span_event(span: Span, name: str, attributes: Attributes, wall_ns: int) -> None:
    """Add a span event."""
    span.add_event(name, attributes, wall_ns)


def log_event(logger: Logger) -> Emit:
    """Return a function that emits log-based events with the span's context.

    Source: OTEP 4430, "Span Event API deprecation plan".
    """

    def emit(span: Span, name: str, attributes: Attributes, wall_ns: int) -> None:
        severity = SeverityNumber.WARN if name == semconv.FINDING_EVENT else SeverityNumber.INFO
        logger.emit(
            timestamp=wall_ns,
            context=set_span_in_context(span),
            severity_number=severity,
            event_name=name,
            attributes=attributes,
        )

    return emit


def _both(first: Emit, second: Emit) -> Emit:
    def emit(span: Span, name: str, attributes: Attributes, wall_ns: int) -> None:
        first(span, name, attributes, wall_ns)
        second(span, name, attributes, wall_ns)

    return emit


def choose(signal: str, logger: Callable[[], Logger]) -> Emit:
    """Return the emission for OTEL_SSE_CHUNK_SIGNAL.

    Args:
        signal: `span_events`, `log_events` or `both`.
        logger: Makes the event logger where one is needed.
    """
    if signal == "log_events":
        return log_event(logger())
    if signal == "both":
        return _both(span_event, log_event(logger()))
    return span_event
