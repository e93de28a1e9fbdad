"""The trace context of a client's request, and the span that its response names."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Final

from opentelemetry import propagate
from opentelemetry.trace import SpanContext, TraceFlags

TRACERESPONSE: Final = "traceresponse"

_VALUE: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_BAGGAGE: Final = "baggage"


def missing_context(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that carry the current trace context, where nothing else has added them; else {}.

    Args:
        headers: The request's; names are compared in any case.
    """
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    if any(name in headers for name in carrier if name != _BAGGAGE):
        return {}
    return {name: value for name, value in carrier.items() if name not in headers}


def take_back(headers: MutableMapping[str, str], added: Mapping[str, str]) -> None:
    """Take headers that were added off a request that has been sent: it may be sent once more, in another trace."""
    for name, value in added.items():
        # An instrumentation below may have had the last word here, and then it stays.
        if headers.get(name) == value:
            del headers[name]


def written_by(traceresponse: str) -> SpanContext | None:
    """Return the span that a `traceresponse` header names, or None where the header is missing or wrong.

    Args:
        traceresponse: The header's value, or "".

    Source: W3C Trace Context Level 2, section "traceresponse Header".
    """
    found = _VALUE.fullmatch(traceresponse.strip())
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    context = SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags))
    return context if context.is_valid else None
