"""The labels of contrib's metrics."""

from __future__ import annotations

from collections.abc import Callable
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


LEAVE_NOTHING = """
import asyncio
import atexit
import gc

import otel_sse


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    await send({"type": "http.response.body", "body": b"data: a\\n\\n", "more_body": True})
    await send({"type": "http.response.body"})


async def receive():
    return {"type": "http.disconnect"}


async def send(message):
    pass


def cycle():
    watched = otel_sse.instrument(app)
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    asyncio.run(watched(scope, receive, send))
    otel_sse.uninstrument(watched)


def counted():
    gc.collect()
    return len(gc.get_objects()), atexit._ncallbacks()


for _ in range(5):
    cycle()
before = counted()
for _ in range(20):
    cycle()
after = counted()
print(after[0] - before[0], after[1] - before[1])
"""


def test_cycles_without_a_meter_provider_leave_nothing(run_script: Callable[..., str]) -> None:
    """Instrumented, asked once and uninstrumented 20 times, an application leaves no objects and no exit handlers."""
    objects, exit_handlers = map(int, run_script(LEAVE_NOTHING).split())
    # Fewer than one a cycle.
    assert objects < 20
    assert exit_handlers == 0


def test_instruments_of_the_global_provider_are_made_once(run_script: Callable[..., str]) -> None:
    """The same arguments give the same meter and instrument, others give others; a provider set later gets them all."""
    printed = run_script(
        """
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader

        from otel_sse.integrations.request_span.labels import BoundedMeterProvider

        def made(version, buckets):
            meter = BoundedMeterProvider(None, frozenset()).get_meter("test", version, None, {"a": [1]})
            return meter, meter.create_histogram("x", unit="s", explicit_bucket_boundaries_advisory=buckets)

        (meter, x), (same, same_x), (other, _) = made("1", [1.0]), made("1", [1.0]), made("2", [1.0])
        _, other_x = made("1", [2.0])
        print(meter.__wrapped__ is same.__wrapped__, x.__wrapped__ is same_x.__wrapped__)
        print(meter.__wrapped__ is other.__wrapped__, x.__wrapped__ is other_x.__wrapped__)
        reader = InMemoryMetricReader()
        metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
        x.record(1)
        made("1", [1.0])[1].record(1)
        scopes = reader.get_metrics_data().resource_metrics[0].scope_metrics
        print(sum(point.count for scope in scopes for each in scope.metrics for point in each.data.data_points))
        """
    )
    assert printed.split("\n") == ["True True", "False False", "2", ""]


@pytest.mark.parametrize("own", [True, False])
def test_arguments_that_cannot_be_compared_are_handed_on(own: bool) -> None:
    """A meter whose attributes are no key is made each time, by the global provider and by one of the user's."""
    provider = MeterProvider(shutdown_on_exit=False) if own else None
    odd: Any = {"a": {1}}
    meter = BoundedMeterProvider(provider, frozenset()).get_meter("test.odd", "1", None, odd)
    meter.create_counter("x").add(1)
    if provider is not None:
        provider.shutdown()
