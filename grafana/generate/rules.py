"""The alerts as Prometheus reads them and as Grafana does."""

from __future__ import annotations

from typing import Any, Final

from grafana.generate.alerts import ALERTS, Alert
from grafana.generate.datasources import PROMETHEUS_UID
from grafana.generate.links import GRAFANA_OF_ITSELF, GRAFANA_OF_PROMETHEUS, annotated
from grafana.generate.runbook import panels

Json = dict[str, Any]

GROUP: Final = "otel-sse"
FOLDER: Final = "otel-sse"
_LABELS: Final = {"source": "otel_sse"}
_QUERY: Final = "A"
_CONDITION: Final = "B"
_EXPRESSIONS: Final = "__expr__"
"""Grafana's name for the data source that computes on other queries."""

_LOOK_BACK_S: Final = 600


def prometheus(sections: str) -> Json:
    """Return the rules for Prometheus.

    Args:
        sections: The runbook's text.
    """
    places = panels(sections)
    rules = [
        {
            "alert": alert.name,
            "expr": alert.expr,
            "for": alert.wait,
            "labels": {"severity": alert.severity, **_LABELS},
            "annotations": annotated(alert, places[alert.name], GRAFANA_OF_PROMETHEUS),
        }
        for alert in ALERTS
    ]
    return {"groups": [{"name": GROUP, "interval": "30s", "rules": rules}]}


def grafana(sections: str) -> Json:
    """Return the rules for Grafana's own alerting, likewise."""
    places = panels(sections)
    rules = [_grafana_rule(alert, places[alert.name]) for alert in ALERTS]
    return {
        "apiVersion": 1,
        "groups": [{"orgId": 1, "name": GROUP, "folder": FOLDER, "interval": "30s", "rules": rules}],
    }


def _grafana_rule(alert: Alert, panel: int) -> Json:
    return {
        "uid": alert.name.lower(),
        "title": alert.name,
        "condition": _CONDITION,
        "data": [_query(alert), _condition()],
        # The query has no answer where all is well.
        "noDataState": "OK",
        "execErrState": "Error",
        "for": alert.wait,
        "labels": {"severity": alert.severity, **_LABELS},
        "annotations": annotated(alert, panel, GRAFANA_OF_ITSELF),
    }


def _query(alert: Alert) -> Json:
    return {
        "refId": _QUERY,
        "relativeTimeRange": {"from": _LOOK_BACK_S, "to": 0},
        "datasourceUid": PROMETHEUS_UID,
        "model": {
            "refId": _QUERY,
            "datasource": {"type": "prometheus", "uid": PROMETHEUS_UID},
            "editorMode": "code",
            "expr": alert.expr,
            "instant": True,
            "range": False,
            "intervalMs": 15_000,
            "maxDataPoints": 43_200,
        },
    }


def _condition() -> Json:
    above = {
        "type": "query",
        "evaluator": {"type": "gt", "params": [0]},
        "operator": {"type": "and"},
        "query": {"params": [_QUERY]},
        "reducer": {"type": "last", "params": []},
    }
    return {
        "refId": _CONDITION,
        "relativeTimeRange": {"from": _LOOK_BACK_S, "to": 0},
        "datasourceUid": _EXPRESSIONS,
        "model": {
            "refId": _CONDITION,
            "datasource": {"type": _EXPRESSIONS, "uid": _EXPRESSIONS},
            "type": "threshold",
            "expression": _QUERY,
            "conditions": [above],
        },
    }
