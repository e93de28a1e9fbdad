"""The proof: a real Prometheus scrapes real applications, and its alerts go through a real Alertmanager to a receiver.

Four processes run the same applications. In job `faulty` everything goes wrong that an alert is about; in job `clean`
nothing does; in job `early` an answer was doubled before Prometheus ever looked; job `gone` ends after two scrapes.
Rules and expressions are those of the committed files; `for` and the intervals are shorter.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.generate.alerts import ALERTS, NO_DATA
from otel_sse import semconv
from tests.grafana.backends import ROOT, Api, Application, Program, Receiver, binary, free_port, until
from tests.grafana.committed import Target, boards, rules, targets
from tests.grafana.pages import examples
from tests.grafana.scenario import Client, go_well, go_wrong

pytestmark = [
    pytest.mark.backend,
    pytest.mark.server,
    pytest.mark.retried("a port that was free may be taken when a program asks for it"),
]

JOBS = ("faulty", "clean", "early", "gone")
WAIT = "2s"
FAULTS = {alert.name for alert in ALERTS} - {NO_DATA}
"""The alerts on what an application does, which has to be there for it."""

WINDOW = "3m"
"""Stands for Grafana's own windows: all that has happened."""

CHOICE = {
    "$__rate_interval": WINDOW,
    "$__range": WINDOW,
    "$job": "faulty",
    "$stage": ".*",
    "$at": "socket_write",
    "$route": ".*",
    "$kind": ".*",
}

RULES = ROOT / "grafana/prometheus/otel-sse.rules.yml"


@dataclass(frozen=True)
class Proof:
    """What is left to look at once all has happened."""

    api: Api
    receiver: Receiver
    traces: dict[str, str]
    began_s: float


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proof]:
    """Both applications, Prometheus, Alertmanager and a receiver, after everything has happened."""
    prometheus = binary("prometheus", "prometheus")
    alertmanager = binary("prometheus-alertmanager", "prometheus-alertmanager")
    folder = tmp_path_factory.mktemp("prometheus")
    began_s = time.time()
    with ExitStack() as stack:
        apps = _start_applications(folder, stack)
        clients = {job: Client(app.urls) for job, app in apps.items()}
        receiver = Receiver()
        for end in (*(client.close for client in clients.values()), receiver.stop):
            stack.callback(end)
        clients["early"].chat("doubled")
        clients["gone"].chat()
        notify_url = _start_alertmanager(alertmanager, folder, receiver, stack)
        api = _start_prometheus(prometheus, folder, apps, notify_url, stack)
        for job in ("faulty", "clean"):
            go_well(clients[job])
        _wait_for_two_scrapes(api)
        until(lambda: api.query(f'{semconv.ACTIVE.prometheus}{{job="gone"}}'), "metrics of what goes")
        apps["gone"].stop()
        go_well(clients["clean"])
        traces = go_wrong(clients["faulty"])
        until(lambda: receiver.names("faulty") >= FAULTS, "every alert at the receiver")
        until(lambda: receiver.names("gone"), "the alert of what is gone at the receiver")
        yield Proof(api, receiver, traces, began_s)


def _start_applications(folder: Path, stack: ExitStack) -> dict[str, Application]:
    """Start all at once: each takes a second or two to load."""

    def start(job: str) -> Application:
        app = Application(folder / f"{job}.log")
        stack.callback(app.stop)
        return app

    with ThreadPoolExecutor(len(JOBS)) as pool:
        return dict(zip(JOBS, pool.map(start, JOBS), strict=True))


