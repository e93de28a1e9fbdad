"""TraceQL in the forms that Tempo answers rightly.

These are: conditions on span attributes, with at most one on an event's attribute. Two on events, `count()` and
`select()` of an event's attribute give wrong or empty answers, so they can't be written with this.
"""

from __future__ import annotations

from otel_sse import semconv

_EVENT = {row.name for row in semconv.ATTRIBUTES if row.on.startswith("event ")}
_SPAN = {row.name for row in semconv.ATTRIBUTES} - _EVENT


def span(attribute: str, comparison: str) -> str:
    """Return a condition on a span's attribute, e.g. `span("sse.stage", '= "emit"')`."""
    return f"span.{_known(attribute, _SPAN)} {comparison}"


def event(attribute: str, comparison: str) -> str:
    """Return a condition on an attribute of one of a span's events. A query may have one of these."""
    return f"event.{_known(attribute, _EVENT)} {comparison}"


def spans(*conditions: str, show: tuple[str, ...] = ()) -> str:
    """Return a search for spans that meet all conditions.

    Args:
        conditions: What `span` and `event` return.
        show: Span attributes that the answer is to have.

    Raises:
        ValueError: More than one condition is on an event.
    """
    if sum(condition.count("event.") for condition in conditions) > 1:
        raise ValueError(f"query must have one event condition at most, got {' && '.join(conditions)}")
    shown = ", ".join(f"span.{_known(attribute, _SPAN)}" for attribute in show)
    query = f"{{{' && '.join(conditions)}}}"
    return f"{query} | select({shown})" if shown else query


def _known(attribute: str, known: set[str]) -> str:
    if attribute not in known:
        raise ValueError(f"attribute must be one of {', '.join(sorted(known))}, got {attribute!r}")
    return attribute
