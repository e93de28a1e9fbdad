"""A dashboard around its panels: places, variables, links."""

from __future__ import annotations

from typing import Final

from grafana.generate.panels import Panel
from grafana.generate.targets import PROMETHEUS, Json
from otel_sse.semconv import Metric

TAG: Final = "otel-sse"
COLUMNS: Final = 24
SCHEMA_VERSION: Final = 41
"""Of Grafana 11.6; later ones bring it up to date as they read it."""

_LABEL_VALUES: Final = 1
"""Grafana's number for a variable that is a label's values."""

EXPLORER: Final = "otel-sse-explorer"
"""The dashboard that others lead to: it is named here, because it is not the one that knows them."""


def dashboard(uid: str, title: str, description: str, variables: list[Json], panels: list[Panel]) -> Json:
    """Return a dashboard as the file that Grafana reads.

    Args:
        uid: Its address: `/d/<uid>`.
        title: Its name.
        description: What question it answers.
        variables: What can be chosen at its top.
        panels: From the left to the right, row by row.
    """
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": [TAG],
        "timezone": "browser",
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "annotations": {"list": []},
        "links": [_links()],
        "templating": {"list": variables},
        "panels": _placed(panels),
    }


def _links() -> Json:
    return {
        "type": "dashboards",
        "title": "otel-sse",
        "tags": [TAG],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "The other dashboards, with the same choice and time",
        "url": "",
    }


def _placed(panels: list[Panel]) -> list[Json]:
    placed, x, y, tallest = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        place = {"h": panel.height, "w": panel.width, "x": x, "y": y}
        placed.append({"id": number, **panel.body, "gridPos": place})
        x, tallest = x + panel.width, max(tallest, panel.height)
    return placed


def source(name: str, kind: str, label: str) -> Json:
    """Return a choice of data source; the first one of its type is chosen at first."""
    return {"type": "datasource", "name": name, "label": label, "query": kind, "hide": 0, "refresh": 1, "regex": ""}


def values(
    name: str,
    label: str,
    metric: Metric,
    of: str,
    *,
    regex: str = "",
    every: str = ".*",
    first: str = "",
    description: str = "",
) -> Json:
    """Return a choice among a label's values.

    Args:
        name: The variable's name.
        label: What stands before it.
        metric: Whose label it is.
        of: The label.
        regex: Keeps a part of each value: its first group.
        every: What stands in a query where all are chosen.
        first: The value that is chosen at first; all where "".
        description: What it does.
    """
    query = f"label_values({metric.prometheus}, {of})"
    return {
        "type": "query",
        "name": name,
        "label": label,
        "description": description,
        "datasource": PROMETHEUS,
        "query": {"qryType": _LABEL_VALUES, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "regex": regex,
        "includeAll": True,
        "allValue": every,
        "multi": True,
        "current": {"text": [first or "All"], "value": [first or "$__all"]},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
    }


def typed(name: str, label: str, value: str, description: str) -> Json:
    """Return a field to type into."""
    return {
        "type": "textbox",
        "name": name,
        "label": label,
        "description": description,
        "query": value,
        "current": {"text": value, "value": value},
        "hide": 0,
    }


def to_explorer(title: str, choice: str) -> Json:
    """Return a link from a point or a row to the Stream explorer.

    Args:
        title: What the link says.
        choice: Variables in the address, e.g. `var-trace=${__value.raw}`.
    """
    return {"title": title, "url": f"/d/{EXPLORER}?{choice}&${{__url_time_range}}", "targetBlank": False}
