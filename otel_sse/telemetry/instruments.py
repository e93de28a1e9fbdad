"""The instruments of a meter, made once: a global provider that is not set yet keeps whatever it was asked for."""

from __future__ import annotations

import threading
import weakref
from collections import Counter as Sums
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec
from opentelemetry import metrics as metrics_api
from opentelemetry.metrics import (
    CallbackOptions,
    Counter,
    Histogram,
    Meter,
    MeterProvider,
    Observation,
    UpDownCounter,
)

from otel_sse import semconv
from otel_sse.telemetry.made_once import made_by


class Instruments(msgspec.Struct, frozen=True):
    """The instruments of one meter that are written to."""

    active: UpDownCounter
    duration: Histogram
    first_event: Histogram
    first_content: Histogram
    interval: Histogram
    latency: Histogram
    counters: dict[str, Counter]


class Waits(Protocol):
    """Something in which entries wait for the recorder."""

    def waiting(self) -> dict[str, int]:
        """Return how many wait now, by stage. Called by whoever collects metrics, in any thread."""


class _Shared:
    """What the recorders of this process share."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.instruments: weakref.WeakKeyDictionary[Meter, Instruments] = weakref.WeakKeyDictionary()
        self.watched: weakref.WeakSet[Meter] = weakref.WeakSet()
        self.sources: weakref.WeakKeyDictionary[Waits, MeterProvider | None] = weakref.WeakKeyDictionary()


_shared = _Shared()


def after_fork() -> None:
    """Make the lock anew in a forked child, where nobody would give it back."""
    _shared.lock = threading.Lock()


def meter_of(version: str, provider: MeterProvider | None) -> Meter:
    """Return our meter of a provider; of the global one always the same.

    Args:
        version: Version of the instrumentation scope.
        provider: The provider; the global one where None, also if that is set later.
    """
    found = provider or metrics_api.get_meter_provider()
    made = made_by(found)
    meter: Meter = (
        found.get_meter(semconv.SCOPE, version) if made is None else made.once(found.get_meter, semconv.SCOPE, version)
    )
    return meter


def instruments_of(meter: Meter) -> Instruments:
    """Return the instruments of a meter."""
    with _shared.lock:
        made = _shared.instruments.get(meter)
        if made is None:
            _shared.instruments[meter] = made = _made(meter)
    return made


def watch_waiting(meter: Meter, provider: MeterProvider | None, source: Waits) -> None:
    """Have it measured, whenever metrics are collected, how much waits in a recorder, for as long as that lives.

    OpenTelemetry asks only the first of several observers of one name, so that one answers for all recorders.

    Args:
        meter: Our meter of the provider.
        provider: The provider; the global one where None.
        source: The recorder's queue.
    """
    with _shared.lock:
        _shared.sources[source] = provider
        if meter in _shared.watched:
            return
        _shared.watched.add(meter)
    queued = semconv.QUEUED
    meter.create_observable_up_down_counter(queued.name, [_observer(provider)], queued.unit, queued.brief)


def _observer(provider: MeterProvider | None) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(options: CallbackOptions) -> list[Observation]:
        with _shared.lock:
            sources = list(_shared.sources.items())
        mine = provider or metrics_api.get_meter_provider()
        sums: Sums[str] = Sums()
        for source, of in sources:
            if (of or metrics_api.get_meter_provider()) is mine:
                sums.update(source.waiting())
        return [Observation(count, {"stage": stage}) for stage, count in sums.items()]

    return observe


def _made(meter: Meter) -> Instruments:
    return Instruments(
        active=meter.create_up_down_counter(*_described(semconv.ACTIVE)),
        duration=_histogram(meter, semconv.DURATION, semconv.DURATION_BUCKETS_S),
        first_event=_histogram(meter, semconv.TTFE, semconv.FIRST_BUCKETS_S),
        first_content=_histogram(meter, semconv.TTFC, semconv.FIRST_BUCKETS_S),
        interval=_histogram(meter, semconv.INTERVAL, semconv.INTERVAL_BUCKETS_S),
        latency=_histogram(meter, semconv.LATENCY, semconv.LATENCY_BUCKETS_S),
        counters={
            metric.name: meter.create_counter(*_described(metric))
            for metric in semconv.METRICS
            if metric.kind == "counter"
        },
    )


def _described(metric: semconv.Metric) -> tuple[str, str, str]:
    return metric.name, metric.unit, metric.brief


def _histogram(meter: Meter, metric: semconv.Metric, buckets: tuple[float, ...]) -> Histogram:
    return meter.create_histogram(*_described(metric), explicit_bucket_boundaries_advisory=list(buckets))
