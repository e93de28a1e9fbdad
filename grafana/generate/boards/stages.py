"""Stages: how long a chunk takes from one to the next, and so which of them adds what."""

from __future__ import annotations

from typing import Final

from grafana.generate.boards import choices
from grafana.generate.dashboards import dashboard
from grafana.generate.panels import PER_SECOND, SECONDS, Panel, bargauge, heatmap, row, table, timeseries
from grafana.generate.promql import RANGE, increase, mean, quantile, rate, shown
from grafana.generate.targets import Json, graph, heat, now
from otel_sse import semconv
from otel_sse.stream.stages import WS_RECEIVE, WS_SEND

EDGE: Final = ("from", "to")
LEGEND: Final = "{{from}} → {{to}}"

POLICY: Final = ('from=~"policy[.].+[.]in"', 'to=~"policy[.].+[.]out"')
"""The two sides of a policy are two stages, so what it takes is the way between them."""

HOP: Final = (f'from="{WS_SEND}"', f'to="{WS_RECEIVE}"')
NO_POLICY: Final = "No policy is observed: otel_sse.policy makes one a stage"
NO_HOP: Final = "No WebSocket hop is observed on both ends"


def build() -> Json:
    """Return the dashboard."""
    return dashboard(
        "otel-sse-stages",
        "Stages",
        "How long a chunk takes between two neighbouring stages: what is slow is the way into the stage with the "
        "longest bar. The stage that is chosen is the one where the way ends.",
        choices.metrics(),
        [row("What each stage adds"), *_edges(), row("Policies and hops"), *_policies(), row("What passes"), *_flow()],
    )


def _edges() -> list[Panel]:
    chosen = shown(semconv.LATENCY)
    slow = quantile(0.95, semconv.LATENCY, EDGE, *chosen)
    return [
        bargauge(
            "Mean time between neighbours",
            "Mean time of a chunk from one stage to the next, in the time shown.",
            [now(mean(semconv.LATENCY, EDGE, *chosen, window=RANGE), LEGEND)],
            SECONDS,
        ),
        timeseries(
            "p95 between neighbours",
            "19 of 20 chunks were faster. A diamond opens the trace.",
            [graph(slow, LEGEND, exemplars=True)],
            SECONDS,
        ),
        _edge_table(),
        heatmap(
            "Time between neighbours",
            "How many chunks took how long, over all edges chosen.",
            heat(increase(semconv.LATENCY, ("le",), *chosen, window="$__rate_interval", suffix="_bucket")),
            SECONDS,
        ),
    ]


def _edge_table() -> Panel:
    chosen = shown(semconv.LATENCY)
    shares = (0.5, 0.95, 0.99)
    targets = [now(quantile(share, semconv.LATENCY, EDGE, *chosen, window=RANGE), table=True) for share in shares]
    names = {f"Value #{letter}": f"p{share * 100:g}" for letter, share in zip("ABC", shares, strict=True)}
    return table(
        "All edges",
        "Quantiles in the time shown.",
        targets,
        empty="No stage follows another here",
        unit=SECONDS,
        names=names,
    )


def _policies() -> list[Panel]:
    return [
        _edge("Policy time", "From a policy's input to its output: one that holds chunks back.", POLICY, NO_POLICY),
        _edge("Hop time", "From the sender's clock to the receiver's, over a WebSocket.", HOP, NO_HOP),
    ]


def _edge(title: str, description: str, where: tuple[str, ...], empty: str) -> Panel:
    chosen = (*where, 'route=~"$route"', 'job=~"$job"')
    targets = [
        graph(quantile(share, semconv.LATENCY, EDGE, *chosen), f"{LEGEND} p{share * 100:g}", exemplars=share == 0.95)
        for share in (0.5, 0.95)
    ]
    return timeseries(title, description, targets, SECONDS, empty=empty)


def _flow() -> list[Panel]:
    chunks = rate(semconv.CHUNKS, ("stage",), *shown(semconv.CHUNKS))
    stalls = rate(semconv.STALLS, ("stage", "kind"), *shown(semconv.STALLS))
    return [
        timeseries(
            "Chunks by stage",
            "Two neighbours that differ are a stage that merges, splits, drops or doubles.",
            [graph(chunks, "{{stage}}")],
            PER_SECOND,
        ),
        timeseries(
            "Stalls",
            "Waits that were too long, a second. `first_byte`: nothing came at all; `content`: no content came, "
            "whatever kept the connection.",
            [graph(stalls, "{{stage}} {{kind}}", exemplars=True)],
            PER_SECOND,
            empty="No stalls in this time",
        ),
    ]
