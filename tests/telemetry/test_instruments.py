"""Instruments: made once for a meter, and one observer for whatever waits."""

from __future__ import annotations

import gc

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_sse import semconv
from otel_sse.telemetry.instruments import instruments_of, meter_of, watch_waiting
from tests.recording.made import points


class Waiting:
    """Something in which entries wait."""

    def __init__(self, **stages: int) -> None:
        self.stages = stages

    def waiting(self) -> dict[str, int]:
        return self.stages


def provider_and_reader() -> tuple[MeterProvider, InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    return MeterProvider(metric_readers=[reader], shutdown_on_exit=False), reader


def test_instruments_of_a_meter_are_made_once() -> None:
    """Whoever asks again gets the same instruments; another provider has others."""
    provider, _ = provider_and_reader()
    meter = meter_of("1", provider)
    assert instruments_of(meter) is instruments_of(meter)
    assert instruments_of(meter) is not instruments_of(meter_of("1", provider_and_reader()[0]))


def test_every_metric_that_is_written_has_an_instrument() -> None:
    """Counters have those of the table, and no other."""
    made = instruments_of(meter_of("1", provider_and_reader()[0]))
    assert set(made.counters) == {metric.name for metric in semconv.METRICS if metric.kind == "counter"}


def test_one_observer_adds_up_what_waits_in_all_recorders() -> None:
    """Two recorders of a provider are one sum by stage; one of another provider is not in it."""
    provider, reader = provider_and_reader()
    other, _ = provider_and_reader()
    meter = meter_of("1", provider)
    one, two, third = Waiting(emit=3), Waiting(emit=4, provider=1), Waiting(emit=100)
    for source in (one, two):
        watch_waiting(meter, provider, source)
    watch_waiting(meter_of("1", other), other, third)
    found = {dict(labels)["stage"]: point.value for labels, point in points(reader, semconv.QUEUED.name).items()}
    assert found == {"emit": 7, "provider": 1}


def test_a_recorder_that_is_gone_is_not_asked() -> None:
    """Nothing that waits is kept alive by being watched."""
    provider, reader = provider_and_reader()
    source = Waiting(emit=3)
    watch_waiting(meter_of("1", provider), provider, source)
    del source
    gc.collect()
    assert points(reader, semconv.QUEUED.name) == {}
