"""docs/ways-in.md: three ways to instrument the example application, each as the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from otel_sse import semconv
from tests.deploy.backend import Backend
from tests.deploy.collectors import free_ports
from tests.deploy.tools import ROOT
from tests.deploy.waiting import until

pytestmark = pytest.mark.server
RETRIED = pytest.mark.retried("a port that was free may be taken when a program asks for it")

EXAMPLE = ROOT / "examples" / "fastapi"
BIN = Path(sys.executable).parent
CHUNKS = [1, 2, 3, 4, 5, 6]


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with Backend() as found:
        yield found


@contextmanager
def served(command: str, **environment: str) -> Iterator[str]:
    """Run a command of the page on a free port, with the page's variables; gives the address."""
    (port,) = free_ports(1)
    program, *arguments = f"{command} --port {port}".split()
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    found = shutil.which(program, path=path)
    assert found is not None
    own = {"PATH": path, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    process = subprocess.Popen([found, *arguments], cwd=EXAMPLE, env={**own, **environment})
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is not None or _answers(url), f"{command} answering")
        yield url
    finally:
        process.terminate()
        process.wait(60)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/openapi.json", trust_env=False).is_success
    except httpx.TransportError:
        return False


def exporting(backend: Backend, service: str) -> dict[str, str]:
    """The variables of the page that say where spans and metrics go; the latter more often."""
    return {
        "OTEL_SERVICE_NAME": service,
        "OTEL_EXPORTER_OTLP_ENDPOINT": backend.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "fastapi",
    }


def traced(backend: Backend, url: str, service: str) -> None:
    """Ask, and wait until each chunk stands in the trace, of what the application yielded and of what left it, and
    until the metrics have come that dashboards and alerts ask."""
    answer = httpx.get(f"{url}/chat", timeout=60, trust_env=False)
    trace_id = answer.headers["x-trace-id"]
    until(lambda: backend.chunk_numbers(trace_id, "emit") == CHUNKS, "all chunks arriving as they were yielded")
    until(lambda: backend.chunk_numbers(trace_id, "socket_write") == CHUNKS, "all chunks arriving as they left")
    wanted = {(service, metric.name) for metric in (semconv.CHUNKS, semconv.DUPLICATES)}
    until(lambda: backend.metrics >= wanted, "the metrics arriving")


@RETRIED
def test_in_code(backend: Backend) -> None:
    """Provider, exporter and `instrument` in the application: only the address comes from outside."""
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, "OTEL_METRIC_EXPORT_INTERVAL": "500"}
    with served("uvicorn traced:app", **variables) as url:
        traced(backend, url, "chat")
    assert "chat" in backend.services


@RETRIED
@pytest.mark.parametrize("application", ["plain:app", "app:app"])
def test_by_opentelemetry_instrument(backend: Backend, application: str) -> None:
    """`opentelemetry-instrument` in front: no line of code is needed, and one that is there does not count twice."""
    with served(f"opentelemetry-instrument uvicorn {application}", **exporting(backend, "instrumented")) as url:
        traced(backend, url, "instrumented")
    assert "instrumented" in backend.services


@RETRIED
def test_by_environment_only(backend: Backend) -> None:
    """The same command as without telemetry: variables alone, PYTHONPATH among them."""
    spec = find_spec("opentelemetry.instrumentation.auto_instrumentation")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (folder,) = spec.submodule_search_locations
    with served("uvicorn plain:app", PYTHONPATH=folder, **exporting(backend, "environment")) as url:
        traced(backend, url, "environment")
    assert "environment" in backend.services


def test_the_page_shows_what_is_tested() -> None:
    """The commands and variables of these tests stand on the page."""
    page = (ROOT / "docs" / "ways-in.md").read_text(encoding="utf-8")
    assert not re.search(r"export .*OTEL_METRICS_EXPORTER=none", page)
    code = (EXAMPLE / "traced.py").read_text(encoding="utf-8").partition("import asyncio")[2]
    shown = [line for line in re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0].splitlines() if line]
    assert [line for line in shown if line not in code] == []
    for said in ("uvicorn traced:app", "opentelemetry-instrument uvicorn plain:app", "PYTHONPATH="):
        assert said in page
    with Backend() as backend:
        assert set(re.findall(r"OTEL_[A-Z_]+", page)) >= exporting(backend, "").keys()
