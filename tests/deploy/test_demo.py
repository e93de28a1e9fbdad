"""The demo's services, started with the commands and variables of the compose files, but as processes on loopback."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from fastapi.testclient import TestClient

from otel_sse.demo.faults import SIMPLE
from tests.deploy.backend import Backend
from tests.deploy.collectors import free_ports
from tests.deploy.tools import DEPLOY, ROOT
from tests.deploy.waiting import until

APPLICATIONS = {"compose.yaml": ["model", "chat", "control", "gateway"], "compose.lite.yaml": ["model", "chat"]}
ADDRESS = re.compile(r"([a-z-]+):(8000|4318)\b")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the Dockerfile copies beside the package."""
    folder = tmp_path_factory.mktemp("image")
    for source in ("examples/pipeline", "deploy/demo"):
        assert re.search(
            rf"^COPY {source}\S* \.$", (DEPLOY / "demo/Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
        )
        for path in (ROOT / source).glob("*.py"):
            shutil.copy(path, folder)
    return folder


class Composed:
    """The applications of a compose file, each as a process; the names of services lead to loopback.

    Args:
        name: The compose file.
        image: The folder to run in.
        backend: What takes the place of the collector and of Jaeger.
    """

    def __init__(self, name: str, image: Path, backend: Backend) -> None:
        self._services = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))["services"]
        self._image, self.backend = image, backend
        self._ports = dict(zip(APPLICATIONS[name], free_ports(len(APPLICATIONS[name])), strict=True))

    def url(self, service: str) -> str:
        """Where an application listens."""
        return f"http://127.0.0.1:{self._ports[service]}"

    def environment(self, service: str) -> dict[str, str]:
        """The variables that the file gives a service, with addresses on loopback."""
        found = self._services[service]["environment"].items()
        return {name: ADDRESS.sub(self._address, str(value)) for name, value in found}

    @contextmanager
    def run(self, service: str) -> Iterator[None]:
        """Run one application; the block begins before it answers."""
        command = ["opentelemetry-instrument", *self._services[service]["command"]]
        assert command[-4:] == ["--host", "0.0.0.0", "--port", "8000"]
        command[-4:] = ["--host", "127.0.0.1", "--port", str(self._ports[service])]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        own = {"OTEL_BSP_SCHEDULE_DELAY": "200", "CHUNK_DELAY_MS": "0", "PATH": path}
        process = subprocess.Popen(
            [shutil.which(command[0], path=path) or "", *command[1:]],
            cwd=self._image,
            env={**own, **self.environment(service)},
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)

    def answers(self) -> bool:
        """Whether all applications answer."""
        return all(_answers(self.url(service)) for service in self._ports)

    def _address(self, match: re.Match[str]) -> str:
        return f"127.0.0.1:{self._ports[match[1]]}" if match[2] == "8000" else self.backend.url.removeprefix("http://")


def _answers(url: str) -> bool:
    try:
        httpx.get(url, trust_env=False)
    except httpx.TransportError:
        return False
    return True


@contextmanager
def running(name: str, image: Path) -> Iterator[Composed]:
    """Run the applications of a compose file."""
    with Backend() as backend, ExitStack() as started:
        composed = Composed(name, image, backend)
        for service in APPLICATIONS[name]:
            started.enter_context(composed.run(service))
        until(composed.answers, f"the applications of {name} answering")
        yield composed


@pytest.fixture(scope="module")
def whole(image: Path) -> Iterator[Composed]:
    with running("compose.yaml", image) as composed:
        yield composed


def asked(composed: Composed, service: str, body: dict[str, str]) -> None:
    """Ask an application, and wait for the trace of its answer and for spans of all applications."""
    answer = httpx.post(f"{composed.url(service)}/chat", json=body, timeout=60, trust_env=False)
    assert answer.is_success
    trace_id, backend = answer.headers["x-trace-id"], composed.backend
    until(lambda: backend.chunk_numbers(trace_id, "socket_write"), "the trace arriving")
    # The model writes to a socket too, in the same trace, and its spans may come first.
    until(lambda: service in backend.services, f"spans of {service} arriving")


