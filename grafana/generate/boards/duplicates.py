"""Duplicates and gaps: what was sent twice or lost, where, how sure that is, and which streams they were."""

from __future__ import annotations

from typing import Final

from grafana.generate import traceql
from grafana.generate.boards import choices
from grafana.generate.dashboards import dashboard, to_explorer, values
from grafana.generate.panels import (
    ANY,
    COUNT,
    PER_SECOND,
    SHARE,
    Panel,
    bargauge,
    row,
    span_table,
    stat,
    table,
    timeseries,
)
from grafana.generate.promql import increase, rate, shown
from grafana.generate.targets import Json, graph, now, search
from otel_sse import semconv
from otel_sse.semconv import Metric

CERTAIN: Final = 'certainty="certain"'
SUSPECTED: Final = 'certainty="suspected"'
FAULT: Final = ("stage", "kind", "certainty")
LEGEND: Final = "{{stage}} {{kind}} {{certainty}}"
NONE: Final = "None in this time"

_CHOSEN: Final = 'kind=~"$kind"'
_COLUMNS: Final = (
    semconv.STAGE, semconv.HTTP_ROUTE, semconv.STREAM_DUPLICATES, semconv.STREAM_GAPS, semconv.STREAM_OUTCOME,
)  # fmt: skip


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        "otel-sse-duplicates",
        "Duplicates and gaps",
        "What was sent twice or lost: at which stage, of what kind, and how sure that is. A certain finding is proven "
        "by an identity, a number or the protocol; a suspected one by its content alone.",
        [
            *choices.metrics(),
            values("kind", "Kind", semconv.DUPLICATES, "kind", description="Of duplicates"),
            choices.tempo(),
        ],
        [*_numbers(), row("Duplicates"), *_duplicates(), row("Gaps and other findings"), *_others(), *_streams()],
    )


def _numbers() -> list[Panel]:
    certain = increase(semconv.DUPLICATES, (), *shown(semconv.DUPLICATES, CERTAIN, _CHOSEN))
    suspected = increase(semconv.DUPLICATES, (), *shown(semconv.DUPLICATES, SUSPECTED, _CHOSEN))
    chunks = increase(semconv.CHUNKS, (), *shown(semconv.CHUNKS))
    missing = increase(semconv.MISSING, (), *shown(semconv.MISSING, CERTAIN))
    return [
        stat("Certain duplicates", "Chunks proven to be sent twice.", now(certain), COUNT, bad_from=ANY),
        stat(
            "Share of all chunks",
            "Certain duplicates among all chunks at the stages chosen.",
            now(f"{certain} / ({chunks} > 0)"),
            SHARE,
            empty="no chunks",
        ),
        stat("Certain gaps", "Chunks proven to be missing.", now(missing), COUNT, bad_from=ANY),
        stat("Suspected duplicates", "Chunks that only look like it.", now(suspected), COUNT),
    ]


def _duplicates() -> list[Panel]:
    chosen = shown(semconv.DUPLICATES, _CHOSEN)
    explore = to_explorer("Streams with these", "var-kind=duplicate/${__field.labels.kind}")
    by_route = rate(semconv.DUPLICATES, ("route",), *chosen)
    chunks = rate(semconv.CHUNKS, ("stage", "route"), *shown(semconv.CHUNKS))
    share = f"{rate(semconv.DUPLICATES, ('stage', 'route'), *chosen)} / ({chunks} > 0)"
    return [
        timeseries(
            "Duplicates by stage, kind and certainty",
            "Duplicate chunks a second. The first stage of the data's way that has them is the one that made them. A "
            "diamond opens the trace.",
            [graph(rate(semconv.DUPLICATES, FAULT, *chosen), LEGEND, exemplars=True)],
            PER_SECOND,
            empty=NONE,
            links=[explore],
            width=24,
        ),
        timeseries(
            "Duplicates by route",
            "Duplicate chunks a second.",
            [graph(by_route, "{{route}}", exemplars=True)],
            PER_SECOND,
            empty=NONE,
        ),
        timeseries(
            "Share of duplicates",
            "Duplicates among the chunks of a stage and route. One half means that everything was sent twice.",
            [graph(share, "{{route}} {{stage}}")],
            SHARE,
        ),
        table(
            "Duplicates in the time shown",
            "Chunks by stage, kind, certainty and route.",
            [now(f"{increase(semconv.DUPLICATES, (*FAULT, 'route'), *chosen)} > 0", table=True)],
            empty="No duplicates in this time",
            names={"Value": "Chunks"},
        ),
    ]


def _others() -> list[Panel]:
    kinds = increase(semconv.FINDINGS, ("kind", "certainty"), *shown(semconv.FINDINGS))
    return [
        _rates("Gaps", "Missing chunks a second, at the stage that noticed.", semconv.MISSING),
        _rates("Findings", "Findings of every kind a second.", semconv.FINDINGS),
        bargauge(
            "Findings by kind",
            "How many in the time shown.",
            [now(f"{kinds} > 0", "{{kind}} {{certainty}}")],
            COUNT,
            width=24,
        ),
    ]


def _rates(title: str, description: str, metric: Metric) -> Panel:
    return timeseries(
        title, description, [graph(rate(metric, FAULT, *shown(metric)), LEGEND, exemplars=True)], PER_SECOND, empty=NONE
    )


def _streams() -> list[Panel]:
    return [
        row("Which streams"),
        _offending("Streams with duplicates", semconv.STREAM_DUPLICATES),
        _offending("Streams with gaps", semconv.STREAM_GAPS),
    ]


def _offending(title: str, attribute: str) -> Panel:
    query = traceql.spans(
        traceql.span(attribute, "> 0"), traceql.span(semconv.STREAM_OUTCOME, '=~ ".+"'), show=_COLUMNS
    )
    return span_table(
        title,
        "The latest streams that ended with them, from Tempo, one line for each stage that saw them. Of all routes and "
        "stages: the Stream explorer has a choice.",
        search(query),
        empty=f"{title}: none in this time",
        open_trace=to_explorer("Open in the Stream explorer", "var-trace=${__data.fields.traceIdHidden}"),
    )
