"""A real Jaeger, started by a test on free ports of loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import pytest

HOST: Final = "127.0.0.1"
_START_S: Final = 60.0
_STOP_S: Final = 60.0
_TRIES: Final = 3

_CONFIG: Final = """
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry:
    metrics: {{level: none}}
    logs: {{level: warn}}
extensions:
  jaeger_query:
    storage: {{traces: store}}
    enable_tracing: false
    http: {{endpoint: "{host}:{query}"}}
    grpc: {{endpoint: "{host}:{grpc}"}}
  jaeger_storage:
    backends:
      store: {store}
receivers:
  otlp:
    protocols:
      http: {{endpoint: "{host}:{otlp}"}}
exporters:
  jaeger_storage_exporter: {{trace_storage: store}}
"""

MEMORY: Final = "{memory: {max_traces: 1000}}"
BADGER: Final = '{{badger: {{ephemeral: false, directories: {{keys: "{folder}", values: "{folder}"}}}}}}'
"""A database on disk, which can be searched by service only, as Cassandra and Elasticsearch can."""


class JaegerServer(NamedTuple):
    """A Jaeger that is up.

    Args:
        url: Where it answers queries.
        otlp_url: Where it takes spans, by OTLP over HTTP.
    """

    url: str
    otlp_url: str


def found() -> str:
    """Return Jaeger's program; empty where there is none."""
    named = os.environ.get("OTEL_SSE_JAEGER", "")
    gopath = os.environ.get("GOPATH", "").partition(os.pathsep)[0] or str(Path.home() / "go")
    folders = [named, shutil.which("jaeger") or "", str(Path(os.environ.get("GOBIN") or f"{gopath}/bin") / "jaeger")]
    return next((each for each in folders if each and os.access(each, os.X_OK) and Path(each).is_file()), "")


def binary() -> str:
    """Return Jaeger's program; the test is skipped where there is none."""
    if not found():
        pytest.skip("needs Jaeger: install Go, then `make jaeger`, or name the program in OTEL_SSE_JAEGER")
    return found()


@contextmanager
def running(folder: Path, store: str = MEMORY) -> Iterator[JaegerServer]:
    """Run Jaeger for as long as the block lasts.

    Args:
        folder: Where its files may lie.
        store: Its storage.
    """
    program = binary()
    for last in (False,) * (_TRIES - 1) + (True,):
        # A port that was free a moment ago may be taken by the time that Jaeger asks for it.
        with _started(program, folder, store) as (server, process):
            if _is_up(server, process, folder, last=last):
                yield server
                return


@contextmanager
def _started(program: str, folder: Path, store: str) -> Iterator[tuple[JaegerServer, subprocess.Popen[bytes]]]:
    query, grpc, otlp = _free_ports(3)
    config = folder / "jaeger.yaml"
    config.write_text(_CONFIG.format(host=HOST, query=query, grpc=grpc, otlp=otlp, store=store), "utf-8")
    with (folder / "jaeger.log").open("wb") as log:
        process = subprocess.Popen([program, "--config", str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield JaegerServer(f"http://{HOST}:{query}", f"http://{HOST}:{otlp}"), process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _is_up(server: JaegerServer, process: subprocess.Popen[bytes], folder: Path, *, last: bool) -> bool:
    until_s = time.monotonic() + _START_S
    while time.monotonic() < until_s and process.poll() is None:
        try:
            if httpx.get(f"{server.url}/api/v3/services", trust_env=False).is_success:
                return True
        except httpx.TransportError:
            time.sleep(0.05)
    if last:
        pytest.fail(f"Jaeger did not start:\n{(folder / 'jaeger.log').read_text('utf-8', 'replace')[-2000:]}")
    return False