@pytest.mark.server
@pytest.mark.retried("a port that was free may be taken when a program asks for it")
def test_the_applications_of_compose_yaml_send_their_traces(whole: Composed) -> None:
    """Started as the file says, both applications' answers have traces, and each application has its own name."""
    asked(whole, "chat", {"question": "joke", "fault": "doubled"})
    asked(whole, "gateway", {"question": "joke", "policy": "judge"})
    until(lambda: whole.backend.services >= set(APPLICATIONS["compose.yaml"]), "spans of all applications arriving")


@pytest.mark.server
@pytest.mark.retried("a port that was free may be taken when a program asks for it")
def test_the_applications_of_compose_lite_yaml_send_their_traces(image: Path) -> None:
    """Started as the file says, an answer has a trace."""
    with running("compose.lite.yaml", image) as composed:
        asked(composed, "chat", {"question": "joke"})


@pytest.mark.server
@pytest.mark.retried("a port that was free may be taken when a program asks for it")
def test_the_visitor_asks_both_and_orders_faults(whole: Composed, image: Path, tmp_path: Path) -> None:
    """It asks both applications in turn, tells trace and size of each answer, and orders the faults it was given."""
    visitor = runpy.run_path(str(image / "visitor.py"))
    variables = {**whole.environment("visitor"), "FAULTS": "doubled", "FAULT_EVERY": "2", "PAUSE_S": "0"}
    variables["ASKED_FILE"] = str(tmp_path / "asked")
    said: list[str] = []
    visitor["main"].__globals__["print"] = said.append
    visitor["main"](variables, questions=2)
    assert len(said) == 4
    assert all(re.match(r"200 +\d+ bytes  trace [0-9a-f]{32}  ", line) for line in said)
    assert [line.rsplit("  ", 1)[1] for line in said] == ["", "policy=pass", "fault=doubled", "policy=judge"]


def test_a_dead_visitor_is_unhealthy(image: Path, tmp_path: Path) -> None:
    """Its health check fails before the first question and when the last one was long ago, and passes in between."""
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]["visitor"]
    said = service["healthcheck"]["test"]
    assert said[:3] == ["CMD", "python", "-c"]
    variables = {"ASKED_FILE": str(tmp_path / "asked"), "PAUSE_S": "2"}
    assert variables.keys() <= service["environment"].keys()

    def healthy() -> bool:
        return subprocess.run([sys.executable, *said[2:]], env=variables, stderr=subprocess.DEVNULL).returncode == 0

    assert not healthy()
    unreachable = {"CHAT_URL": "http://127.0.0.1:1", "PIPELINE_URL": "http://127.0.0.1:1", "PAUSE_S": "0"}
    runpy.run_path(str(image / "visitor.py"))["main"]({**variables, **unreachable}, questions=1)
    assert healthy()
    os.utime(variables["ASKED_FILE"], (0, 0))
    assert not healthy()


def test_the_visitor_takes_all_faults_in_turn(image: Path) -> None:
    """Every n-th question orders the next fault; with 0 none is ordered."""
    bodies = runpy.run_path(str(image / "visitor.py"))["bodies"]
    names = tuple(SIMPLE)
    asked = [next(each) for each in [bodies(names, 2)] for _ in range(2 * len(names))]
    assert [body["fault"] for body in asked] == [fault for name in names for fault in (None, name)]
    assert next(bodies(names, 0))["fault"] is None


def test_the_inbox_prints_and_keeps_alerts(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A notification of Alertmanager is one printed line an alert, without control characters, and can be asked for."""
    inbox: Any = runpy.run_path(str(image / "inbox.py"))
    alert = {
        "status": "firing",
        "labels": {"alertname": "SSEDuplicateChunks", "severity": "critical"},
        "annotations": {"summary": "Chunks were sent twice at emit\x1b[2J"},
    }
    with TestClient(inbox["app"]) as client:
        assert client.post("/alerts", json={"version": "4", "alerts": [alert]}).json() == {"alerts": 1}
        line = "firing SSEDuplicateChunks critical: Chunks were sent twice at emit [2J"
        assert client.get("/alerts").json() == [line]
    assert capsys.readouterr().out == f"{line}\n"
