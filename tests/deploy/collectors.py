"""Collectors with the configurations of deploy/collector, as processes on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from types import TracebackType

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.deploy.tools import DEPLOY, collector

_START_S = 60.0
_STOP_S = 60.0
_POLL_S = 0.02


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody listens on, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


class Collector:
    """One collector. A context manager: it is ready inside the block, and has ended after it.

    Args:
        *configs: Names of configurations below deploy/collector, without their ending.
        **settings: Variables of the configuration, without `SSE_`: `share_percent=0`.
    """

    def __init__(self, *configs: str, **settings: object) -> None:
        self._grpc, self._http, self._prometheus, self._health, self._telemetry = free_ports(5)
        self.grpc = f"127.0.0.1:{self._grpc}"
        self.url = f"http://127.0.0.1:{self._http}"
        self.prometheus = f"http://127.0.0.1:{self._prometheus}/metrics"
        self._command = [str(collector())]
        self._command += [f"--config={DEPLOY / 'collector' / name}.yaml" for name in configs]
        ports = {
            "otlp_grpc": self.grpc,
            "otlp_http": f"127.0.0.1:{self._http}",
            "prometheus": f"127.0.0.1:{self._prometheus}",
            "health": f"127.0.0.1:{self._health}",
            "telemetry_host": "127.0.0.1",
            "telemetry_port": self._telemetry,
            # Python has no decoder for zstd before 3.14.
            "compression": "gzip",
        }
        own = {f"SSE_{name.upper()}": str(value) for name, value in {**ports, **settings}.items()}
        self._environment = {"PATH": os.environ["PATH"], **own}
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed with the process
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Collector:
        self.process = subprocess.Popen(
            self._command, env=self._environment, stdout=self._log, stderr=subprocess.STDOUT, text=True
        )
        end = time.monotonic() + _START_S
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                log = self.log()
                self.__exit__(None, None, None)
                raise AssertionError(f"the collector did not start: {log[-3000:]}")
            time.sleep(_POLL_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._log.close()

    def log(self) -> str:
        """Return what it printed so far."""
        self._log.seek(0)
        return self._log.read()

    def telemetry(self, name: str, **labels: str) -> float:
        """Return one of its own metrics, summed over all series that have these labels; 0 where there is none.

        Args:
            name: The metric's name in Prometheus.
            **labels: What the labels have to be.
        """
        text = httpx.get(f"http://127.0.0.1:{self._telemetry}/metrics", trust_env=False).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._health}/", trust_env=False).is_success
        except httpx.TransportError:
            return False
