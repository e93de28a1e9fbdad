"""The recorders of this process: one for each instrumented application, and one for stages outside of any."""

from __future__ import annotations

import threading
import weakref

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from otel_sse import __version__
from otel_sse.options import Options
from otel_sse.telemetry.clock import now_ns
from otel_sse.telemetry.recorder import Recorder
from otel_sse.telemetry.streams import Stream, current_stream

_recorders: weakref.WeakSet[Recorder] = weakref.WeakSet()
_lock = threading.Lock()
_default: Recorder | None = None


def new_recorder(
    options: Options, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None
) -> Recorder:
    """Return a recorder that `flush` and `shutdown` know."""
    recorder = Recorder(options, tracer_provider, meter_provider, __version__)
    _recorders.add(recorder)
    return recorder


def default_recorder() -> Recorder:
    """Return the recorder of stages that no instrumented application stands around.

    Made on first use, with the settings of the environment and OpenTelemetry's global providers.
    """
    global _default
    with _lock:
        if _default is None or _default.closed:
            _default = new_recorder(Options.resolve(), None, None)
        return _default


def stream_here() -> Stream:
    """Return the stream of the request that is being served, or a new one outside of any."""
    return current_stream() or Stream(default_recorder(), now_ns())


def flush() -> None:
    """Write out all that has crossed so far, of every instrumented application. Blocks for as long as that takes."""
    for recorder in list(_recorders):
        recorder.flush()


def shutdown() -> None:
    """Flush, and end streams that are still open as `abandoned`. To be called before the providers' own shutdown."""
    for recorder in list(_recorders):
        recorder.shutdown()
