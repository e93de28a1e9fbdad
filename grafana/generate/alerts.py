"""The alerts: one table, from which the rules for Prometheus and those for Grafana are made.

All rest on certain findings or on measured times. A threshold is changed here, and `make grafana` writes the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grafana.generate import traceql
from grafana.generate.promql import increase, quantile, series
from otel_sse import semconv
from otel_sse.semconv import Metric
from otel_sse.stream.stages import SOCKET_WRITE

CRITICAL: Final = "critical"
"""Readers get a wrong answer now."""

WARNING: Final = "warning"
"""Readers wait, or somebody sees less than there is."""

SLOW_FIRST_CONTENT_S: Final = 8
"""A bound of the histogram's buckets, so that no interpolation blurs the comparison."""

STALLED_SHARE: Final = 0.05
BROKEN_SHARE: Final = 0.05
STALLED_LEAST: Final = 3
BROKEN_LEAST: Final = 3
"""Fewer alert nobody, however few streams there were: one of two is half of them, and tells little."""

LAST_STAGE: Final = SOCKET_WRITE
"""What a reader waits for is measured where the chunks leave."""

NO_DATA: Final = "SSENoData"
"""The alert on metrics that are gone, which tells nothing of streams."""

_LAST: Final = f'stage="{LAST_STAGE}"'
_CERTAIN: Final = 'certainty="certain"'
_WHERE: Final = ("job", "route", "stage")
_MEMORY: Final = "1d"
"""How long a series may be away before it counts as new: a target or Prometheus itself may be down for a night."""

_GONE: Final = "1h"
"""How long a job whose metrics are gone is missed: one that was taken away on purpose is no fault for ever."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert.

    Args:
        name: Its name in both systems; a section of docs/runbook.md has the same.
        severity: `CRITICAL` or `WARNING`.
        wait: How long the condition must hold, as in `for`.
        expr: PromQL; has a value above 0 where the alert is to fire, and none elsewhere.
        summary: One line, a template over `.Labels`.
        description: What happened and what to do first, likewise.
        board: The dashboard that shows it.
        choice: Variables with which the Stream explorer finds the streams, in the form of an address, or "".
        traceql: A search for them, where the Stream explorer has none, or "".
    """

    name: str
    severity: str
    wait: str
    expr: str
    summary: str
    description: str
    board: str
    choice: str = ""
    traceql: str = ""


def happened(metric: Metric, by: tuple[str, ...], *where: str, window: str) -> str:
    """Return PromQL for how often something was counted in a window; it has no value where it was not.

    `increase` alone is 0 for a counter that is first seen above 0: a process that makes a mistake before its first
    scrape. So a series that was not there before the window counts with all that it has. Whether it was there is asked
    of its own labels and its process: an agent that is replaced brings others (`pod`), and nothing new.
    """
    counter = series(metric, *where)
    own = f"max by ({', '.join(('job', 'instance', *metric.labels))})"
    before = f"{own} (last_over_time({counter}[{_MEMORY}] offset {window}))"
    new = f"sum by ({', '.join(by)}) ({own} ({counter}) unless {before})"
    return f"({increase(metric, by, *where, window=window)} > 0)\nor\n({new} > 0)"


def _share(metric: Metric, by: tuple[str, ...], *where: str, share: float, window: str, least: int = 0) -> str:
    of = increase(semconv.ENDED, _WHERE, window=window)
    # Several kinds of one stage are each held against the streams of that stage.
    match = f"on ({', '.join(_WHERE)})" + ("" if by == _WHERE else " group_left ()")
    # `increase` extrapolates: what happened three times may be 2.9.
    enough = f" > {least - 0.5:g}" if least else ""
    return f"(\n{happened(metric, by, *where, window=window)}\n){enough}\n> {match}\n({share:g} * {of})"


_AT: Final = "at {{ .Labels.stage }}{{ with .Labels.route }} of {{ . }}{{ end }}"

