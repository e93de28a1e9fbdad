"""Real backends on free loopback ports, started and ended by their process id."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0
_POLL_S = 0.1
_STOP_S = 60.0


def binary(name: str, package: str) -> str:
    """Return the path of a program; the test is skipped, with the line that installs it, where there is none."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs the program {name}: apt-get install {package}")
    return found


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def until(holds: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """Wait until something holds, and return what it gave; fail, saying what was waited for, where it never does."""
    deadline_s = time.monotonic() + patience_s
    while not (found := holds()):
        if time.monotonic() > deadline_s:
            pytest.fail(f"waited {patience_s:g} s in vain for {what}")
        time.sleep(_POLL_S)
    return found


class Program:
    """A program in a process of its own, whose output goes to a file.

    Args:
        command: The program and its arguments.
        log: Where its output goes.
        stdin: Whether it is to read from a pipe that ends with it.
    """

    def __init__(self, command: list[str], log: Path, *, stdin: bool = False) -> None:
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE if stdin else output,
                stderr=output,
                env={**os.environ, "NO_PROXY": "127.0.0.1"},
            )

    def stop(self) -> None:
        """End it: by the end of its stdin, else by a signal."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        else:
            self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def check(self) -> None:
        """Fail, with its output, where it has ended by itself."""
        if self.process.poll() is not None:
            pytest.fail(f"{self.process.args!r} ended with {self.process.returncode}: {self._log.read_text()[-2000:]}")


class Application(Program):
    """`tests.grafana.served`: real applications and their scrape endpoint."""

    def __init__(self, log: Path) -> None:
        super().__init__([sys.executable, "-m", "tests.grafana.served"], log, stdin=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.check()
        self.urls: dict[str, str] = json.loads(line)

    @property
    def target(self) -> str:
        """Host and port that are scraped."""
        return self.urls["odd"].removeprefix("http://")


class Receiver:
    """What Alertmanager sends its notifications to: keeps the alerts of each."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []
        received = self.alerts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                received.extend(json.loads(body)["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def names(self, job: str) -> set[str]:
        """The alerts of a job that have arrived while they fired."""
        return {
            alert["labels"]["alertname"]
            for alert in self.alerts
            if alert["status"] == "firing" and alert["labels"].get("job") == job
        }

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Api:
    """Prometheus's HTTP API.

    Args:
        url: Where it is.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=60)

    def ready(self) -> bool:
        """Whether it answers."""
        try:
            return self._client.get("/-/ready").is_success
        except httpx.HTTPError:
            return False

    def query(self, expr: str, at_s: float | None = None) -> list[dict[str, Any]]:
        """The series of an instant query."""
        found = self._get("/api/v1/query", query=expr, **({} if at_s is None else {"time": at_s}))
        assert found["resultType"] == "vector", expr
        result: list[dict[str, Any]] = found["result"]
        return result

    def exemplars(self, expr: str, since_s: float) -> list[dict[str, str]]:
        """The labels of the exemplars of every series that a query reads."""
        found = self._get("/api/v1/query_exemplars", query=expr, start=since_s, end=time.time())
        return [exemplar["labels"] for series in found for exemplar in series["exemplars"]]

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _get(self, path: str, **arguments: Any) -> Any:
        answer = self._client.get(path, params=arguments)
        content = answer.json()
        assert content["status"] == "success", f"{arguments}: {content}"
        return content["data"]
