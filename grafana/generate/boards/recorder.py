"""Recorder health: whether what is seen is all there is."""

from __future__ import annotations

from grafana.generate.boards import choices
from grafana.generate.dashboards import dashboard
from grafana.generate.panels import ANY, COUNT, PER_SECOND, SHARE, Panel, row, stat, timeseries
from grafana.generate.promql import increase, rate, series, shown
from grafana.generate.targets import Json, graph, now
from otel_sse import limits, semconv


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        "otel-sse-recorder",
        "Recorder health",
        "Whether what the traces show is all there was. Detection and metrics never depend on the recorder: a chunk "
        "that it drops is checked and counted, and only missing in the trace.",
        choices.processes(),
        [*_numbers(), row("Chunks that the trace lacks"), *_dropped(), row("otel_sse itself"), *_internal()],
    )


def _numbers() -> list[Panel]:
    dropped = increase(semconv.DROPPED, (), *shown(semconv.DROPPED))
    chunks = increase(semconv.CHUNKS, (), 'stage=~"$stage"', 'job=~"$job"')
    queued = f"sum({series(semconv.QUEUED, *shown(semconv.QUEUED))})"
    errors = increase(semconv.INTERNAL_ERRORS, (), 'job=~"$job"')
    return [
        stat("Dropped chunks", "Left out of the trace, because the queue was full.", now(dropped), COUNT, bad_from=ANY),
        stat(
            "Share recorded",
            "Chunks that were not dropped, among all.",
            now(f"1 - {dropped} / ({chunks} > 0)"),
            SHARE,
            empty="no chunks",
        ),
        stat("Waiting", "Chunks that waited when the recorder last looked.", now(queued), COUNT),
        stat("Internal errors", "Errors inside otel_sse; never the application's.", now(errors), COUNT, bad_from=ANY),
    ]


def _dropped() -> list[Panel]:
    dropped = rate(semconv.DROPPED, ("stage", "instance"), *shown(semconv.DROPPED))
    queued = f"sum by (stage, instance) ({series(semconv.QUEUED, *shown(semconv.QUEUED))})"
    return [
        timeseries(
            "Dropped",
            "Chunks a second that the full queue pushed out, by stage and instance.",
            [graph(dropped, "{{instance}} {{stage}}", exemplars=True)],
            PER_SECOND,
            empty="None dropped",
        ),
        timeseries(
            "Queue",
            f"Chunks that waited when the recorder last looked, over all open streams. One stage of one stream holds "
            f"{limits.MAX_QUEUED_CHUNKS:,} at most (`queue_size`); the oldest go first.",
            [graph(queued, "{{instance}} {{stage}}")],
            COUNT,
            empty="No open streams",
        ),
    ]


def _internal() -> list[Panel]:
    errors = rate(semconv.INTERNAL_ERRORS, ("site", "instance"), 'job=~"$job"')
    chunks = rate(semconv.CHUNKS, ("instance",), 'stage=~"$stage"', 'job=~"$job"')
    return [
        timeseries(
            "Internal errors",
            "A second, by where in otel_sse they happened. The application's log has the traceback, once a place.",
            [graph(errors, "{{instance}} {{site}}")],
            PER_SECOND,
            empty="None",
        ),
        timeseries(
            "Chunks handled",
            "Chunks a second and instance, at all stages chosen: the recorder's work.",
            [graph(chunks, "{{instance}}")],
            PER_SECOND,
        ),
    ]
