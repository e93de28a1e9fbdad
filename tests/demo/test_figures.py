from __future__ import annotations

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_sse.demo.figures import Figure, figures


def test_our_metrics_come_in_the_order_of_the_reference() -> None:
    """Only `sse.*` metrics are told, in the reference's order, zeros included."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter("test")
    meter.create_counter("sse.findings").add(0, {"stage": "a"})
    meter.create_counter("http.requests").add(1)
    chunks = meter.create_counter("sse.chunks", "{chunk}")
    chunks.add(3, {"stage": "b"})
    chunks.add(2, {"stage": "a"})
    duration = meter.create_histogram("sse.stream.duration", "s")
    duration.record(1.0)
    duration.record(2.0)
    assert figures(reader.get_metrics_data()) == [
        Figure("sse.stream.duration", {}, "s", 2, 3.0),
        Figure("sse.chunks", {"stage": "a"}, "{chunk}", 2),
        Figure("sse.chunks", {"stage": "b"}, "{chunk}", 3),
        Figure("sse.findings", {"stage": "a"}, "", 0),
    ]


def test_no_data_gives_no_figures() -> None:
    """A reader that has nothing gives nothing."""
    assert figures(None) == []


def test_values_are_readable() -> None:
    """A counter is a whole number with thousands apart, a histogram its mean and count."""
    assert Figure("a", {}, "By", 1234567).value_text() == "1,234,567"
    assert Figure("a", {}, "By", 68641).value_text() == "68,641"
    assert Figure("a", {}, "s", 4, 1.0).value_text() == "mean 0.250 s of 4"
    assert Figure("a", {}, "s", 0, 0.0).value_text() == "none"
