"""The dashboards: fields that Grafana knows, data sources and names that exist, and what a reader of them needs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from otel_sse import semconv
from tests.grafana.committed import Target, boards, panels, read, rules, targets

SAMPLES = {
    name: metric
    for metric in semconv.METRICS
    for name in (
        [f"{metric.prometheus}{suffix}" for suffix in ("_bucket", "_sum", "_count")]
        if metric.kind == "histogram"
        else [metric.prometheus]
    )
}
"""Every name of a sample that a query may read."""

FIVE = {
    "otel-sse-streams": "Streams",
    "otel-sse-duplicates": "Duplicates and gaps",
    "otel-sse-stages": "Stages",
    "otel-sse-explorer": "Stream explorer",
    "otel-sse-recorder": "Recorder health",
    "otel-sse-runbook": "Runbook",
}
SELECTOR = re.compile(r"\b(sse_\w+)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"\b(?:by|on) \(([^)]*)\)")
LABEL = re.compile(r'(\w+)(?:=~|!~|!=|=)"')
ADDED_LABELS = {"job", "instance", "le", "alertname", "alertstate"}
GRAFANA_VARIABLES = {"__rate_interval", "__range", "__url_time_range", "__data", "__field", "__value"}
UNKNOWN_TO_THE_SDK = {"jaeger"}
"""Data sources for whose queries the SDK has no model."""


def test_all_dashboards_are_there() -> None:
    """The five that answer a question each, and the runbook."""
    assert {uid: board["title"] for uid, board in boards().items()} == FIVE


@pytest.mark.parametrize("uid", FIVE)
def test_grafanas_own_model_knows_every_field(uid: str) -> None:
    """Read and written again by Grafana's SDK for 11.6, which keeps what it knows, a dashboard has lost nothing."""
    assert list(lost(boards()[uid], round_trip(boards()[uid]))) == []


@pytest.mark.parametrize("place", ["board", "panel", "options", "custom", "target", "variable"])
def test_a_field_that_grafana_does_not_know_is_told(place: str) -> None:
    """The check can fail: a misspelt field is lost on the way."""
    board = boards()["otel-sse-streams"]
    panel = next(panel for panel in board["panels"] if panel["type"] == "timeseries")
    places = {
        "board": board,
        "panel": panel,
        "options": panel["options"]["legend"],
        "custom": panel["fieldConfig"]["defaults"]["custom"],
        "target": panel["targets"][0],
        "variable": board["templating"]["list"][1],
    }
    places[place]["lineWidht"] = 1
    (found,) = lost(board, round_trip(board))
    assert found.endswith("lineWidht")


def round_trip(board: Any) -> Any:
    """A dashboard as Grafana's SDK understands it."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    return json.loads(JSONEncoder().encode(Dashboard.from_json(json.loads(json.dumps(board)))))


def lost(written: Any, understood: Any, where: str = "") -> Iterator[str]:
    """Where something stands that was not understood, or understood otherwise."""
    if isinstance(written, dict) and isinstance(understood, dict):
        if written.get("datasource", {}).get("type") in UNKNOWN_TO_THE_SDK and "refId" in written:
            return
        for key, value in written.items():
            if key in understood:
                yield from lost(value, understood[key], f"{where}.{key}")
            elif value not in (None, {}, []):
                yield f"{where}.{key}"
    elif isinstance(written, list) and isinstance(understood, list) and len(written) == len(understood):
        for index, (one, other) in enumerate(zip(written, understood, strict=True)):
            yield from lost(one, other, f"{where}[{index}]")
    elif written != understood:
        yield where


@pytest.mark.parametrize("target", targets(), ids=str)
def test_every_target_asks_a_data_source_that_exists(target: Target) -> None:
    """Its type is one that is provisioned, and the variable that chooses it stands on the dashboard."""
    provisioned = {source["type"] for source in read("provisioning/datasources/otel-sse.yaml")["datasources"]}
    assert target.source in provisioned
    variables = boards()[target.board]["templating"]["list"]
    assert target.source in {one["query"] for one in variables if one["type"] == "datasource"}


@pytest.mark.parametrize("expr", [*(target.query for target in targets("prometheus")), *(r["expr"] for r in rules())])
def test_every_expression_reads_metrics_and_labels_that_exist(expr: str) -> None:
    """Names in PromQL are in semconv's tables, and labels belong to the metric that they are asked of."""
    assert unknown(expr) == []


def test_names_that_do_not_exist_are_told() -> None:
    """The check can fail."""
    assert unknown("rate(sse_chunk_total[5m])") == ["sse_chunk_total"]
    assert unknown("rate(sse_stream_duration_seconds[5m])") == ["sse_stream_duration_seconds"]
    assert unknown('rate(sse_chunks_total{kind="x"}[5m])') == ["sse_chunks_total.kind"]
    assert unknown("sum by (outcome) (sse_chunks_total)") == ["outcome"]


def unknown(expr: str) -> list[str]:
    """Names in a query that no metric has."""
    found: list[str] = []
    read: set[str] = set(ADDED_LABELS)
    for name, where in SELECTOR.findall(expr):
        if name not in SAMPLES:
            found.append(name)
            continue
        labels = {*SAMPLES[name].labels, *ADDED_LABELS}
        read |= labels
        found += [f"{name}.{label}" for label in LABEL.findall(where) if label not in labels]
    if not found:
        grouped = {label.strip() for labels in GROUPED.findall(expr) for label in labels.split(",")}
        found += sorted(grouped - read)
    return found