def _start_alertmanager(program: str, folder: Path, receiver: Receiver, stack: ExitStack) -> str:
    port = free_port()
    config = folder / "alertmanager.yml"
    route = {"receiver": "local", "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"}
    local = {"name": "local", "webhook_configs": [{"url": receiver.url, "send_resolved": False}]}
    config.write_text(yaml.safe_dump({"route": route, "receivers": [local]}))
    arguments = [f"--config.file={config}", f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address="]
    address = f"127.0.0.1:{port}"
    running = Program([program, *arguments, f"--web.listen-address={address}"], folder / "alertmanager.log")
    stack.callback(running.stop)
    return address


def _start_prometheus(program: str, folder: Path, apps: dict[str, Application], notify: str, stack: ExitStack) -> Api:
    shortened = yaml.safe_load(RULES.read_text())
    for group in shortened["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            rule["for"] = WAIT
    (folder / "rules.yml").write_text(yaml.safe_dump(shortened))
    scraped = [
        {"job_name": job, "metrics_path": "/metrics/", "static_configs": [{"targets": [app.target]}]}
        for job, app in apps.items()
    ]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [notify]}]}]},
        "scrape_configs": scraped,
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    arguments = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--enable-feature=exemplar-storage",
    ]
    running = Program([program, *arguments], folder / "prometheus.log")
    stack.callback(running.stop)
    api = Api(f"http://{address}")
    stack.callback(api.close)

    def ready() -> bool:
        running.check()
        return api.ready()

    until(ready, "Prometheus")
    return api


def _wait_for_two_scrapes(api: Api) -> None:
    # `policy.judge.out` is the last stage that appears; what is counted from now on is an increase.
    latest = f'{semconv.ENDED.prometheus}{{stage="policy.judge.out", outcome="completed"}}'
    until(lambda: len(api.query(latest)) == 2, "the first scrape after the streams of both applications")
    until(lambda: api.query(f"min(count_over_time({latest}[1m])) >= 2"), "a second scrape of both")


def test_every_alert_of_the_faulty_application_reaches_the_receiver(proof: Proof) -> None:
    """Double emission, a gap, a stall, a slow start, a stream that breaks off, drops and internal errors all arrive."""
    assert proof.receiver.names("faulty") == FAULTS


def test_metrics_that_are_gone_reach_the_receiver(proof: Proof) -> None:
    """An application that ends is told by its job, and by nothing else."""
    assert proof.receiver.names("gone") == {NO_DATA}


def test_the_clean_application_alerts_nobody(proof: Proof) -> None:
    """The same applications with nothing wrong have fired nothing, nor is anything pending."""
    assert proof.api.query('up{job="clean"} == 1')
    assert not proof.receiver.names("clean")
    assert not proof.api.query('ALERTS{job="clean"}')


def test_a_duplicate_before_the_first_scrape_reaches_the_receiver(proof: Proof) -> None:
    """A counter that Prometheus first sees at 1 does not increase, and alerts all the same."""
    counter = f'{semconv.DUPLICATES.prometheus}{{job="early", kind="terminal", certainty="certain", stage="emit"}}'
    assert not proof.api.query(f"increase({counter}[5m]) > 0")
    until(lambda: "SSEDuplicateChunks" in proof.receiver.names("early"), "the alert of the early duplicate")


def test_the_duplicate_alert_says_where_and_leads_to_the_traces(proof: Proof) -> None:
    """It names the stage that sent chunks twice, and not those before and behind it; its links are whole.

    That [DONE] came twice is certain wherever it passes.
    """
    labels = {"alertname": "SSEDuplicateChunks", "job": "faulty"}
    found = [one for one in proof.receiver.alerts if labels.items() <= one["labels"].items()]
    places = {(one["labels"]["stage"], one["labels"]["kind"]) for one in found}
    assert places == {("emit", "doubled"), ("emit", "terminal"), ("socket_write", "terminal")}
    for one in found:
        assert one["labels"]["severity"] == "critical"
        stage, kind = one["labels"]["stage"], one["labels"]["kind"]
        assert one["annotations"]["summary"] == f"Chunks were sent twice at {stage} of /chat ({kind})"
        link = f"/d/otel-sse-explorer?var-kind=duplicate/{kind}&var-stage={stage}&var-route=%2Fchat"
        assert f"http://localhost:3000{link}\n" in one["annotations"]["description"]


