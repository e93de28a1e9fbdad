"""The labels of contrib's metrics."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_sse import limits
from otel_sse.integrations.request_span.labels import BoundedMeterProvider, Labels


def test_a_host_is_no_label_unless_it_is_allowed() -> None:
    """Of what the Host header says only allowed hosts are a label, in lower case."""
    labels = Labels({"example.org", "a.b:8443"})
    assert labels.bounded({"http.server_name": "evil.org", "x": 1}) == {"x": 1}
    assert labels.bounded({"http.server_name": "EXAMPLE.org"}) == {"http.server_name": "example.org"}
    assert labels.bounded({"http.server_name": "a.b:8443"}) == {"http.server_name": "a.b:8443"}
    assert labels.bounded({"http.server_name": "a.b:1"}) == {}
    assert labels.bounded(None) == {}


@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("name", ["http.host", "server.address", "http.method", "server.port"])
def test_labels_of_the_server_have_few_values(name: str, over: int) -> None:
    """At the limit each value is a label, one past it the new one is not; those that were go on."""
    labels = Labels(set())
    values = [f"h{number}" for number in range(limits.MAX_LABEL_VALUES + over)]
    kept = [labels.bounded({name: value}) for value in values]
    assert kept == [{name: value} for value in values[: limits.MAX_LABEL_VALUES]] + [{}] * over
    assert labels.bounded({name: "h0"}) == {name: "h0"}


def test_every_instrument_has_bounded_labels() -> None:
    """Histograms, counters and counters that go down have the labels that may stay."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    meter = BoundedMeterProvider(provider, frozenset()).get_meter("test", "1", None)
    meter.create_histogram("a").record(1, {"http.server_name": "x", "kept": 1})
    meter.create_counter("b").add(1, {"http.server_name": "x", "kept": 1})
    meter.create_up_down_counter("c").add(1, {"http.server_name": "x", "kept": 1})
    data = reader.get_metrics_data()
    assert data is not None
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    points: dict[str, Any] = {metric.name: next(iter(metric.data.data_points)) for metric in metrics}
    assert {name: dict(point.attributes) for name, point in points.items()} == {name: {"kept": 1} for name in "abc"}
    provider.shutdown()
