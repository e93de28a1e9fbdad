"""What an application's start pays: `import otel_sse` and `instrument(app)`, each in a process that has just begun."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

ALONE: Final = "Starlette alone"
TRACED: Final = "FastAPI, OpenTelemetry set up"

APPS: Final[dict[str, str]] = {
    ALONE: """
from starlette.applications import Starlette
app = Starlette()
""",
    TRACED: """
import httpx, msgspec, opentelemetry.instrumentation.asgi, wrapt
from fastapi import FastAPI
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
metrics.set_meter_provider(MeterProvider())
app = FastAPI()
""",
}
"""What an application has loaded and made by then: its name → its lines.

The second one has all that otel_sse itself is made of, so that what is left is otel_sse's own part.
"""

_WATCHED: Final = "watched"

_MEASURED: Final = """
import asyncio, json, sys, time
from starlette.responses import StreamingResponse
from starlette.routing import Route, WebSocketRoute
async def answer(request):
    async def parts():
        yield 'data: {"choices": [{"index": 0, "delta": {"content": "Hello"}}]}\\n\\n'
        yield "data: [DONE]\\n\\n"
    return StreamingResponse(parts(), media_type="text/event-stream")
async def talk(websocket):
    await websocket.accept()
    await websocket.send_text("Hello")
    await websocket.close()
app.router.routes += [Route("/answer", answer), WebSocketRoute("/talk", talk)]
async def nothing():
    await asyncio.Future()
async def connected():
    return {"type": "websocket.connect"}
async def send(message):
    pass
any_scope = {"query_string": b"", "headers": [], "http_version": "1.1"}
def stream():
    asyncio.run(app({"type": "http", "method": "GET", "path": "/answer", **any_scope}, nothing, send))
def websocket():
    asyncio.run(app({"type": "websocket", "path": "/talk", **any_scope}, connected, send))
def own():
    return sum(name.partition(".")[0] == "otel_sse" for name in sys.modules)
loaded, begun = len(sys.modules), time.process_time()
if sys.argv[1:] == ["watched"]:
    import otel_sse
    imported = time.process_time()
    otel_sse.instrument(app)
else:
    imported = begun
instrumented, after, ours = time.process_time(), len(sys.modules), own()
stream()
streamed, with_stream = time.process_time(), own()
websocket()
times = [begun, imported, instrumented, streamed, time.process_time()]
taken = [1e3 * (later - earlier) for earlier, later in zip(times, times[1:])]
print(json.dumps([*taken, after - loaded, with_stream - ours, own() - with_stream]))
"""
"""One process. What streams take that nobody watches is measured in another one, and taken off."""


@dataclass(slots=True, frozen=True)
class Start:
    """What one application's start pays more, as medians over the processes.

    Args:
        import_ms: CPU of `import otel_sse`, in milliseconds.
        instrument_ms: CPU of `instrument(app)` behind it, in milliseconds.
        stream_ms: CPU of the first stream, without what it takes where nobody watches, in milliseconds. No server has
            started the application.
        websocket_ms: CPU of the first WebSocket behind it, likewise.
        modules: Modules that the import and `instrument` load.
        stream_modules: Modules of otel_sse that the first stream still loads.
        websocket_modules: Those that the first WebSocket loads.
    """

    import_ms: float
    instrument_ms: float
    stream_ms: float
    websocket_ms: float
    modules: float
    stream_modules: float
    websocket_modules: float


def measure(starts: int) -> dict[str, Start]:
    """Return for each application what its start pays more.

    Args:
        starts: Processes of each that count; one before them writes the byte code.
    """
    with TemporaryDirectory() as folder:
        return {name: _measure(lines, starts, Path(folder)) for name, lines in APPS.items()}


def _measure(lines: str, starts: int, byte_code: Path) -> Start:
    _start(lines, byte_code, _WATCHED)
    watched = _medians(_start(lines, byte_code, _WATCHED) for _ in range(starts))
    plain = _medians(_start(lines, byte_code) for _ in range(starts))
    return Start(*(more - less for more, less in zip(watched, plain, strict=True)))


def _medians(taken: Iterable[list[float]]) -> list[float]:
    return [median(figures) for figures in zip(*taken, strict=True)]


def _start(lines: str, byte_code: Path, *how: str) -> list[float]:
    command = [sys.executable, "-c", lines + _MEASURED, *how]
    # Where Python is told to write no byte code, each start would compile the whole package: four times the cost.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTHONPYCACHEPREFIX": str(byte_code)}
    made = subprocess.run(command, capture_output=True, check=True, env=environment)
    figures: list[float] = json.loads(made.stdout)
    return figures
