"""What a panel asks of a data source."""

from __future__ import annotations

from typing import Any, Final

Json = dict[str, Any]

PROMETHEUS: Final = {"type": "prometheus", "uid": "${datasource}"}
TEMPO: Final = {"type": "tempo", "uid": "${tempo}"}
JAEGER: Final = {"type": "jaeger", "uid": "${jaeger}"}

_ROWS: Final = 20


def graph(expr: str, legend: str = "__auto", *, exemplars: bool = False) -> Json:
    """Return a PromQL query over the time shown.

    Args:
        expr: The query.
        legend: How each series is named.
        exemplars: Whether to ask for exemplars too; each is a point that opens its trace.
    """
    return _prometheus(expr, legendFormat=legend, range=True, instant=False, exemplar=exemplars)


def heat(expr: str) -> Json:
    """Return a PromQL query for the buckets of a heat map."""
    return _prometheus(expr, legendFormat="{{le}}", range=True, instant=False, exemplar=True, format="heatmap")


def now(expr: str, legend: str = "__auto", *, table: bool = False) -> Json:
    """Return a PromQL query for the end of the time shown: one value a series."""
    shape = {"format": "table"} if table else {}
    return _prometheus(expr, legendFormat=legend, range=False, instant=True, exemplar=False, **shape)


def search(query: str) -> Json:
    """Return a TraceQL search whose answer is a table of spans."""
    return {
        "datasource": TEMPO,
        "queryType": "traceql",
        "query": query,
        "tableType": "spans",
        "limit": _ROWS,
        "spss": 10,
        "filters": [],
    }


def trace(trace_id: str) -> Json:
    """Return a query for one trace."""
    return {"datasource": TEMPO, "queryType": "traceql", "query": trace_id, "filters": []}


def jaeger_search(service: str, tags: str) -> Json:
    """Return a search of Jaeger's by service and tags (`key=value key=value`)."""
    return {"datasource": JAEGER, "queryType": "search", "service": service, "tags": tags, "limit": _ROWS}


def _prometheus(expr: str, **settings: Any) -> Json:
    return {"datasource": PROMETHEUS, "editorMode": "code", "expr": expr, **settings}
