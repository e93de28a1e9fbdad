"""Spans as OTLP JSON lines, the format that the OpenTelemetry collector's file exporter writes.

Source: OTLP specification, section "JSON Protobuf Encoding", and the collector's file exporter (one
ExportTraceServiceRequest a line).
"""

from __future__ import annotations

import base64
import io
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel_sse import limits
from otel_sse.errors import ConfigurationError, must
from otel_sse.recording import fork

_IDS: Final = ("traceId", "spanId", "parentSpanId")

_LINE_END: Final = b"\n"

_logger: Final = logging.getLogger(__name__)


def to_line(spans: Sequence[ReadableSpan]) -> str:
    """Return one line of JSON, without a line end, that holds `spans` as one export request."""
    # Of protobuf's own JSON, OTLP changes two things: enums are numbers, and ids are hexadecimal instead of base64.
    request = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
    for holder in _holders(request):
        for name in _IDS:
            if name in holder:
                holder[name] = base64.b64decode(holder[name]).hex()
    return json.dumps(request, separators=(",", ":"))


def to_lines(spans: Sequence[ReadableSpan], max_bytes: int) -> list[bytes]:
    """Return `spans` as as few lines as are short enough, each with its line end.

    Args:
        spans: Spans that have ended.
        max_bytes: Bytes of one line, without its line end; only a line with a single span may be longer.
    """
    line = to_line(spans).encode()
    middle = len(spans) // 2
    if len(line) <= max_bytes or not middle:
        return [line + _LINE_END]
    return to_lines(spans[:middle], max_bytes) + to_lines(spans[middle:], max_bytes)


def _holders(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every span and every link of a request."""
    for resource in request.get("resourceSpans", ()):
        for scope in resource.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                yield span
                yield from span.get("links", ())


class LinesExporter(SpanExporter):
    """Writes each batch of spans as one line into a text file that is open: standard output, a pipe, a buffer.

    `OTLPLinesExporter` opens a file itself, shares it with other processes and bounds it.

    Args:
        file: The file, open for writing text. `shutdown` closes it.

    Example:
        >>> provider.add_span_processor(SimpleSpanProcessor(LinesExporter(open("traces.jsonl", "w"))))
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write spans to the file; return whether all of them are in it.

        Args:
            spans: The spans, ended.
        """
        try:
            self._file.write(to_line(spans) + "\n")
            self._file.flush()
        except (OSError, ValueError):
            # ValueError: the file is closed.
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Close the file. Later spans are refused."""
        self._file.close()


class OTLPLinesExporter(SpanExporter):
    """Writes spans into a file that `otel-sse trace --file` and `otel-sse diagnose --file` read.

    Each batch is one line at the end of the file, an export request in OTLP JSON. It is in the file when `export`
    returns. Several threads and several processes may write into one file, because a line is one write; a line that a
    crash or a full disk has cut off is ended before the next one begins. Spans that can't be written are dropped, and a
    warning says so once. Nothing that is in the file is ever changed.

    Args:
        path: The file. It is made where it does not exist.
        max_bytes: Bytes of the file, 1 or more, beyond which no line is added.

    Raises:
        ConfigurationError: The file can't be opened for writing, or `max_bytes` is not 1 or more.

    Example:
        >>> provider = TracerProvider(resource=Resource.create({"service.name": "chat"}))
        >>> provider.add_span_processor(BatchSpanProcessor(OTLPLinesExporter("traces.jsonl")))
    """

    def __init__(self, path: str | Path, max_bytes: int = limits.MAX_SPAN_FILE_BYTES) -> None:
        if max_bytes < 1:
            raise ConfigurationError(must("max_bytes", "be a number of bytes, 1 or more", max_bytes, "Correct it."))
        self._path = Path(path)
        self._max_bytes = max_bytes
        self._file = _opened(self._path)
        self._has_end = self._file.seekable()
        self._written_bytes = 0
        self._has_warned = False
        self._lock = threading.Lock()
        fork.watch(self)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write spans to the file; return whether all of them are in it.

        Args:
            spans: The spans, ended.
        """
        lines = to_lines(spans, limits.MAX_LINE_BYTES)
        with self._lock:
            try:
                added = [self._add(line) for line in lines]
            except (OSError, ValueError) as error:
                # ValueError: the file is closed.
                self._warn("take spans", getattr(error, "strerror", None) or str(error))
                return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS if all(added) else SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return True: nothing is held back.

        Args:
            timeout_millis: Milliseconds that it may take; it takes none.
        """
        return True

    def shutdown(self) -> None:
        """Close the file. Later spans are refused."""
        self._file.close()

    def after_fork(self) -> None:
        """Forget who held the lock in the parent process."""
        self._lock = threading.Lock()

    def _add(self, line: bytes) -> bool:
        if len(line) - len(_LINE_END) > limits.MAX_LINE_BYTES:
            self._warn(f"get lines of {limits.MAX_LINE_BYTES:,} bytes at most", f"a span of {len(line):,} bytes")
            return False
        size_bytes = self._file.seek(0, io.SEEK_END) if self._has_end else self._written_bytes
        data = _LINE_END + line if self._is_cut_off(size_bytes) else line
        if size_bytes + len(data) > self._max_bytes:
            self._warn(f"be smaller than {self._max_bytes:,} bytes", f"{size_bytes:,} bytes and {len(data):,} more")
            return False
        while data:
            count = self._file.write(data)
            self._written_bytes += count
            data = data[count:]
        return True

    def _is_cut_off(self, size_bytes: int) -> bool:
        """Whether the file's last line has no end."""
        if not self._has_end or not size_bytes:
            return False
        self._file.seek(-1, io.SEEK_END)
        return self._file.read(1) != _LINE_END

    def _warn(self, rule: str, found: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            _logger.warning(must(f"file {self._path}", rule, found, "Spans are dropped."))


def _opened(path: Path) -> io.FileIO:
    try:
        # Unbuffered, so that a line is one write, and for appending, so that the system puts it behind all others.
        return path.open("a+b", buffering=0)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        rule = "be one that can be written"
        raise ConfigurationError(must("file for spans", rule, str(path), f"{reason}.")) from error
