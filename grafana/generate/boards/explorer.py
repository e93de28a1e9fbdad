"""Stream explorer: find a stream by what is wrong with it, and look at its trace."""

from __future__ import annotations

from typing import Final

from grafana.generate import traceql
from grafana.generate.boards import choices
from grafana.generate.dashboards import EXPLORER, dashboard, source, to_explorer, typed, values
from grafana.generate.panels import Panel, row, span_table, text, traces
from grafana.generate.targets import Json, jaeger_search, search, trace
from otel_sse import semconv

ANY_ROUTE: Final = f'.*" || span.{semconv.STAGE} != "'
"""Stands for all routes in `span.http.route =~ "$route"`, and takes in the streams that have none: Quart, Django and
plain applications say no route, and a comparison with what is missing is never true."""

_COLUMNS: Final = (
    semconv.STAGE, semconv.HTTP_ROUTE, semconv.STREAM_ID, semconv.STREAM_DUPLICATES, semconv.STREAM_GAPS,
    semconv.STREAM_FINDINGS, semconv.STREAM_OUTCOME,
)  # fmt: skip

_OPEN: Final = to_explorer("Show its trace below", "var-trace=${__data.fields.traceIdHidden}")

_INTRO: Final = f"""\
Choose a kind of finding, a stage, a route or a least number of duplicates; click a span's id, and its trace stands at
the bottom of this page. Each chunk is an event `{semconv.CHUNK_EVENT}` on its stage's span, each finding an event
`{semconv.FINDING_EVENT}`. `otel-sse diagnose` reads the same trace and says in words which stage did it."""


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        EXPLORER,
        "Stream explorer",
        "Find a stream by what is wrong with it, in Tempo or in Jaeger, and look at its trace.",
        _variables(),
        [
            text("How to use it", _INTRO, height=3),
            row("Tempo"),
            *_tempo(),
            row("Jaeger"),
            _jaeger(),
            row("The trace"),
            _trace(),
        ],
    )


def _variables() -> list[Json]:
    return [
        source("datasource", "prometheus", "Prometheus"),
        choices.tempo(),
        source("jaeger", "jaeger", "Jaeger"),
        values("route", "Route", semconv.ACTIVE, "route", every=ANY_ROUTE, description="Of streams with duplicates"),
        values("stage", "Stage", semconv.CHUNKS, "stage", regex=choices.DIRECTION),
        values("kind", "Kind", semconv.FINDINGS, "kind", description="Of findings"),
        values("outcome", "Outcome", semconv.ENDED, "outcome", every=".+", description="Of streams that ended"),
        typed("least", "Least duplicates", "1", "How many duplicates a stream must have"),
        typed("service", "Service (Jaeger)", "chat", "Jaeger searches one service; its name as in service.name"),
        typed("trace", "Trace", "", "A trace id; a click on a span's id fills it in"),
    ]


def _tempo() -> list[Panel]:
    stage = traceql.span(semconv.STAGE, '=~ "$stage"')
    route = traceql.span(semconv.HTTP_ROUTE, '=~ "$route"')
    found = traceql.spans(traceql.event(semconv.FINDING_KIND, '=~ "$kind"'), stage, f"({route})", show=_COLUMNS)
    # The last segment alone says how the stream ended, so each stream is found once a stage.
    counted = traceql.spans(
        traceql.span(semconv.STREAM_DUPLICATES, ">= $least"),
        stage,
        traceql.span(semconv.STREAM_OUTCOME, '=~ "$outcome"'),
        f"({route})",
        show=_COLUMNS,
    )
    return [
        span_table(
            "Streams with findings",
            "Of the kind, stage and route chosen; streams that still run, too.",
            search(found),
            empty="No stream with such a finding in this time",
            open_trace=_OPEN,
        ),
        span_table(
            "Streams with duplicates, or of an outcome",
            "Streams that ended, with the least number of duplicates, the outcome, the stage and the route chosen.",
            search(counted),
            empty="No such stream in this time",
            open_trace=_OPEN,
        ),
    ]


def _jaeger() -> Panel:
    found = jaeger_search("$service", f"{semconv.CHUNK_DUPLICATE}=true")
    return span_table(
        "Traces with duplicates",
        "Jaeger finds an event by its attribute: traces of the service in which a chunk is marked as a duplicate.",
        found,
        empty="No such trace in this time, or no service of this name",
        open_trace=to_explorer("Show its trace below", "var-trace=${__data.fields.traceID}"),
        column="traceID",
    )


def _trace() -> Panel:
    return traces("Trace", "The trace chosen above, from Tempo.", trace("$trace"))
