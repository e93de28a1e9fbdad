"""What the metrics say, as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.metrics.export import HistogramDataPoint, MetricsData, NumberDataPoint

from otel_sse import semconv

_ORDER: Final = {metric.name: position for position, metric in enumerate(semconv.METRICS)}


SAMPLED: Final = (semconv.INTERVAL.name, semconv.LATENCY.name)
"""Histograms that record one of several chunks, so that their count is not that of the chunks."""


class Figure(NamedTuple):
    """One metric with one set of labels.

    Args:
        name: The metric's name.
        labels: Its labels.
        unit: Its unit.
        value: The counter's value, or how many times a histogram recorded.
        sum: The sum of what a histogram recorded; None for a counter.
    """

    name: str
    labels: dict[str, str]
    unit: str
    value: float
    sum: float | None = None

    def value_text(self) -> str:
        """Return the value in words: a number, or the mean of a histogram and how many times it recorded."""
        if self.sum is None:
            return f"{self.value:,g}" if self.value < 1e6 else f"{self.value:,.0f}"
        return f"mean {self.sum / self.value:.3f} {self.unit} of {self.value:g}" if self.value else "none"


def figures(data: MetricsData | None) -> list[Figure]:
    """Return the `sse.*` metrics in the order of the reference, zeros included."""
    found = [figure for metric in _metrics(data) for figure in _figures(metric)]
    return sorted(found, key=lambda figure: (_ORDER.get(figure.name, len(_ORDER)), *figure.labels.values()))


def _metrics(data: MetricsData | None) -> Iterator[Any]:
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            yield from (metric for metric in scope.metrics if metric.name.startswith("sse."))


def _figures(metric: Any) -> Iterator[Figure]:
    points: Iterable[NumberDataPoint | HistogramDataPoint] = metric.data.data_points
    for point in points:
        labels = {str(name): str(value) for name, value in (point.attributes or {}).items()}
        if isinstance(point, HistogramDataPoint):
            yield Figure(metric.name, labels, metric.unit, point.count, point.sum)
        else:
            yield Figure(metric.name, labels, metric.unit, point.value)
