"""The scrape endpoint: what OpenTelemetry's exporter gives, with exemplars."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics

from otel_sse import semconv
from otel_sse.exporters.prometheus import PrometheusReader
from otel_sse.telemetry.instruments import watch_waiting
from otel_sse.telemetry.metrics import Metrics

EXEMPLAR = re.compile(r'# \{span_id="([0-9a-f]{16})",trace_id="([0-9a-f]{32})"\} (\S+) (\S+)$')


class Scraped:
    """A meter provider behind a registry, and a tracer for the spans that measurements are made in."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        self.meters = MeterProvider([PrometheusReader(self.registry)], shutdown_on_exit=False)
        self.meter = self.meters.get_meter(semconv.SCOPE, "0")
        self.tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")

    def lines(self, name: str) -> list[str]:
        """The lines of a sample, after one scrape."""
        text = openmetrics(self.registry).decode()
        return [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]


@pytest.fixture
def scraped() -> Iterator[Scraped]:
    made = Scraped()
    yield made
    made.meters.shutdown()


def test_a_counter_carries_the_trace_of_its_latest_measurement(scraped: Scraped) -> None:
    """The exemplar of a counted duplicate has the id of the span that it was counted in."""
    counter = scraped.meter.create_counter(semconv.DUPLICATES.name)
    labels = {"stage": "emit", "kind": "terminal", "certainty": "certain", "route": "/chat"}
    with scraped.tracer.start_as_current_span("stream") as span:
        counter.add(2, labels)
    (line,) = scraped.lines(semconv.DUPLICATES.prometheus)
    found = EXEMPLAR.search(line)
    assert found is not None
    assert found[2] == trace.format_trace_id(span.get_span_context().trace_id)
    assert found[1] == trace.format_span_id(span.get_span_context().span_id)
    assert float(found[3]) == 2


def test_a_histogram_carries_one_exemplar_in_the_bucket_that_it_fell_into(scraped: Scraped) -> None:
    """Each bucket has the exemplar of a value of its own, and no bucket that of a lower one."""
    bounds = [0.1, 1.0, 10.0]
    histogram = scraped.meter.create_histogram(semconv.TTFC.name, "s", explicit_bucket_boundaries_advisory=bounds)
    for value in (0.05, 5.0):
        with scraped.tracer.start_as_current_span("stream"):
            histogram.record(value, {"stage": "emit"})
    found = {}
    for line in scraped.lines(f"{semconv.TTFC.prometheus}_bucket"):
        exemplar = EXEMPLAR.search(line)
        bound = re.search(r'le="([^"]+)"', line)
        assert bound is not None
        found[bound[1]] = None if exemplar is None else float(exemplar[3])
    assert found == {"0.1": 0.05, "1.0": None, "10.0": 5.0, "+Inf": None}


def test_an_exemplar_stays_until_a_newer_one_takes_its_place(scraped: Scraped) -> None:
    """A second scraper sees what the first one saw; it is always the latest."""
    counter = scraped.meter.create_counter(semconv.CHUNKS.name)
    seen = []
    for _ in range(2):
        with scraped.tracer.start_as_current_span("stream") as span:
            counter.add(1, {"stage": "emit"})
        for _ in range(2):
            found = EXEMPLAR.search(scraped.lines(semconv.CHUNKS.prometheus)[0])
            assert found is not None
            assert found[2] == trace.format_trace_id(span.get_span_context().trace_id)
            seen.append(found[2])
    assert len(set(seen)) == 2


def test_a_measurement_outside_of_a_trace_has_none(scraped: Scraped) -> None:
    """Where there is no trace to open, there is no exemplar."""
    scraped.meter.create_counter(semconv.CHUNKS.name).add(1, {"stage": "emit"})
    (line,) = scraped.lines(semconv.CHUNKS.prometheus)
    assert "#" not in line


def test_series_with_and_without_a_route_keep_their_own_exemplars(scraped: Scraped) -> None:
    """The exporter fills in labels that a series lacks; that does not mix up the series."""
    counter = scraped.meter.create_counter(semconv.CHUNKS.name)
    counter.add(1, {"stage": "emit"})
    with scraped.tracer.start_as_current_span("stream"):
        counter.add(1, {"stage": "emit", "route": "/chat"})
    found = {'route="/chat"' in line: "#" in line for line in scraped.lines(semconv.CHUNKS.prometheus)}
    assert found == {True: True, False: False}


def test_the_plain_text_format_has_none(scraped: Scraped) -> None:
    """A scraper that asks for the old format gets it as before."""
    with scraped.tracer.start_as_current_span("stream"):
        scraped.meter.create_counter(semconv.CHUNKS.name).add(1, {"stage": "emit"})
    assert b"trace_id" not in generate_latest(scraped.registry)


class Waiting:
    """A queue in which nothing waits."""

    def waiting(self) -> dict[str, int]:
        return {"emit": 0}


def test_all_metrics_can_be_exposed(scraped: Scraped) -> None:
    """The OpenMetrics format takes every metric that otel_sse has."""
    metrics = Metrics(scraped.meter)
    metrics.start("emit", "/chat")
    waits = Waiting()
    watch_waiting(scraped.meter, scraped.meters, waits)
    assert scraped.lines(semconv.QUEUED.prometheus)[0].endswith(" 0.0")
    assert scraped.lines(semconv.ENDED.prometheus)


def test_shutdown_takes_the_metrics_off_the_registry() -> None:
    """Another reader may use the registry afterwards."""
    made = Scraped()
    made.meter.create_counter(semconv.CHUNKS.name).add(1)
    assert made.lines(semconv.CHUNKS.prometheus)
    made.meters.shutdown()
    assert not made.lines(semconv.CHUNKS.prometheus)
    again = MeterProvider([PrometheusReader(made.registry)], shutdown_on_exit=False)
    again.shutdown()
