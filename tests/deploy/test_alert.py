"""From a faulty answer to the demo's inbox: agent, Prometheus and Alertmanager, with the configurations of deploy/."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from tests.deploy.backend import Backend
from tests.deploy.collectors import Collector, free_ports
from tests.deploy.streams import RESOURCE, Application, demo
from tests.deploy.tools import DEPLOY, ROOT, installed
from tests.deploy.waiting import until
from tests.grafana.backends import Program

pytestmark = [
    pytest.mark.backend,
    pytest.mark.server,
    pytest.mark.retried("a port that was free may be taken when a program asks for it"),
]

ADDRESS = re.compile(r"\b([a-z][a-z-]*):(\d{4,5})\b")
NOBODY = "127.0.0.1:1"
"""Stands for the services of compose.yaml that do not run here."""


class Stack:
    """The part of compose.yaml that alerts need: names of services lead to processes on loopback."""

    def __init__(self, folder: Path, agent: Collector, app: Application) -> None:
        inbox, alertmanager, prometheus = (f"127.0.0.1:{port}" for port in free_ports(3))
        self.app = app
        self.inbox, self.prometheus, self.alertmanager = f"http://{inbox}", f"http://{prometheus}", alertmanager
        self._folder = folder
        self._here = {
            "inbox:8000": inbox,
            "alertmanager:9093": alertmanager,
            "collector-agent:9464": agent.prometheus.removeprefix("http://").removesuffix("/metrics"),
        }

    def start(self, running: ExitStack) -> None:
        """Start inbox, Alertmanager and Prometheus, and wait until Prometheus has scraped the agent."""
        self._run(running, [sys.executable, "-m", "uvicorn", "inbox:app", f"--app-dir={DEPLOY / 'demo'}"], self.inbox)
        path = self._configured("alertmanager/alertmanager.yml", group_wait="0s")
        command = [installed("prometheus-alertmanager", "apt-get install prometheus-alertmanager")]
        command += [f"--config.file={path}", f"--storage.path={self._folder / 'alerts'}", "--cluster.listen-address="]
        self._run(running, command, self.alertmanager)
        path = self._configured("prometheus/prometheus.yml", scrape_interval="1s", evaluation_interval="1s")
        command = [installed("prometheus", "apt-get install prometheus")]
        command += [f"--config.file={path}", f"--storage.tsdb.path={self._folder / 'data'}", *_features()]
        self._run(running, command, self.prometheus)
        until(lambda: self.ask("query", query="sse_chunks_total{job='chat'}"), "the agent being scraped")

    def ask(self, path: str, **query: str) -> Any:
        """Return what Prometheus' API answers; nothing while it does not answer."""
        try:
            answer = httpx.get(f"{self.prometheus}/api/v1/{path}", params=query, trust_env=False)
        except httpx.TransportError:
            return None
        if not answer.is_success:
            return None
        data = answer.json()["data"]
        return data["result"] if isinstance(data, dict) else data

    def received(self) -> list[str]:
        """Return the lines of the inbox."""
        lines: list[str] = httpx.get(f"{self.inbox}/alerts", trust_env=False).json()
        return lines

    def _run(self, running: ExitStack, command: list[str], address: str) -> None:
        host, port = address.removeprefix("http://").split(":")
        listen = (
            [f"--host={host}", f"--port={port}"] if "uvicorn" in command else [f"--web.listen-address={host}:{port}"]
        )
        program = Program([*command, *listen], self._folder / f"{port}.log")
        running.callback(program.stop)

    def _configured(self, name: str, **faster: str) -> Path:
        """Write a configuration of deploy/ with addresses of this machine and with shorter times."""
        text = (DEPLOY / name).read_text(encoding="utf-8")
        text = ADDRESS.sub(lambda match: self._here.get(match[0], NOBODY), text)
        for key, value in faster.items():
            text, count = re.subn(rf"\b{key}: \S+", f"{key}: {value}", text)
            assert count == 1
        path = self._folder / Path(name).name
        path.write_text(text.replace("/etc/prometheus/rules", str(_rules(self._folder))), encoding="utf-8")
        return path


def _features() -> list[str]:
    """The features that compose.yaml switches on in Prometheus."""
    command = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]["prometheus"]["command"]
    return [argument for argument in command if argument.startswith("--enable-feature")]


def _rules(folder: Path) -> Path:
    """Write the rules with shorter times; return their folder."""
    rules = yaml.safe_load((ROOT / "grafana/prometheus/otel-sse.rules.yml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            rule["for"] = "0s"
    (folder / "otel-sse.rules.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    return folder


# Not for the module: a test that is tried again must not find the alerts of the try before.
@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    installed("prometheus", "apt-get install prometheus")
    with Backend() as backend, Collector("agent", next=backend.url) as agent, ExitStack() as running:
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{agent.url}/v1/metrics"), 3_000)
        meters = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
        running.callback(meters.shutdown)
        app = running.enter_context(demo(agent.url, meters))
        found = Stack(tmp_path, agent, app)
        app.ask(question="joke")
        found.start(running)
        yield found


def test_an_alert_arrives_and_its_exemplar_is_the_faulty_trace(stack: Stack) -> None:
    """Nothing fires after a clean answer; after one with each chunk twice the alert is in the inbox, and Prometheus has
    the exemplar that leads to its trace."""
    assert stack.ask("query", query="ALERTS{job='chat'}") == []
    assert stack.received() == []
    trace_id = stack.app.ask(question="joke", fault="doubled")
    alert = re.compile(r"firing SSEDuplicateChunks critical: .*\bemit\b.*/chat")
    until(lambda: any(map(alert.match, stack.received())), "the alert arriving")
    until(lambda: trace_id in exemplars(stack), "the exemplar being stored")
    labels = [sample["metric"] for sample in stack.ask("query", query="ALERTS{alertstate='firing'}")]
    assert {each["job"] for each in labels} == {"chat"}


def exemplars(stack: Stack) -> set[str]:
    """The traces that exemplars of the counter of duplicates lead to."""
    query = {"query": "sse_duplicate_chunks_total", "start": "0", "end": "9999999999"}
    found = stack.ask("query_exemplars", **query) or []
    return {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]}
