"""Spans as OTLP JSON lines, the format that the OpenTelemetry collector's file exporter writes.

Source: OTLP specification, section "JSON Protobuf Encoding", and the collector's file exporter (one
ExportTraceServiceRequest a line).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_IDS: Final = ("traceId", "spanId", "parentSpanId")


def to_line(spans: Sequence[ReadableSpan]) -> str:
    """Return one line of JSON, without a line end, that holds `spans` as one export request."""
    # Of protobuf's own JSON, OTLP changes two things: enums are numbers, and ids are hexadecimal instead of base64.
    request = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
    for holder in _holders(request):
        for name in _IDS:
            if name in holder:
                holder[name] = base64.b64decode(holder[name]).hex()
    return json.dumps(request, separators=(",", ":"))


def _holders(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every span and every link of a request."""
    for resource in request.get("resourceSpans", ()):
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                yield span
                yield from span.get("links", ())


class LinesExporter(SpanExporter):
    """Writes each batch of spans as one line.

    Args:
        file: Where to; a text file that is open for writing. Closed by `shutdown`.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write and flush one line."""
        try:
            self._file.write(to_line(spans) + "\n")
            self._file.flush()
        except (OSError, ValueError):
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file."""
        self._file.close()
