"""The seam of emission: span events, log-based events, or both."""

from __future__ import annotations

from opentelemetry._logs import Logger
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider

from otel_sse.telemetry.emission import choose


def _logger(exporter: InMemoryLogRecordExporter) -> Logger:
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    return provider.get_logger("test")


def _emitted(signal: str) -> tuple[int, list[tuple[str | None, int, int]], int]:
    exporter = InMemoryLogRecordExporter()
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("s")
    choose(signal, lambda: _logger(exporter))(span, "sse.chunk", {"sse.chunk.seq": 1}, 123)
    records = [
        (log.log_record.event_name, log.log_record.timestamp or 0, log.log_record.span_id or 0)
        for log in exporter.get_finished_logs()
    ]
    return len(span.events), records, span.get_span_context().span_id  # type: ignore[attr-defined]


def test_span_events_stand_on_the_span_alone() -> None:
    """By default an event is a span event and no log record."""
    events, records, _ = _emitted("span_events")
    assert (events, records) == (1, [])


def test_log_events_carry_the_spans_context_and_time() -> None:
    """With `log_events` the same event is a log record with name, time and the span's id, and not on the span."""
    events, records, span_id = _emitted("log_events")
    assert (events, records) == (0, [("sse.chunk", 123, span_id)])


def test_both_are_both() -> None:
    """With `both` each event goes both ways."""
    events, records, _ = _emitted("both")
    assert (events, len(records)) == (1, 1)
