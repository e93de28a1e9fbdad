"""Names that leave the package."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY

from otel_sse import semconv
from otel_sse.semconv import ATTRIBUTES, EVENTS, LABELS, METRICS, SPANS, Attribute, Metric

NAMES = {
    name: value
    for name, value in vars(semconv).items()
    if name.isupper() and not name.startswith("_") and isinstance(value, str)
}
"""Every constant of the module that is a name."""

NO_TABLE = {"SCOPE", "CHUNK_LOGGER", "GUARD_LOGGER"}
UNITS = {"s": "seconds", "By": "bytes"}


def test_each_constant_stands_in_one_table_once() -> None:
    """Names and tables hold the same: nothing is left out, nothing said twice, nothing without a constant."""
    rows = [row.name for table in (EVENTS, ATTRIBUTES) for row in table]
    assert Counter(rows) == Counter(value for name, value in NAMES.items() if name not in NO_TABLE)
    assert max(Counter(rows).values()) == 1


def test_each_metric_constant_stands_in_the_table_once() -> None:
    """`METRICS` holds every metric of the module, each once, under names of their own."""
    constants = {name for name, value in vars(semconv).items() if isinstance(value, Metric)}
    assert len(METRICS) == len(constants) == len({metric.name for metric in METRICS})
    assert len({metric.prometheus for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("name", [row.name for table in (EVENTS, ATTRIBUTES, METRICS) for row in table])
def test_names_are_ours_or_opentelemetrys(name: str) -> None:
    """Our names are under `sse.`, lower case with dots; what is not ours says whose it is."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", name)
    sources = {row.name: row.source for row in ATTRIBUTES}
    assert (sources.get(name, "otel_sse") == "otel_sse") is name.startswith("sse.")


@pytest.mark.parametrize("row", ATTRIBUTES, ids=lambda row: row.name)
def test_attributes_are_described(row: Attribute) -> None:
    """Each has a type of OpenTelemetry, a UCUM unit or none, a place, a cardinality and a sentence."""
    assert row.type in {"string", "boolean", "int", "double", "string[]", "int[]"}
    assert row.unit in {"", "s", "us", "By"} or re.fullmatch(r"\{[a-z]+\}", row.unit)
    # A pack's values stand in one string, because backends show an array badly; they keep their unit.
    assert not row.unit or row.type not in {"string", "boolean"} or row.on == f"event {semconv.CHUNKS_EVENT}"
    places = {*(f"event {event.name}" for event in EVENTS), "stage span", "request span", "span link"}
    assert set(row.on.split(", ")) <= places
    assert row.cardinality in {"low", "high"}
    assert row.brief.endswith((".", "…", "`."))


@pytest.mark.parametrize("table", [SPANS, EVENTS], ids=["spans", "events"])
def test_spans_and_events_are_described(table: tuple[semconv.Named, ...]) -> None:
    """Each row has a name of its own and a sentence."""
    assert len({row.name for row in table}) == len(table) > 0
    assert all(row.brief.endswith(".") for row in table)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_prometheus_name_follows_the_rules(metric: Metric) -> None:
    """Dots become underscores, the unit's word and, for counters, `_total` follow; units in braces vanish.

    Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility".
    """
    unit = UNITS.get(metric.unit, "")
    name = metric.name.replace(".", "_") + (f"_{unit}" if unit else "")
    assert metric.prometheus == name + ("_total" if metric.kind == "counter" else "")
    assert unit or re.fullmatch(r"\{[a-z]+\}", metric.unit)


def test_prometheus_names_are_those_of_the_exporter() -> None:
    """OpenTelemetry's own Prometheus exporter gives each metric the name that stands in the table."""
    reader = PrometheusMetricReader()
    provider = MeterProvider([reader])
    try:
        meter = provider.get_meter(semconv.SCOPE)
        for metric in METRICS:
            if metric.kind == "histogram":
                meter.create_histogram(metric.name, metric.unit).record(1)
            elif metric.kind == "counter":
                meter.create_counter(metric.name, metric.unit).add(1)
            else:
                meter.create_up_down_counter(metric.name, metric.unit).add(1)
        exported = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    finally:
        provider.shutdown()
    expected = {metric.prometheus + ("_count" if metric.kind == "histogram" else "") for metric in METRICS}
    assert expected <= exported


def test_labels_are_declared_and_used() -> None:
    """Every label of a metric has its meaning in `LABELS`, and every meaning a metric."""
    used = {label for metric in METRICS for label in metric.labels}
    assert used == set(LABELS)
    assert all(metric.labels for metric in METRICS)
    assert all(meaning.endswith(".") for meaning in LABELS.values())


def test_no_label_is_an_attribute_of_high_cardinality() -> None:
    """A stream's id, a digest or a number never becomes a label."""
    high = {row.name.rpartition(".")[2] for row in ATTRIBUTES if row.cardinality == "high"}
    assert not {"id", "digest", "seq"} & set(LABELS)
    assert not (high - {"kind", "stage"}) & set(LABELS)


@pytest.mark.parametrize(
    "bounds", [semconv.INTERVAL_BUCKETS_S, semconv.FIRST_BUCKETS_S, semconv.DURATION_BUCKETS_S], ids=len
)
def test_buckets_rise(bounds: tuple[float, ...]) -> None:
    """Bucket bounds are positive and strictly rising, as OpenTelemetry demands."""
    assert list(bounds) == sorted(set(bounds))
    assert bounds[0] > 0