def test_no_annotation_has_an_unfilled_template(proof: Proof) -> None:
    """Every text that reaches the receiver is filled in."""
    texts = [text for one in proof.receiver.alerts for text in one["annotations"].values()]
    assert texts
    assert not [text for text in texts if "{{" in text or "<error" in text or "<no value>" in text]


def test_exemplars_come_back_with_the_trace(proof: Proof) -> None:
    """The counter of duplicates has the id of the very trace in which the application doubled its answer."""
    expr = f'{semconv.DUPLICATES.prometheus}{{job="faulty", stage="emit", kind="terminal", certainty="certain"}}'
    found = proof.api.exemplars(expr, proof.began_s)
    assert {labels["trace_id"] for labels in found} == {proof.traces["doubled"]}


@pytest.mark.parametrize("fault", ["missing_terminal", "stall", "slow", "numbered", "burst"])
def test_each_fault_has_its_trace_in_an_exemplar(proof: Proof, fault: str) -> None:
    """What an alert is about can be opened from its metric."""
    metric, where = {
        "missing_terminal": (semconv.ENDED, 'outcome="incomplete", stage="emit"'),
        "stall": (semconv.STALLS, 'kind="content", stage="emit"'),
        "slow": (semconv.TTFC, 'route="/slow", le="15.0", stage="socket_write"'),
        "numbered": (semconv.MISSING, 'stage="emit"'),
        "burst": (semconv.DROPPED, 'stage="emit"'),
    }[fault]
    name = metric.prometheus + ("_bucket" if metric.kind == "histogram" else "")
    found = proof.api.exemplars(f'{name}{{job="faulty", {where}}}', proof.began_s)
    assert proof.traces[fault] in {labels["trace_id"] for labels in found}


@pytest.mark.parametrize("target", targets("prometheus"), ids=str)
def test_every_expression_of_a_dashboard_returns_data(proof: Proof, target: Target) -> None:
    """Each panel shows something, where there is something to show; and those that ask for exemplars have some."""
    expr = _chosen(target.query)
    assert "$" not in expr
    found = proof.api.query(expr)
    assert [one for one in found if not math.isnan(float(one["value"][1]))], expr
    if target.exemplars:
        assert [labels for labels in proof.api.exemplars(expr, proof.began_s) if labels.get("trace_id")], expr


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_expression_of_an_alert_has_a_value_above_zero_where_it_fires(proof: Proof, rule: Any) -> None:
    """The query gives more than 0, Grafana's condition, for the application it is about and not for the clean one."""
    found = proof.api.query(rule["expr"])
    assert ("gone" if rule["alert"] == NO_DATA else "faulty") in {one["metric"]["job"] for one in found}
    assert "clean" not in {one["metric"]["job"] for one in found}
    assert all(float(one["value"][1]) > 0 for one in found)


@pytest.mark.parametrize("query", examples("promql"), ids=str)
def test_every_query_of_the_pages_returns_data(proof: Proof, query: Any) -> None:
    """What docs/queries.md and docs/runbook.md tell people to ask has an answer."""
    assert proof.api.query(query.text), query.text


def test_every_variable_has_values(proof: Proof) -> None:
    """What the dashboards let people choose from is there."""
    for board in boards().values():
        for variable in board["templating"]["list"]:
            if variable["type"] != "query":
                continue
            metric, label = variable["query"]["query"].removeprefix("label_values(").rstrip(")").split(", ")
            found = {one["metric"].get(label) for one in proof.api.query(f"count by ({label}) ({metric})")}
            assert found - {None}, variable["name"]


def test_every_notification_has_what_routes_and_people_need(proof: Proof) -> None:
    """Severity, job and source are labels to route by; each links to its section of the runbook."""
    for one in proof.receiver.alerts:
        assert {"alertname", "severity", "source", "job"} <= set(one["labels"])
        assert one["annotations"]["runbook_url"].startswith("http://localhost:3000/d/otel-sse-runbook?viewPanel=")


def _chosen(query: str) -> str:
    for name, value in CHOICE.items():
        query = query.replace(name, value)
    return query