ALERTS: Final = (
    Alert(
        "SSEDuplicateChunks",
        CRITICAL,
        "1m",
        happened(semconv.DUPLICATES, (*_WHERE, "kind"), _CERTAIN, window="5m"),
        f"Chunks were sent twice {_AT} ({{{{ .Labels.kind }}}})",
        "An identity or the protocol proves it. Where several stages report it, the first on the data's way did it.",
        "otel-sse-duplicates",
        choice="var-kind=duplicate/{{ .Labels.kind }}",
    ),
    Alert(
        "SSEMissingChunks",
        CRITICAL,
        "1m",
        happened(semconv.MISSING, (*_WHERE, "kind"), _CERTAIN, window="5m"),
        f"Chunks are missing {_AT} ({{{{ .Labels.kind }}}})",
        "They did not come late either. What lost them is the first stage that reports it, or lies just before it.",
        "otel-sse-duplicates",
        choice="var-kind=gap/{{ .Labels.kind }}",
    ),
    Alert(
        "SSEStalls",
        WARNING,
        "5m",
        _share(semconv.STALLS, (*_WHERE, "kind"), share=STALLED_SHARE, window="10m", least=STALLED_LEAST),
        f"More than {STALLED_SHARE * 100:g} stalls per 100 streams {_AT} ({{{{ .Labels.kind }}}})",
        "A stream may stall several times. Nothing came for longer than the threshold: `first_byte`, nothing at all; "
        "`content`, no content, whatever kept the connection.",
        "otel-sse-stages",
        choice="var-kind=stall/{{ .Labels.kind }}",
    ),
    Alert(
        "SSESlowFirstContent",
        WARNING,
        "10m",
        f"{quantile(0.95, semconv.TTFC, ('job', 'route'), _LAST, window='10m')}\n> {SLOW_FIRST_CONTENT_S}",
        f"One reader in twenty waits more than {SLOW_FIRST_CONTENT_S} s for the first content"
        "{{ with .Labels.route }} of {{ . }}{{ end }}",
        "The time from the request to the first content, p95 of ten minutes. The dashboard Stages says where it goes.",
        "otel-sse-streams",
        traceql=traceql.spans(
            traceql.span(semconv.STAGE, f'= "{LAST_STAGE}"'),
            traceql.span(semconv.STREAM_TTFC, f"> {SLOW_FIRST_CONTENT_S}"),
        ),
    ),
    Alert(
        "SSEIncompleteStreams",
        WARNING,
        "5m",
        _share(
            semconv.ENDED, _WHERE, 'outcome=~"incomplete|failed"', share=BROKEN_SHARE, window="10m", least=BROKEN_LEAST
        ),
        f"More than {BROKEN_SHARE:.0%} of streams break off {_AT}",
        "They ended without the protocol's end (`incomplete`), or by an exception or an error event (`failed`). "
        "A reader sees half an answer.",
        "otel-sse-streams",
        choice="var-least=0&var-outcome=incomplete&var-outcome=failed",
    ),
    Alert(
        "SSERecorderDrops",
        WARNING,
        "5m",
        happened(semconv.DROPPED, ("job", "stage"), window="10m"),
        "Traces lack chunks of {{ .Labels.stage }}",
        "The recorder's queue was full. The chunks were checked and counted; only the trace lacks them.",
        "otel-sse-recorder",
        traceql=traceql.spans(traceql.span(semconv.STREAM_DROPPED, "> 0")),
    ),
    Alert(
        "SSEInternalErrors",
        WARNING,
        "5m",
        happened(semconv.INTERNAL_ERRORS, ("job", "site"), window="10m"),
        "otel_sse has an error of its own ({{ .Labels.site }})",
        "The application is not affected, but what the traces say may lack something. Its log has the traceback.",
        "otel-sse-recorder",
    ),
    Alert(
        NO_DATA,
        WARNING,
        "5m",
        f"count by (job) (last_over_time({series(semconv.ACTIVE)}[{_GONE}]))\n"
        f"unless\ncount by (job) ({series(semconv.ACTIVE)})",
        "No metrics come from {{ .Labels.job }} any more",
        "The application, the collector or the scrape is gone. Until it is back, no other alert can fire for this job.",
        "otel-sse-streams",
    ),
)
"""Every alert there is."""
