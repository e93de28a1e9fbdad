"""Streams: how many, how they end, how fast they begin, how evenly they flow."""

from __future__ import annotations

from typing import Final

from grafana.generate.boards import choices
from grafana.generate.dashboards import dashboard
from grafana.generate.panels import (
    BYTES_PER_SECOND,
    COUNT,
    PER_SECOND,
    SECONDS,
    SHARE,
    Panel,
    heatmap,
    row,
    stat,
    timeseries,
)
from grafana.generate.promql import RANGE, increase, quantile, rate, series, shown
from grafana.generate.targets import Json, graph, heat, now
from otel_sse import semconv
from otel_sse.semconv import Metric

QUANTILES: Final = (0.5, 0.95, 0.99)


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        "otel-sse-streams",
        "Streams",
        "How many streams run, how they end, how fast they begin and how evenly they flow. Each point with a diamond "
        "is an exemplar: it opens its trace.",
        _variables(),
        [*_numbers(), row("How they end"), *_ends(), row("How fast they begin"), *_beginnings(), *_flow()],
    )


def _variables() -> list[Json]:
    # A stream is counted at each of its stages, so one of them is chosen here, and not carried to other dashboards.
    return [*(one for one in choices.metrics() if one["name"] != "stage"), choices.measured_at()]


def _here(metric: Metric, *where: str) -> tuple[str, ...]:
    return shown(metric, *where, stage="$at")


def _numbers() -> list[Panel]:
    active = f"sum({series(semconv.ACTIVE, *_here(semconv.ACTIVE))})"
    ended = increase(semconv.ENDED, (), *_here(semconv.ENDED))
    complete = increase(semconv.ENDED, (), *_here(semconv.ENDED, 'outcome="completed"'))
    first = quantile(0.95, semconv.TTFC, (), *_here(semconv.TTFC), window=RANGE)
    return [
        stat("Open now", "Streams that are open.", now(active), COUNT),
        stat("Ended", "Streams that ended in the time shown.", now(ended), COUNT),
        stat(
            "Completed",
            "Share of the streams that ended which reached the protocol's end.",
            now(f"{complete} / ({ended} > 0)"),
            SHARE,
            empty="no stream ended",
        ),
        stat(
            "First content, p95",
            "19 of 20 streams had their first content within this time.",
            now(first),
            SECONDS,
            empty="no content",
        ),
    ]


def _ends() -> list[Panel]:
    by_outcome = rate(semconv.ENDED, ("outcome",), *_here(semconv.ENDED))
    active = f"sum by (route, stage) ({series(semconv.ACTIVE, *_here(semconv.ACTIVE))})"
    return [
        timeseries(
            "Outcomes",
            "Streams a second by how they ended. `incomplete`: the protocol's end never came. `disconnected`: the "
            "client left. `failed`: an exception or an error event.",
            [graph(by_outcome, "{{outcome}}", exemplars=True)],
            PER_SECOND,
            stacked=True,
        ),
        timeseries(
            "Open streams",
            "By route and stage.",
            [graph(active, "{{route}} {{stage}}")],
            COUNT,
            empty="No open streams",
        ),
    ]


def _beginnings() -> list[Panel]:
    return [
        _quantiles("First event", "From the request to the first event or comment; heartbeats count.", semconv.TTFE),
        _quantiles("First content", "From the request to the first content: what a reader waits for.", semconv.TTFC),
        _quantiles("Duration", "From the request to the stream's end.", semconv.DURATION),
        _quantiles("Interval between chunks", "Time between two neighbouring chunks, sampled.", semconv.INTERVAL),
    ]


def _quantiles(title: str, description: str, metric: Metric) -> Panel:
    targets = [
        graph(quantile(share, metric, (), *_here(metric)), f"p{share * 100:g}", exemplars=share == max(QUANTILES))
        for share in QUANTILES
    ]
    return timeseries(title, description, targets, SECONDS)


def _flow() -> list[Panel]:
    intervals = increase(
        semconv.INTERVAL, ("le",), *_here(semconv.INTERVAL), window="$__rate_interval", suffix="_bucket"
    )
    chunks = rate(semconv.CHUNKS, ("stage",), *shown(semconv.CHUNKS, stage=".*"))
    size = rate(semconv.IO, ("stage",), *shown(semconv.IO, stage=".*"))
    return [
        row("How evenly they flow"),
        heatmap(
            "Intervals between chunks",
            "How many intervals were how long. A band that climbs is a model that slows down; a second band far above "
            "is a buffer that lets chunks out in bursts.",
            heat(intervals),
            SECONDS,
        ),
        timeseries("Chunks", "Chunks a second at each stage.", [graph(chunks, "{{stage}}")], PER_SECOND),
        timeseries("Bytes", "Bytes a second at each stage.", [graph(size, "{{stage}}")], BYTES_PER_SECOND),
    ]
