"""Where an alert leads to: the traces, a dashboard, the runbook. Templates that Prometheus and Grafana both read.

They say `.Labels` and not `$labels`: Grafana may take a `$` in a provisioned file for a variable of the environment.
"""

from __future__ import annotations

import json
from typing import Final
from urllib.parse import quote, urlencode

from grafana.generate.alerts import Alert
from grafana.generate.dashboards import EXPLORER
from grafana.generate.datasources import TEMPO_UID

GRAFANA_OF_PROMETHEUS: Final = '{{ or .ExternalLabels.grafana "http://localhost:3000" }}'
"""Grafana's address in an alert of Prometheus: its external label `grafana`, where there is one."""

GRAFANA_OF_ITSELF: Final = '{{ reReplaceAll "/+\\\\z" "" externalURL }}'
"""Grafana's address in an alert of its own."""

RUNBOOK: Final = "otel-sse-runbook"

_STAGE: Final = '&var-stage={{ reReplaceAll "[.](in|out)\\\\z" "" .Labels.stage | urlquery }}'
"""In a trace the stage has no direction: that is another attribute."""

_ROUTE: Final = "{{ with .Labels.route }}&var-route={{ . | urlquery }}{{ end }}"


def annotated(alert: Alert, panel: int, grafana: str) -> dict[str, str]:
    """Return an alert's summary, description and runbook link.

    Args:
        alert: The alert.
        panel: Number of its section in the runbook's dashboard.
        grafana: Template of Grafana's address.
    """
    lines = [alert.description, *_traces(alert, grafana), f"Dashboard: {grafana}/d/{alert.board}"]
    return {
        "summary": alert.summary,
        "description": "\n".join(lines),
        "runbook_url": f"{grafana}/d/{RUNBOOK}?viewPanel={panel}",
    }


def _traces(alert: Alert, grafana: str) -> list[str]:
    if alert.choice:
        return [f"Traces: {grafana}/d/{EXPLORER}?{alert.choice}{_STAGE}{_ROUTE}"]
    if alert.traceql:
        return [f"Traces, in TraceQL: {alert.traceql}", f"Traces: {grafana}/explore?{_explore(alert.traceql)}"]
    return []


def _explore(query: str) -> str:
    """Return the part of an address that opens Grafana's Explore with a TraceQL search over the last hour."""
    source = {"type": "tempo", "uid": TEMPO_UID}
    search = {"refId": "A", "datasource": source, "queryType": "traceql", "query": query}
    pane = {"datasource": TEMPO_UID, "queries": [search], "range": {"from": "now-1h", "to": "now"}}
    return urlencode({"schemaVersion": 1, "orgId": 1, "panes": json.dumps({"traces": pane})}, quote_via=quote)
