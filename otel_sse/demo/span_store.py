"""Finished spans, kept in memory by trace until somebody shows them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, format_trace_id

from otel_sse import semconv

MAX_TRACES: Final = 256
"""Traces that are kept; the oldest is forgotten first. A served demo shows each within a second."""


class SpanStore(SpanExporter):
    """An exporter that keeps spans by the trace they belong to.

    Args:
        size: Traces to keep.
    """

    def __init__(self, size: int = MAX_TRACES) -> None:
        self._size = size
        self._traces: OrderedDict[str, list[ReadableSpan]] = OrderedDict()
        self._lock = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep `spans`."""
        with self._lock:
            for span in spans:
                trace_id = format_trace_id(span.context.trace_id) if span.context else ""
                self._traces.setdefault(trace_id, []).append(span)
            while len(self._traces) > self._size:
                self._traces.popitem(last=False)
        return SpanExportResult.SUCCESS

    def trace_ids(self) -> list[str]:
        """Return the ids of the traces that are kept, the oldest first."""
        with self._lock:
            return list(self._traces)

    def spans(self, trace_id: str) -> list[ReadableSpan]:
        """Return the finished spans of a trace so far, in the order in which they ended."""
        with self._lock:
            return list(self._traces.get(trace_id, ()))

    def forget(self, trace_id: str) -> None:
        """Let go of a trace."""
        with self._lock:
            self._traces.pop(trace_id, None)

    def is_complete(self, trace_id: str) -> bool:
        """Return whether the request has ended, and each of its stages with it."""
        spans = self.spans(trace_id)
        if not any(span.kind is SpanKind.SERVER for span in spans):
            return False
        started = {_stage(span) for span in spans} - {None}
        ended = {_stage(span) for span in spans if semconv.STREAM_OUTCOME in (span.attributes or {})} - {None}
        expected = any(semconv.STREAM_ID in (span.attributes or {}) for span in spans)
        return started == ended and (bool(ended) or not expected)


def _stage(span: ReadableSpan) -> tuple[object, ...] | None:
    attributes = span.attributes or {}
    if semconv.STAGE not in attributes:
        return None
    return tuple(attributes.get(name) for name in (semconv.STREAM_ID, semconv.STAGE, semconv.STAGE_DIRECTION))
