"""Panels in Grafana's classic dashboard model. Each says in words what it shows, and what it means that it is empty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from grafana.generate.targets import PROMETHEUS, TEMPO, Json

NONE_SHOWN: Final = "No streams in this time"
"""What an empty panel says where nothing was measured."""

SECONDS: Final = "s"
PER_SECOND: Final = "cps"
BYTES_PER_SECOND: Final = "Bps"
SHARE: Final = "percentunit"
COUNT: Final = "short"

GOOD: Final = "green"
BAD: Final = "red"
ANY: Final = 0.001
"""From here on a count is not 0."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel without its place: `dashboards.dashboard` puts it there.

    Args:
        body: The panel as Grafana reads it, without `id` and `gridPos`.
        width: In Grafana's columns, of which 24 fill a row.
        height: In Grafana's rows of 30 pixels.
    """

    body: Json
    width: int = 12
    height: int = 8


def timeseries(
    title: str,
    description: str,
    targets: list[Json],
    unit: str,
    *,
    empty: str = NONE_SHOWN,
    stacked: bool = False,
    bars: bool = False,
    links: list[Json] | None = None,
    width: int = 12,
    most: float | None = None,
) -> Panel:
    """Return a graph over time."""
    style = {
        "drawStyle": "bars" if bars else "line",
        "lineWidth": 1,
        "fillOpacity": 60 if bars else 10 if stacked else 0,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    defaults: Json = {"unit": unit, "noValue": empty, "min": 0, "custom": style, "links": links or []}
    if most is not None:
        defaults["max"] = most
    options = {
        "legend": {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": ["mean", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return Panel(_panel("timeseries", title, description, targets, defaults, options), width)


def stat(
    title: str, description: str, target: Json, unit: str, *, empty: str = "none counted", bad_from: float = 0
) -> Panel:
    """Return one big number; red from `bad_from` on, where that is not 0. Where nothing is known it says no number."""
    steps: list[Json] = [{"color": GOOD if bad_from else "text", "value": None}]
    if bad_from:
        steps.append({"color": BAD, "value": bad_from})
    thresholds = {"mode": "absolute", "steps": steps}
    defaults = {**_measured(unit, empty), "thresholds": thresholds, "color": {"mode": "thresholds"}}
    options = {
        "reduceOptions": _last(),
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
    }
    return Panel(_panel("stat", title, description, [target], defaults, options), 6, 4)


def heatmap(title: str, description: str, target: Json, unit: str, *, width: int = 24) -> Panel:
    """Return a heat map of a histogram's buckets."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "fill": "dark-orange",
            "scale": "exponential",
            "exponent": 0.5,
            "steps": 64,
            "reverse": False,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "yAxis": {"unit": unit, "axisPlacement": "left", "reverse": False},
    }
    return Panel(_panel("heatmap", title, description, [target], {"noValue": NONE_SHOWN}, options), width, 9)


def bargauge(title: str, description: str, targets: list[Json], unit: str, *, width: int = 12) -> Panel:
    """Return horizontal bars, one a series."""
    options = {
        "reduceOptions": _last(),
        "displayMode": "gradient",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
        "namePlacement": "auto",
        "sizing": "auto",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 300,
    }
    defaults = {**_measured(unit, NONE_SHOWN), "min": 0, "color": {"mode": "continuous-GrYlRd"}}
    return Panel(_panel("bargauge", title, description, targets, defaults, options), width)


def table(
    title: str,
    description: str,
    targets: list[Json],
    *,
    empty: str,
    unit: str = COUNT,
    names: dict[str, str] | None = None,
    hidden: tuple[str, ...] = ("Time",),
    width: int = 24,
) -> Panel:
    """Return a table of the last values of series.

    Args:
        title: What stands above it.
        description: What it shows.
        targets: Queries in the format `table`; several are joined by their labels.
        empty: What it says where there is nothing.
        unit: Of the values.
        names: What columns are called, by their own name.
        hidden: Columns that are left out.
        width: In Grafana's columns.
    """
    columns = {"excludeByName": dict.fromkeys(hidden, True), "indexByName": {}, "renameByName": names or {}}
    steps: list[Json] = [{"id": "merge", "options": {}}, {"id": "organize", "options": columns}]
    return Panel(_table(title, description, targets, _measured(unit, empty), [], steps), width)


def span_table(
    title: str, description: str, target: Json, *, empty: str, open_trace: Json, column: str = "spanID"
) -> Panel:
    """Return a table of what a search found, whose ids lead to their traces.

    Args:
        title: What stands above it.
        description: What it shows.
        target: The search.
        empty: What it says where nothing was found.
        open_trace: The link to a trace.
        column: The column that has the link: Tempo's searches have `spanID`, Jaeger's `traceID`.
    """
    link = {
        "matcher": {"id": "byName", "options": column},
        "properties": [{"id": "links", "value": [open_trace]}],
    }
    body = _table(title, description, [target], {"noValue": empty}, [link], [])
    body["datasource"] = target["datasource"]
    return Panel(body, 24)


def traces(title: str, description: str, target: Json) -> Panel:
    """Return the view of one trace."""
    body = _panel("traces", title, description, [target], {"noValue": "No trace is chosen"}, {})
    body["datasource"] = TEMPO
    return Panel(body, 24, 16)


def text(title: str, markdown: str, *, width: int = 24, height: int = 4) -> Panel:
    """Return a panel of words."""
    return Panel({"type": "text", "title": title, "options": {"mode": "markdown", "content": markdown}}, width, height)


def row(title: str) -> Panel:
    """Return a heading."""
    return Panel({"type": "row", "title": title, "collapsed": False, "panels": []}, 24, 1)


def _panel(kind: str, title: str, description: str, targets: list[Json], defaults: Json, options: Json) -> Json:
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": PROMETHEUS,
        "targets": [{"refId": chr(ord("A") + index), **target} for index, target in enumerate(targets)],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
    }


def _table(
    title: str, description: str, targets: list[Json], defaults: Json, overrides: list[Json], steps: list[Json]
) -> Json:
    options = {"showHeader": True, "cellHeight": "sm", "sortBy": []}
    body = _panel("table", title, description, targets, defaults, options)
    body["fieldConfig"]["overrides"] = overrides
    body["transformations"] = steps
    return body


def _measured(unit: str, empty: str) -> Json:
    # Prometheus estimates how much a counter grew between two scrapes, so that a count has decimals that mean nothing.
    return {"unit": unit, "noValue": empty, **({"decimals": 0} if unit == COUNT else {})}


def _last() -> dict[str, Any]:
    return {"calcs": ["lastNotNull"], "fields": "", "values": False}
