"""The data sources, tied to one another: a point in a graph opens its trace, a span leads to its stage's graphs."""

from __future__ import annotations

from typing import Any, Final

from grafana.generate.dashboards import EXPLORER
from grafana.generate.promql import rate
from otel_sse import semconv
from otel_sse.semconv import Metric

Json = dict[str, Any]

PROMETHEUS_UID: Final = "prometheus"
TEMPO_UID: Final = "tempo"
JAEGER_UID: Final = "jaeger"
ALERTMANAGER_UID: Final = "alertmanager"

EXEMPLAR_LABEL: Final = "trace_id"
"""What otel_sse.prometheus and the collector call the trace in an exemplar."""

DASHBOARD_FOLDER: Final = "/etc/grafana/dashboards"
"""Where Grafana's container finds grafana/dashboards."""

_TAGS: Final = "$__tags"


def provisioning() -> Json:
    """Return the file of data sources. Grafana expands `$` in it, so each one is written `$$`."""
    return {"apiVersion": 1, "datasources": [_prometheus(), _tempo(), _jaeger(), _alertmanager()]}


def providers() -> Json:
    """Return the file that says where dashboards lie."""
    provider = {
        "name": "otel-sse",
        "orgId": 1,
        "folder": "otel-sse",
        "type": "file",
        "allowUiUpdates": False,
        "updateIntervalSeconds": 30,
        "options": {"path": DASHBOARD_FOLDER},
    }
    return {"apiVersion": 1, "providers": [provider]}


def _prometheus() -> Json:
    to_tempo = {"name": EXEMPLAR_LABEL, "datasourceUid": TEMPO_UID, "urlDisplayLabel": "Open the trace"}
    # Explore, where the first one leads, is closed to viewers; dashboards are not.
    address = f"/d/{EXPLORER}?var-trace=${{__value.raw}}".replace("$", "$$")
    to_explorer = {"name": EXEMPLAR_LABEL, "url": address, "urlDisplayLabel": "Open in the Stream explorer"}
    settings = {
        "httpMethod": "POST",
        "timeInterval": "15s",
        "alertmanagerUid": ALERTMANAGER_UID,
        "exemplarTraceIdDestinations": [to_tempo, to_explorer],
    }
    return {**_source("Prometheus", PROMETHEUS_UID, "http://prometheus:9090", settings), "isDefault": True}


def _tempo() -> Json:
    to_metrics = {
        "datasourceUid": PROMETHEUS_UID,
        "spanStartTimeShift": "-10m",
        "spanEndTimeShift": "10m",
        "tags": [{"key": semconv.STAGE, "value": "stage"}, {"key": semconv.HTTP_ROUTE, "value": "route"}],
        "queries": [
            _of_span("Duplicates at this stage", semconv.DUPLICATES, "kind"),
            _of_span("Gaps at this stage", semconv.MISSING, "kind"),
            _of_span("Chunks at this stage", semconv.CHUNKS, "stage"),
            _of_span("Outcomes at this stage", semconv.ENDED, "outcome"),
        ],
    }
    settings = {"tracesToMetrics": to_metrics, "nodeGraph": {"enabled": True}, "search": {"hide": False}}
    return _source("Tempo", TEMPO_UID, "http://tempo:3200", settings)


def _of_span(name: str, metric: Metric, by: str) -> Json:
    query = rate(metric, (by,), window="5m").replace(metric.prometheus, f"{metric.prometheus}{{{_TAGS}}}")
    return {"name": name, "query": query.replace("$", "$$")}


def _jaeger() -> Json:
    return _source("Jaeger", JAEGER_UID, "http://jaeger:16686", {"nodeGraph": {"enabled": True}})


def _alertmanager() -> Json:
    settings = {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}
    return _source("Alertmanager", ALERTMANAGER_UID, "http://alertmanager:9093", settings)


def _source(name: str, uid: str, url: str, settings: Json) -> Json:
    return {
        "name": name,
        "uid": uid,
        "type": uid,
        "access": "proxy",
        "url": url,
        "editable": False,
        "jsonData": settings,
    }
