from __future__ import annotations

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_sse.demo.metrics_view import Figure, figures, metrics_json, metrics_view
from tests.cli.rendered import text_of


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


def test_metrics_are_a_table_without_zeros() -> None:
    """Labels that all rows share stand above the table, and zeros are only counted."""
    shown = text_of(
        metrics_view(
            [
                Figure("sse.chunks", {"stage": "socket_write", "route": "/chat"}, "{chunk}", 448),
                Figure("sse.findings", {"stage": "socket_write", "route": "/chat", "kind": "gap"}, "", 1),
                Figure("sse.findings", {"stage": "socket_write", "route": "/chat", "kind": "x"}, "", 0),
            ]
        )
    )
    assert shown == (
        "metrics  route=/chat, stage=socket_write\n"
        "metric        labels    value\n"
        "─────────────────────────────\n"
        "sse.chunks              448\n"
        "sse.findings  kind=gap  1\n"
        "1 more at 0: what alerts rest on exists before it first happens."
    )


@pytest.mark.parametrize("name", ["sse.chunk.interval", "sse.stage.latency"])
def test_metrics_that_are_samples_say_so(name: str) -> None:
    """A histogram that records one of several chunks is not to be read as the number of chunks."""
    note = "sse.chunk.interval and sse.stage.latency are samples of all chunks."
    assert text_of(metrics_view([Figure(name, {"stage": "emit"}, "s", 4, 1.0)])).endswith(note)
    assert note not in text_of(metrics_view([Figure("sse.chunks", {"stage": "emit"}, "s", 4)]))


def test_plain_values_hold_zeros_too() -> None:
    """A counter has its value, a histogram its count and sum, and what is 0 stands there as well."""
    told = metrics_json(
        [Figure("sse.chunks", {"stage": "a"}, "{chunk}", 0), Figure("sse.stream.duration", {}, "s", 2, 3.0)]
    )
    assert told == [
        {"name": "sse.chunks", "labels": {"stage": "a"}, "unit": "{chunk}", "value": 0},
        {"name": "sse.stream.duration", "labels": {}, "unit": "s", "count": 2, "sum": 3.0},
    ]
