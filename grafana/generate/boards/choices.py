"""Variables that several dashboards have, under the same names, so that a choice goes along with a link."""

from __future__ import annotations

from grafana.generate.alerts import LAST_STAGE
from grafana.generate.dashboards import source, values
from grafana.generate.targets import Json
from otel_sse import semconv

DIRECTION: str = r"/^(.*?)(?:\.(?:in|out))?$/"
"""Takes the direction off a stage's label: in a trace it is an attribute of its own."""


def metrics() -> list[Json]:
    """Return the choice of Prometheus, job, stage and route."""
    routes = values("route", "Route", semconv.ACTIVE, "route", description="Streams without a route are under All")
    return [*processes(), routes]


def processes() -> list[Json]:
    """Return the choice of Prometheus, job and stage, for what has no route."""
    return [
        source("datasource", "prometheus", "Prometheus"),
        values("job", "Job", semconv.ACTIVE, "job"),
        values("stage", "Stage", semconv.CHUNKS, "stage"),
    ]


def measured_at() -> Json:
    """Return the choice of the one stage at which streams are counted: where they leave, at first."""
    return values(
        "at", "Measured at", semconv.ACTIVE, "stage", first=LAST_STAGE, description="Where streams are counted"
    )


def tempo() -> Json:
    """Return the choice of Tempo."""
    return source("tempo", "tempo", "Tempo")
