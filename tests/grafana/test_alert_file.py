"""The alert rules that Grafana is provisioned with, held against Grafana's own demands."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from grafana.generate.alerts import ALERTS, NO_DATA
from tests.grafana.committed import read, rules
from tests.grafana.grafana_rules import problems

PATH = "provisioning/alerting/otel-sse.yaml"
SOURCES = {source["uid"] for source in read("provisioning/datasources/otel-sse.yaml")["datasources"]}

Change = Callable[[Any], Any]


def test_grafana_takes_the_file() -> None:
    """Every field is known and of its type, each condition and data source exists, and no `$` is expanded."""
    assert problems(read(PATH), SOURCES) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda file: file.pop("apiVersion"), "apiVersion"),
        (lambda file: file["groups"][0].pop("folder"), "folder"),
        (lambda file: file["groups"][0].update(interval="often"), "interval"),
        (lambda file: file["groups"][0]["rules"][0].pop("uid"), "uid"),
        (lambda file: file["groups"][0]["rules"][0].update(uid="a b"), "uid"),
        (lambda file: file["groups"][0]["rules"][1].update(uid="sseduplicatechunks"), "taken twice"),
        (lambda file: file["groups"][0]["rules"][0].update(condition="C"), "condition C"),
        (lambda file: file["groups"][0]["rules"][0].update(data=[]), "data"),
        (lambda file: file["groups"][0]["rules"][0].update(severity="high"), "severity"),
        (lambda file: file["groups"][0]["rules"][0].update(noDataState="Ok"), "noDataState"),
        (lambda file: file["groups"][0]["rules"][0]["data"][0].update(datasourceUid="prom"), "prom"),
        (lambda file: file["groups"][0]["rules"][0]["data"][0].pop("relativeTimeRange"), "relativeTimeRange"),
        (lambda file: file["groups"][0]["rules"][0]["data"][1]["model"].update(expression="Z"), "expression"),
        (lambda file: file["groups"][0]["rules"][0]["labels"].update(team="$TEAM"), "label team"),
        (lambda file: file["groups"][0]["rules"][0]["annotations"].update(summary="${X}"), "annotation summary"),
    ],
)
def test_each_mistake_is_told(change: Change, problem: str) -> None:
    """The checks can fail: each of Grafana's demands, broken, is a problem that names it."""
    file = copy.deepcopy(read(PATH))
    change(file)
    (found, *_) = problems(file, SOURCES)
    assert problem in found


def test_both_systems_have_the_same_alerts() -> None:
    """Expressions, times and labels of Grafana's rules are those of Prometheus's."""
    (group,) = read(PATH)["groups"]
    of_grafana = [
        (rule["title"], rule["data"][0]["model"]["expr"], rule["for"], rule["labels"]) for rule in group["rules"]
    ]
    assert of_grafana == [(rule["alert"], rule["expr"], rule["for"], rule["labels"]) for rule in rules()]
    assert [title for title, *_ in of_grafana] == [alert.name for alert in ALERTS]


def test_every_alert_has_what_a_person_needs() -> None:
    """A summary of one line, a description with a way to the traces or the dashboard, a severity and a runbook."""
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert "\n" not in rule["annotations"]["summary"]
        assert "/d/otel-sse-" in rule["annotations"]["description"]
        assert rule["annotations"]["runbook_url"]
    traced = {rule["alert"] for rule in rules() if "Traces" in rule["annotations"]["description"]}
    assert {alert.name for alert in ALERTS} - traced == {"SSEInternalErrors", NO_DATA}


def test_alerts_on_duplicates_and_gaps_rest_on_certain_findings() -> None:
    """A suspicion wakes nobody."""
    found = {rule["alert"]: rule["expr"] for rule in rules()}
    for name in ("SSEDuplicateChunks", "SSEMissingChunks"):
        assert found[name].count('certainty="certain"') == found[name].count("_chunks_total")
