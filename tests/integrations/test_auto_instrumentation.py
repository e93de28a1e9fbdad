"""`opentelemetry-instrument`: an application that knows nothing of us, served by uvicorn in a process of its own."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import httpx
import pytest

from otel_sse.wire import Event, Parser
from tests.integrations.answers import DIGESTS, PAYLOADS
from tests.integrations.processes import ROOT, Served, chunks, printed_spans

APPS = {
    "fastapi": "from tests.integrations.made import fastapi_app as make",
    "starlette": "from tests.integrations.made import starlette_app as make",
    "litestar": "from tests.integrations.frameworks_made import litestar_stream as make",
    "quart": "from tests.integrations.frameworks_made import quart_app as make",
    "django": "from tests.integrations.django_app import django_app as make",
    "function": "from tests.integrations.made import plain_app as make",
}

RUN = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
"""What the command opentelemetry-instrument does."""

Answer = tuple[httpx.Response, list[dict[str, Any]], str]


def say_that_we_are_installed(folder: Path) -> None:
    """Write the metadata that pip would, where the package runs from its folder without being installed."""
    try:
        distribution("otel-sse")
    except PackageNotFoundError:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        info = folder / "otel_sse-0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: otel-sse\nVersion: 0\n")
        lines = [
            f"[{group}]\n" + "\n".join(f"{name} = {value}" for name, value in points.items())
            for group, points in project["entry-points"].items()
        ]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Answer]]:
    """Each application's answer, and the spans that its process printed. All processes start at once."""
    servers: dict[str, Served] = {}
    try:
        for name, source in APPS.items():
            folder = tmp_path_factory.mktemp(name)
            say_that_we_are_installed(folder)
            (folder / "served.py").write_text(f"{source}\n\napp = make()\n")
            exporters = ["--traces_exporter", "console", "--metrics_exporter", "none", "--logs_exporter", "none"]
            command = [sys.executable, "-m", "uvicorn", "served:app", "--port", "0"]
            announced = r"running on http://127\.0\.0\.1:(\d+)"
            servers[name] = Served(["-c", RUN, *exporters, *command], folder, announced)
        responses = {name: httpx.get(server.address + "/chat") for name, server in servers.items()}
        yield {
            name: (responses[name], list(printed_spans(server.stop())), server.errors)
            for name, server in servers.items()
        }
    finally:
        for server in servers.values():
            server.kill()


@pytest.mark.server
@pytest.mark.parametrize("name", APPS)
def test_finds_us_and_watches(name: str, answers: dict[str, Answer]) -> None:
    """The instrumentor is found by its entry point: one stage with each chunk once, under one SERVER span."""
    response, spans, errors = answers[name]
    data = [item.data for item in Parser().feed(response.content) if isinstance(item, Event)]
    assert data == list(PAYLOADS)
    stage_spans = [span for span in spans if span["name"] == "stream socket_write"]
    assert len(stage_spans) == 1
    stage = stage_spans[0]
    assert chunks(stage) == DIGESTS
    assert stage["attributes"]["sse.stream.outcome"] == "completed"
    servers = [span for span in spans if span["kind"] == "SpanKind.SERVER"]
    assert len(servers) == 1
    assert stage["parent_id"] == servers[0]["context"]["span_id"]
    assert servers[0]["attributes"]["sse.stream.chunks"] == len(DIGESTS)
    assert int(response.headers["x-trace-id"], 16) == int(stage["context"]["trace_id"], 16)
    assert "factory" not in errors
    assert "internal error" not in errors


@pytest.mark.server
def test_a_bad_variable_keeps_nothing_from_starting(tmp_path: Path) -> None:
    """With a variable that is not allowed the application starts and answers, and the log names the variable once."""
    say_that_we_are_installed(tmp_path)
    (tmp_path / "served.py").write_text(f"{APPS['starlette']}\n\napp = make()\n")
    exporters = ["--traces_exporter", "console", "--metrics_exporter", "none", "--logs_exporter", "none"]
    command = [sys.executable, "-m", "uvicorn", "served:app", "--port", "0"]
    announced = r"running on http://127\.0\.0\.1:(\d+)"
    server = Served(["-c", RUN, *exporters, *command], tmp_path, announced, OTEL_SSE_QUEUE_SIZE="99999999999999999999")
    try:
        response = httpx.get(server.address + "/chat")
        printed = server.stop()
    finally:
        server.kill()
    data = [item.data for item in Parser().feed(response.content) if isinstance(item, Event)]
    assert data == list(PAYLOADS)
    assert "traceresponse" not in response.headers
    assert list(printed_spans(printed)) == []
    assert server.errors.count("OTEL_SSE_QUEUE_SIZE must be a whole number from 1 to 1000000") == 1
    assert "Traceback" not in server.errors
