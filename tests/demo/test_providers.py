from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_sse.demo.providers import CountingExporter, Providers, _endpoint
from otel_sse.errors import ConfigurationError
from tests.demo.sdk_spans import Recording


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    logger = logging.getLogger("opentelemetry.exporter")
    before = logger.handlers, logger.propagate
    yield
    logger.handlers, logger.propagate = before


def test_spans_stay_in_memory_and_go_to_the_file(tmp_path: Path) -> None:
    """A span is in the store once it has ended, and in the file once the providers are closed."""
    path = tmp_path / "traces.jsonl"
    providers = Providers({}, path)
    providers.tracers.get_tracer("test").start_span("one").end()
    assert [span.name for each in providers.store.trace_ids() for span in providers.store.spans(each)] == ["one"]
    providers.close()
    assert path.read_text().count('"name":"one"') == 1
    assert providers.notes() == [f"1 spans to {path}"]


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that is not there is told with the option's name and the system's reason."""
    path = tmp_path / "none" / "traces.jsonl"
    with pytest.raises(ConfigurationError, match=r"option --traces must name a file .* No such file or directory\."):
        Providers({}, path)


@pytest.mark.parametrize(
    ("environ", "traces", "metrics"),
    [
        ({}, "", ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a"}, "http://a", "http://a"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a", "OTEL_METRICS_EXPORTER": "none"}, "http://a", ""),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b"}, "http://b", ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "a", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "b"}, "a", "b"),
    ],
)
def test_the_usual_variables_say_where_to_export(environ: dict[str, str], traces: str, metrics: str) -> None:
    """Each signal goes to its own place, else to the common one, else nowhere, and `none` switches it off."""
    assert (_endpoint(environ, "TRACES"), _endpoint(environ, "METRICS")) == (traces, metrics)


def test_a_collector_that_is_not_there_is_told_and_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans that can't be sent are counted, with the exporter's last words, and closing ends."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    providers = Providers({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_METRICS_EXPORTER": "none"})
    providers.tracers.get_tracer("test").start_span("one").end()
    providers.close(20.0)
    sent, words = providers.notes()
    assert sent == "0 spans to http://127.0.0.1:9, 1 could not be sent"
    assert words.startswith("Failed to export spans batch")


def test_what_arrived_and_what_did_not_is_counted() -> None:
    """A note names the place, the spans that arrived, and those that did not."""
    recording = Recording()
    recording.span("a", 1).end(2)
    inner = InMemorySpanExporter()
    exporter = CountingExporter(inner, "here")
    assert exporter.export(recording.finished()) is SpanExportResult.SUCCESS
    assert exporter.note() == "1 spans to here"
    exporter.shutdown()
    assert exporter.export(recording.finished()) is SpanExportResult.FAILURE
    assert exporter.note() == "1 spans to here, 1 could not be sent"


def test_the_service_has_a_name_unless_the_user_gave_one() -> None:
    """The demo's service name gives way to OTEL_SERVICE_NAME."""
    assert Providers({}).tracers.resource.attributes["service.name"] == "otel-sse-demo"
    named = Providers({"OTEL_SERVICE_NAME": "mine"}).tracers.resource.attributes["service.name"]
    assert named != "otel-sse-demo"
