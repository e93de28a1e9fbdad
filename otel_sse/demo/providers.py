"""The OpenTelemetry SDK of the demo: spans and metrics in memory, and wherever else the user wants them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult

from otel_sse.demo.span_store import SpanStore
from otel_sse.errors import ConfigurationError, must
from otel_sse.exporters.otlp_lines import OTLPLinesExporter

_SERVICE: Final = "otel-sse-demo"
_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TIMEOUT: Final = "OTEL_EXPORTER_OTLP_TIMEOUT"
_TIMEOUT_S: Final = 2.0
"""Patience with a collector, unless the environment says otherwise: a demo must not hang where there is none."""


class CountingExporter(SpanExporter):
    """Passes spans on and counts what became of them.

    Args:
        inner: The exporter that does the work.
        place: Where the spans go, in words.
    """

    def __init__(self, inner: SpanExporter, place: str) -> None:
        self._inner = inner
        self._place = place
        self._exported = self._failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export, and count."""
        result = self._inner.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._exported += len(spans)
        else:
            self._failed += len(spans)
        return result

    def shutdown(self) -> None:
        """Shut the inner exporter down."""
        self._inner.shutdown()

    def note(self) -> str:
        """Return one line that says how many spans arrived, and how many did not."""
        failed = f", {self._failed} could not be sent" if self._failed else ""
        return f"{self._exported} spans to {self._place}{failed}"


class _LastWords(logging.Handler):
    """Keeps the last error that the exporters logged, instead of letting it burst into the demo's output."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()


class Providers:
    """The providers of the gateway's process. Made once; `close` flushes them.

    Args:
        environ: Variables that say whether and where spans and metrics are exported by OTLP.
        traces: File that gets each batch of spans as a line of OTLP JSON, or None.

    Raises:
        ConfigurationError: `traces` can't be written.
    """

    def __init__(self, environ: Mapping[str, str], traces: Path | None = None) -> None:
        self.store = SpanStore()
        self.reader = InMemoryMetricReader()
        self._exporters = _span_exporters(environ, traces)
        self._words = _LastWords()
        _quiet_exporters(self._words)
        resource = Resource.create({} if environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: _SERVICE})
        self.tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.store))
        for exporter in self._exporters:
            self.tracers.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        readers = [self.reader, *_metric_readers(environ)]
        self.meters = MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)

    def close(self, patience_s: float = 10.0) -> None:
        """Send out what is pending, and stop.

        Args:
            patience_s: Longest time to wait for it, in seconds.
        """
        thread = threading.Thread(target=self._close, name="demo-providers", daemon=True)
        thread.start()
        thread.join(patience_s)

    def _close(self) -> None:
        self.tracers.shutdown()
        self.meters.shutdown()

    def notes(self) -> list[str]:
        """Return what was exported to where, a line each, and the exporters' last complaint."""
        notes = [exporter.note() for exporter in self._exporters]
        return [*notes, self._words.text] if self._words.text else notes


def _span_exporters(environ: Mapping[str, str], traces: Path | None) -> list[CountingExporter]:
    exporters = []
    if traces is not None:
        exporters.append(CountingExporter(_lines(traces), str(traces)))
    if endpoint := _endpoint(environ, "TRACES"):
        exporters.append(CountingExporter(OTLPSpanExporter(timeout=_timeout_s(environ)), endpoint))
    return exporters


def _lines(path: Path) -> OTLPLinesExporter:
    try:
        # What an earlier demo wrote is no part of this one.
        path.open("wb").close()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        message = must("option --traces", "name a file that can be written", str(path), f"{reason}.")
        raise ConfigurationError(message) from None
    return OTLPLinesExporter(path)


def _metric_readers(environ: Mapping[str, str]) -> list[MetricReader]:
    if not _endpoint(environ, "METRICS"):
        return []
    return [PeriodicExportingMetricReader(OTLPMetricExporter(timeout=_timeout_s(environ)))]


def _endpoint(environ: Mapping[str, str], signal: str) -> str:
    """Where OTLP goes for one signal, or "" where the user named no place or switched it off."""
    if environ.get(f"OTEL_{signal}_EXPORTER", "").strip().lower() == "none":
        return ""
    return environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT", "").strip() or environ.get(_ENDPOINT, "").strip()


def _timeout_s(environ: Mapping[str, str]) -> float | None:
    return None if environ.get(_TIMEOUT, "").strip() else _TIMEOUT_S


def _quiet_exporters(words: _LastWords) -> None:
    logger = logging.getLogger("opentelemetry.exporter")
    logger.handlers, logger.propagate = [words], False
