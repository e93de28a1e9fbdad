"""What the demo shows of an answer, from the spans of its own process: what `otel-sse trace` and `diagnose` show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from rich.console import RenderableType

from otel_sse.cli.diagnose_view import trace_diagnosed_view
from otel_sse.cli.diagnosing import diagnosed
from otel_sse.cli.trace_json import trace_json
from otel_sse.cli.trace_view import trace_view
from otel_sse.diagnosis.trace.streams import Trace, trace_of
from otel_sse.exporters.plain_spans import plain_span


class DemoViews:
    """The views that the demo is run with.

    Args:
        width: Columns of a line.
    """

    def __init__(self, width: int) -> None:
        self._width = width

    def trace(self, spans: Sequence[ReadableSpan]) -> RenderableType | None:
        """Return the trace of these spans for the eye; None where none of them is of a stage."""
        trace = _trace(spans)
        return None if trace is None else trace_view(trace)

    def stages(self, spans: Sequence[ReadableSpan]) -> list[dict[str, Any]]:
        """Return the stages of a trace as plain values, those of all its streams in a row."""
        trace = _trace(spans)
        streams = [] if trace is None else trace_json(trace)["streams"]
        return [stage for stream in streams for stage in stream["stages"]]

    def diagnosis(self, spans: Sequence[ReadableSpan]) -> RenderableType | None:
        """Return what is wrong with a trace, for the eye; None where none of the spans is of a stage."""
        trace = _trace(spans)
        return None if trace is None else trace_diagnosed_view(trace, diagnosed(trace).found, self._width)


def _trace(spans: Sequence[ReadableSpan]) -> Trace | None:
    return trace_of(map(plain_span, spans))
