"""What the demo says of the faults it can make: the list of them, and the diagnosis of an answer that has one."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan
from rich.console import RenderableType
from rich.text import Text

from otel_sse.cli.diagnosing import look
from otel_sse.exporters.otlp_lines import OTLPLinesExporter
from otel_sse.sources.errors import SourceError
from otel_sse.sources.otlp_file import OtlpFiles
from otel_sse.sources.reading import FileTraces
from otel_sse.terminal.escaping import escaped


def explained(trace_id: str, spans: Sequence[ReadableSpan], width: int) -> RenderableType:
    """Return what `otel-sse diagnose` says of a trace that is in memory.

    Args:
        trace_id: The trace's id.
        spans: Its spans.
        width: Columns of a line.
    """
    with tempfile.TemporaryDirectory(prefix="otel-sse-") as folder:
        path = Path(folder) / "traces.jsonl"
        lines = OTLPLinesExporter(path)
        lines.export(spans)
        lines.shutdown()
        try:
            return look(FileTraces(OtlpFiles((path,))), trace_id, width).view
        except SourceError as error:
            return Text(escaped(error, 2_000))
