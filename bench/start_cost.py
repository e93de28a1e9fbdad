"""What an application's start pays: `import otel_sse` and `instrument(app)`, each in a process that has just begun."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from statistics import median
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

_MEASURED: Final = """
import json, sys, time
loaded, begun = len(sys.modules), time.process_time()
import otel_sse
imported = time.process_time()
otel_sse.instrument(app)
instrumented = time.process_time()
print(json.dumps([1e3 * (imported - begun), 1e3 * (instrumented - imported), len(sys.modules) - loaded]))
"""


@dataclass(slots=True, frozen=True)
class Start:
    """What one application's start pays more, as medians over the processes.

    Args:
        import_ms: CPU of `import otel_sse`, in milliseconds.
        instrument_ms: CPU of `instrument(app)` behind it, in milliseconds.
        modules: Modules that both load.
    """

    import_ms: float
    instrument_ms: float
    modules: int


def measure(starts: int) -> dict[str, Start]:
    """Return for each application what its start pays more.

    Args:
        starts: Processes of each that count; one before them writes the byte code.
    """
    return {name: _measure(lines, starts) for name, lines in APPS.items()}


def _measure(lines: str, starts: int) -> Start:
    _start(lines)
    taken = [_start(lines) for _ in range(starts)]
    return Start(*(median(figures) for figures in zip(*taken, strict=True)))


def _start(lines: str) -> tuple[float, float, int]:
    command = [sys.executable, "-c", lines + _MEASURED]
    import_ms, instrument_ms, modules = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return import_ms, instrument_ms, modules