@pytest.mark.parametrize("target", targets("tempo"), ids=str)
def test_every_search_reads_attributes_that_exist_where_they_stand(target: Target) -> None:
    """Names in TraceQL are in semconv's tables; at most one is an event's, and none is selected."""
    of_events = {row.name for row in semconv.ATTRIBUTES if row.on.startswith("event ")}
    of_spans = {row.name for row in semconv.ATTRIBUTES} - of_events
    names = re.findall(r"\b(span|event)\.([a-z_.]+[a-z])", target.query)
    assert all(name in (of_spans if scope == "span" else of_events) for scope, name in names)
    assert [scope for scope, _ in names].count("event") <= 1
    assert "event." not in target.query.partition("|")[2]
    assert "count()" not in target.query


@pytest.mark.parametrize("uid", FIVE)
def test_every_variable_that_is_used_is_there(uid: str) -> None:
    """What stands behind a `$` is a variable of the dashboard or of Grafana's own; all but the links' are used."""
    board = boards()[uid]
    names = {variable["name"] for variable in board["templating"]["list"]}
    text = json.dumps(board["panels"]) + json.dumps([one.get("datasource") for one in board["templating"]["list"]])
    used = set(re.findall(r"\$\{?(\w+)", text))
    assert used - names - GRAFANA_VARIABLES == set()
    assert names - used == set()


@pytest.mark.parametrize("uid", FIVE)
def test_panels_have_numbers_of_their_own_and_places_that_do_not_overlap(uid: str) -> None:
    """Each panel's id is its own, within 24 columns, and no two share a cell."""
    found = boards()[uid]["panels"]
    assert len({panel["id"] for panel in found}) == len(found)
    cells: set[tuple[int, int]] = set()
    for panel in found:
        place = panel["gridPos"]
        mine = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not mine & cells, panel["title"]
        assert max(x for x, _ in mine) < 24
        cells |= mine


def test_every_panel_says_what_it_shows_its_unit_and_what_empty_means() -> None:
    """A description, a unit for numbers, and words for no data, on each panel that asks for something."""
    for uid, panel in panels():
        if panel["type"] in {"row", "text"}:
            continue
        where = f"{uid}: {panel['title']}"
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["description"].endswith("."), where
        assert defaults["noValue"], where
        unit = defaults.get("unit") or panel["options"].get("yAxis", {}).get("unit")
        searched = any(target["datasource"]["type"] != "prometheus" for target in panel["targets"])
        assert unit or searched, where


def test_links_lead_to_dashboards_that_exist() -> None:
    """Every `/d/...` in a dashboard or an alert is one of these, and its variables are that dashboard's."""
    text = json.dumps([list(boards().values()), rules(), read("provisioning/datasources/otel-sse.yaml")])
    links = re.findall(r"/d/([a-z-]+)(\?[^\"\s\\]*)?", text)
    assert links
    for uid, choice in links:
        assert uid in FIVE
        names = {variable["name"] for variable in boards()[uid]["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", choice)) <= names


def test_dashboards_lead_to_one_another() -> None:
    """Each shows links to all that have the tag, and takes the choice and the time along."""
    for board in boards().values():
        (link,) = board["links"]
        assert set(link["tags"]) <= set(board["tags"])
        assert (link["type"], link["includeVars"], link["keepTime"]) == ("dashboards", True, True)


def test_exemplars_open_their_trace() -> None:
    """Prometheus's exemplars lead to Tempo by the label that they carry; Tempo's spans lead to Prometheus."""
    sources = {one["uid"]: one for one in read("provisioning/datasources/otel-sse.yaml")["datasources"]}
    to_tempo, to_explorer = sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert to_tempo["name"] == to_explorer["name"] == "trace_id"
    assert sources[to_tempo["datasourceUid"]]["type"] == "tempo"
    assert to_explorer["url"] == "/d/otel-sse-explorer?var-trace=$${__value.raw}"
    to_metrics = sources["tempo"]["jsonData"]["tracesToMetrics"]
    assert sources[to_metrics["datasourceUid"]]["type"] == "prometheus"
    for query in to_metrics["queries"]:
        assert "$$__tags" in query["query"]
        assert unknown(query["query"].replace("$$__tags", "")) == []
    assert {tag["key"] for tag in to_metrics["tags"]} <= {row.name for row in semconv.ATTRIBUTES}


def test_no_data_source_holds_a_secret_and_one_is_the_default() -> None:
    """Nothing but addresses inside the composition, and Prometheus is what a query asks by itself."""
    sources = read("provisioning/datasources/otel-sse.yaml")["datasources"]
    assert [source["uid"] for source in sources if source.get("isDefault")] == ["prometheus"]
    assert len({source["uid"] for source in sources}) == len(sources)
    assert not re.search(r"password|secret|token|basicAuth", json.dumps(sources), re.IGNORECASE)


def test_the_runbook_has_a_section_and_a_panel_for_each_alert() -> None:
    """`runbook_url` leads to the panel with the alert's own section, which says what to confirm and how to fix it."""
    shown = {panel["id"]: panel for panel in boards()["otel-sse-runbook"]["panels"]}
    for rule in rules():
        number = int(rule["annotations"]["runbook_url"].rpartition("=")[2])
        assert shown[number]["title"] == rule["alert"]
        for part in ("What it means", "How to confirm", "Usual causes", "How to fix"):
            assert f"**{part}.**" in shown[number]["options"]["content"]
