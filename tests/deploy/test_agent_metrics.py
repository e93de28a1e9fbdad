"""deploy/collector/agent.yaml: what Prometheus finds there, of applications' metrics and of counted spans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanLimits
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from otel_sse import semconv
from tests.deploy.backend import Backend
from tests.deploy.collectors import Collector
from tests.deploy.streams import RESOURCE, demo
from tests.deploy.waiting import until

pytestmark = [
    pytest.mark.backend,
    pytest.mark.server,
    pytest.mark.retried("a port that was free may be taken when a program asks for it"),
]

SPANS, EVENTS = "traces_span_metrics_calls_total", "traces_span_metrics_events_total"
EXEMPLARS = {"sse_duplicate_chunks_total", "sse_stream_time_to_first_content_seconds_bucket", EVENTS}
ONLY_WITH_HOPS = {semconv.LATENCY.prometheus}
"""Needs two stages whose chunks are tied together, which one application without a policy may not have."""


class Scraped:
    """What an agent served, scraped again and again.

    An exemplar is there only until the application has pushed its metrics once more, so all that were seen are kept.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.samples: list[Sample] = []
        self.exemplars: defaultdict[str, set[str]] = defaultdict(set)
        self.faulty = self.clean = ""

    def scrape(self) -> list[Sample]:
        """Scrape once more, as Prometheus does."""
        accept = {"accept": "application/openmetrics-text; version=1.0.0"}
        text = httpx.get(self._url, headers=accept, trust_env=False).text
        self.samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        for sample in self.samples:
            if sample.exemplar:
                self.exemplars[sample.name].add(sample.exemplar.labels["trace_id"])
        return self.samples

    def of(self, name: str, **labels: str) -> list[Sample]:
        """Return the samples of a name that have these labels."""
        return [s for s in self.samples if s.name == name and labels.items() <= s.labels.items()]


@pytest.fixture(scope="module")
def scraped() -> Iterator[Scraped]:
    with Backend() as backend, Collector("agent", next=backend.url, span_metrics_interval="1s") as agent:
        seen = Scraped(agent.prometheus)
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{agent.url}/v1/metrics"), 500)
        meters = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
        # So few events a span that each stream has several segments, however quickly it goes by.
        with demo(agent.url, meters, SpanLimits(max_events=50)) as app:
            seen.faulty = app.ask(question="joke", fault="doubled")
            until(lambda: seen.scrape() and seen.exemplars.keys() >= EXEMPLARS, "the exemplars of the faulty stream")
            seen.clean = app.ask(question="joke")
            # Each stream has three stages, and each counts as one when it ends.
            until(lambda: ended(seen.scrape()) >= 6, "the counting of both streams")
            yield seen
        meters.shutdown()


def ended(found: list[Sample]) -> float:
    return sum(s.value for s in found if s.name == SPANS and s.labels.get("sse_stream_outcome"))


def test_every_metric_has_the_name_that_the_reference_gives_it(scraped: Scraped) -> None:
    """Pushed through a collector, metrics have the same names in Prometheus as those that are scraped directly."""
    names = {sample.name for sample in scraped.samples}
    for metric in semconv.METRICS:
        if metric.labels[:1] == ("site",) or metric.prometheus in ONLY_WITH_HOPS:
            continue
        suffix = "_count" if metric.kind == "histogram" else ""
        assert metric.prometheus + suffix in names, metric.name


def test_labels_are_those_of_the_reference_and_the_application(scraped: Scraped) -> None:
    """Duplicates have stage, kind, certainty and route, and job and instance are the application's."""
    (found,) = [s for s in scraped.of("sse_duplicate_chunks_total", stage="emit", kind="terminal") if s.value]
    assert found.labels.keys() - {"job", "instance"} == set(semconv.DUPLICATES.labels)
    assert (found.labels["job"], found.labels["instance"], found.labels["route"]) == ("chat", "chat-1", "/chat")


def test_a_counter_is_there_at_zero(scraped: Scraped) -> None:
    """What did not happen is there too, at 0: an alert on its increase needs that."""
    assert {s.value for s in scraped.of("sse_duplicate_chunks_total", stage="provider", kind="terminal")} == {0.0}


def test_exemplars_lead_to_the_trace(scraped: Scraped) -> None:
    """Counters, histograms and what is counted from spans name the trace of the stream that they counted."""
    assert scraped.exemplars["sse_duplicate_chunks_total"] == {scraped.faulty}
    for name in EXEMPLARS:
        assert scraped.faulty in scraped.exemplars[name] <= {scraped.faulty, scraped.clean}


def test_findings_are_counted_from_spans(scraped: Scraped) -> None:
    """An application without metrics has its findings counted by kind, certainty and stage."""
    found = scraped.of(EVENTS, sse_finding_kind="duplicate/terminal", sse_stage="emit")
    assert [(s.value, s.labels["sse_finding_certainty"], s.labels["service_name"]) for s in found] == [
        (1.0, "certain", "chat")
    ]


def test_streams_are_counted_where_they_end(scraped: Scraped) -> None:
    """A stream of several segments counts once at each stage, with its outcome."""
    for stage in ("provider", "emit", "socket_write"):
        assert sum(s.value for s in scraped.of(SPANS, sse_stage=stage, sse_stream_outcome="completed")) == 2
    assert sum(s.value for s in scraped.of(SPANS, sse_stage="emit")) > 2
