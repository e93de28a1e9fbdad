"""Spans as plain values, whichever source they were read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

_MAX_NUMBER: Final = 2**63
_MAX_TIME_NS: Final = 2**64 - 1
_MAX_SECONDS: Final = _MAX_TIME_NS / 1e9

Value: TypeAlias = "str | bool | int | float | bytes | tuple[Value, ...] | Mapping[str, Value] | None"
"""The value of an attribute."""

Attributes: TypeAlias = "Mapping[str, Value]"


class SpanEvent(msgspec.Struct, frozen=True):
    """One event of a span.

    Args:
        name: `sse.chunk`, `sse.finding` …
        time_ns: When, in nanoseconds since the epoch.
        attributes: Its attributes.
    """

    name: str
    time_ns: int
    attributes: Attributes


class SpanLink(msgspec.Struct, frozen=True):
    """One link of a span to another.

    Args:
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        attributes: Its attributes.
    """

    trace_id: str
    span_id: str
    attributes: Attributes


class Span(msgspec.Struct, frozen=True):
    """One finished span.

    Args:
        trace_id: 32 hex digits.
        span_id: 16 hex digits.
        parent_id: 16 hex digits, or "" for a root.
        name: Its name.
        service: `service.name` of the process that made it, or "".
        start_ns: When it began, in nanoseconds since the epoch.
        end_ns: When it ended.
        attributes: Its attributes.
        events: Its events, in the order of the source.
        links: Its links.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    service: str
    start_ns: int
    end_ns: int
    attributes: Attributes
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()


def text(attributes: Attributes, name: str) -> str:
    """Return an attribute that is a text, or "" where it is missing or of another type."""
    value = attributes.get(name)
    return value if isinstance(value, str) else ""


def integer(attributes: Attributes, name: str, default: int = 0) -> int:
    """Return an attribute that is a whole number of 64 bits, or `default` where it is missing or of another type."""
    value = attributes.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MAX_NUMBER else default


def count(attributes: Attributes, name: str) -> int:
    """Return an attribute that is a count, never below 0; 0 where it is missing or of another type."""
    return max(integer(attributes, name), 0)


def seconds(attributes: Attributes, name: str) -> float | None:
    """Return an attribute that is a length of time in seconds, or None where it is missing or something else."""
    value = attributes.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    # A comparison with NaN is false, so NaN is none either.
    return float(value) if 0 <= value <= _MAX_SECONDS else None


def time(time_ns: int) -> int:
    """Return a time in nanoseconds since the epoch, cut to the range that OTLP can hold: 0 to the year 2554."""
    return min(max(time_ns, 0), _MAX_TIME_NS)


def flag(attributes: Attributes, name: str) -> bool:
    """Return whether an attribute is true."""
    return attributes.get(name) is True
