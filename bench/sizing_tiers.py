"""CPU and memory of the Collector's tiers: prepared requests go in, a backend that drops them is behind."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import psutil

from otel_sse.errors import must

CONFIGS: Final = Path(__file__).resolve().parents[1] / "deploy" / "collector"
_START_S: Final = 30.0
_SETTLE_S: Final = 0.5
_POLL_S: Final = 0.05


class Tier(NamedTuple):
    """What one tier took: its name, CPU in µs a chunk event, its memory before and at its highest, in MiB."""

    name: str
    event_us: float
    idle_mib: float
    highest_mib: float


class _Running(NamedTuple):
    """A collector that runs: where it takes OTLP, and its process."""

    http: str
    grpc: str
    process: psutil.Process


def measure(bodies: list[bytes], events: int) -> Iterator[Tier]:
    """Send the requests through each tier, and yield what it took.

    Args:
        bodies: OTLP requests.
        events: How many chunk events they hold.

    Raises:
        FileNotFoundError: There is no Collector.
    """
    binary = collector()
    with _dropping() as url:
        tempo = {"SSE_TEMPO": url, "SSE_BACKENDS": "[otlp_http/tempo]"}
        with _running(binary, ["agent"], {"SSE_NEXT": url}) as agent:
            yield _measured("agent", agent, bodies, events)
        for name, share in (("gateway, nothing kept", "0"), ("gateway, all kept", "100")):
            with _running(binary, ["gateway"], {**tempo, "SSE_SHARE_PERCENT": share}) as gateway:
                yield _measured(name, gateway, bodies, events)
        with (
            _running(binary, ["gateway"], {**tempo, "SSE_SHARE_PERCENT": "0"}) as gateway,
            _running(binary, ["balance", "resolver-static"], {"SSE_GATEWAYS": f'["{gateway.grpc}"]'}) as balance,
        ):
            yield _measured("balance", balance, bodies, events)


def _measured(name: str, tier: _Running, bodies: list[bytes], events: int) -> Tier:
    before_s, idle = _cpu_s(tier.process), tier.process.memory_info().rss
    _send(f"{tier.http}/v1/traces", bodies)
    highest = _settled(tier.process)
    cpu_s = _cpu_s(tier.process) - before_s
    return Tier(name, cpu_s * 1e6 / events, idle / 1024**2, highest / 1024**2)


def collector() -> Path:
    """Return the Collector's binary, as deploy/tools.sh leaves it.

    Raises:
        FileNotFoundError: There is none.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "otel-sse"
    folder = Path(os.environ.get("OTEL_SSE_TOOLS") or cache)
    found = Path(os.environ.get("OTEL_SSE_COLLECTOR") or folder / "otelcol-sse")
    if not found.is_file():
        raise FileNotFoundError(must("Collector", "be built", "none", "Run make collector, which needs Go."))
    return found


@contextmanager
def _running(binary: Path, configs: list[str], settings: dict[str, str]) -> Iterator[_Running]:
    grpc, http, prometheus, health, telemetry = _free_ports(5)
    environment = {
        "PATH": os.environ["PATH"],
        "SSE_OTLP_GRPC": f"127.0.0.1:{grpc}",
        "SSE_OTLP_HTTP": f"127.0.0.1:{http}",
        "SSE_PROMETHEUS": f"127.0.0.1:{prometheus}",
        "SSE_HEALTH": f"127.0.0.1:{health}",
        "SSE_TELEMETRY_HOST": "127.0.0.1",
        "SSE_TELEMETRY_PORT": str(telemetry),
        **settings,
    }
    command = [str(binary), *(f"--config={CONFIGS / name}.yaml" for name in configs)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait(f"http://127.0.0.1:{health}/", process)
            yield _Running(f"http://127.0.0.1:{http}", f"127.0.0.1:{grpc}", psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + _START_S
    while time.monotonic() < end_s and process.poll() is None:
        try:
            if httpx.get(url, trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(_POLL_S)
    raise RuntimeError(must("Collector", f"start within {_START_S:g} s", "none that answers", "Try again."))


def _send(url: str, bodies: list[bytes]) -> None:
    headers = {"content-type": "application/x-protobuf"}
    with httpx.Client(headers=headers, trust_env=False, timeout=60) as client:
        for body in bodies:
            client.post(url, content=body).raise_for_status()


def _settled(process: psutil.Process) -> int:
    """Wait until it uses no CPU for two seconds; return its highest memory meanwhile, in bytes."""
    highest, idle_s, last_s = 0, 0.0, _cpu_s(process)
    while idle_s < 2.0:
        time.sleep(_SETTLE_S)
        highest, now_s = max(highest, process.memory_info().rss), _cpu_s(process)
        idle_s = idle_s + _SETTLE_S if now_s - last_s < 0.02 else 0.0
        last_s = now_s
    return highest


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


@contextmanager
def _dropping() -> Iterator[str]:
    """Serve a backend on loopback that takes all and keeps nothing."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Dropping)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": _POLL_S})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Dropping(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
