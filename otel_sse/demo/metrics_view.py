"""What the demo's metrics say: as rows, for the eye and as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from opentelemetry.sdk.metrics.export import HistogramDataPoint, MetricsData, NumberDataPoint
from rich.console import Group, RenderableType
from rich.text import Text

from otel_sse import semconv
from otel_sse.terminal.escaping import escaped
from otel_sse.terminal.tables import BAD, DIM, cell, table_of

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


def metrics_view(figures: Sequence[Figure]) -> RenderableType:
    """Return the metrics that are not 0 as a table; labels that all of them share stand above it.

    Args:
        figures: What `figures` returned.
    """
    shown = [figure for figure in figures if figure.value]
    shared = _shared_labels(shown)
    table = table_of("metric", "~labels", "value")
    for figure in shown:
        own = {name: value for name, value in figure.labels.items() if name not in shared}
        style = BAD if figure.name in _FAULTS else ""
        table.add_row(cell(figure.name), _labels(own), figure.value_text(), style=style)
    title = Text.assemble(("metrics", "bold"), "  ", _labels(shared))
    zeros = len(figures) - len(shown)
    notes = [f"{zeros} more at 0: what alerts rest on exists before it first happens."]
    if any(figure.name in SAMPLED for figure in shown):
        notes.append(f"{' and '.join(SAMPLED)} are samples of all chunks.")
    return Group(title, table, *(Text(note, DIM) for note in notes))


def _shared_labels(figures: Sequence[Figure]) -> dict[str, str]:
    sets = [set(figure.labels.items()) for figure in figures]
    return dict(sorted(set.intersection(*sets))) if sets else {}


def _labels(labels: dict[str, str]) -> Text:
    return Text(", ".join(f"{escaped(name)}={escaped(value)}" for name, value in labels.items()))


_FAULTS: Final = frozenset(
    metric.name
    for metric in (semconv.DUPLICATES, semconv.MISSING, semconv.FINDINGS, semconv.STALLS, semconv.INTERNAL_ERRORS)
)


def metrics_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Return the metrics as plain values, zeros included."""
    return [_plain(figure) for figure in figures]


def _plain(figure: Figure) -> dict[str, Any]:
    value = {"value": figure.value} if figure.sum is None else {"count": figure.value, "sum": figure.sum}
    return {"name": figure.name, "labels": figure.labels, "unit": figure.unit, **value}
