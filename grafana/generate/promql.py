"""PromQL with names from `otel_sse.semconv`: a metric or a label that does not exist can't be written down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from otel_sse.semconv import Metric

INTERVAL: Final = "$__rate_interval"
"""The window that Grafana chooses for a graph: at least four scrapes, whatever the zoom."""

RANGE: Final = "$__range"
"""The whole time that a dashboard shows."""

TARGET_LABELS: Final = frozenset({"job", "instance", "le"})
"""What Prometheus adds to the labels of a metric."""


def series(metric: Metric, *where: str, suffix: str = "") -> str:
    """Return a selector.

    Args:
        metric: The metric.
        where: Matchers, e.g. `certainty="certain"`.
        suffix: `_bucket`, `_sum` or `_count` of a histogram.

    Raises:
        ValueError: The metric has no such label.
    """
    check_labels(metric, (_label(matcher) for matcher in where))
    inner = ", ".join(where)
    return f"{metric.prometheus}{suffix}{{{inner}}}" if inner else f"{metric.prometheus}{suffix}"


def check_labels(metric: Metric, labels: Iterable[str]) -> None:
    """Raise ValueError where a metric has not all of these labels."""
    unknown = set(labels) - set(metric.labels) - TARGET_LABELS
    if unknown:
        raise ValueError(f"labels of {metric.name} must be of {', '.join(metric.labels)}, got {', '.join(unknown)}")


def shown(metric: Metric, *where: str, stage: str = "$stage") -> tuple[str, ...]:
    """Return matchers for what a dashboard's variables have chosen, as far as the metric has these labels.

    Args:
        metric: The metric.
        where: Further matchers.
        stage: Which stages: a variable, or a regular expression.
    """
    chosen = {"stage": f'stage=~"{stage}"', "to": f'to=~"{stage}"', "route": 'route=~"$route"'}
    return (*(text for label, text in chosen.items() if label in metric.labels), 'job=~"$job"', *where)


def rate(metric: Metric, by: tuple[str, ...], *where: str, window: str = INTERVAL, suffix: str = "") -> str:
    """Return events a second, summed by labels; of one sum where `by` is empty."""
    return _summed("rate", metric, by, where, window, suffix)


def increase(metric: Metric, by: tuple[str, ...], *where: str, window: str = RANGE, suffix: str = "") -> str:
    """Return events within a window, summed by labels."""
    return _summed("increase", metric, by, where, window, suffix)


def quantile(share: float, metric: Metric, by: tuple[str, ...], *where: str, window: str = INTERVAL) -> str:
    """Return the value that a share of a histogram's measurements stays below."""
    buckets = rate(metric, (*by, "le"), *where, window=window, suffix="_bucket")
    return f"histogram_quantile({share:g}, {buckets})"


def mean(metric: Metric, by: tuple[str, ...], *where: str, window: str = INTERVAL) -> str:
    """Return the mean of a histogram's measurements."""
    parts = [rate(metric, by, *where, window=window, suffix=suffix) for suffix in ("_sum", "_count")]
    return " / ".join(parts)


def _summed(
    function: str, metric: Metric, by: tuple[str, ...], where: tuple[str, ...], window: str, suffix: str
) -> str:
    check_labels(metric, by)
    head = f"sum by ({', '.join(by)}) " if by else "sum"
    return f"{head}({function}({series(metric, *where, suffix=suffix)}[{window}]))"


def _label(matcher: str) -> str:
    return matcher.partition('"')[0].rstrip("=~!")
