"""The ecosystem's way in: `SSEInstrumentor`, found by `opentelemetry-instrument`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from otel_sse.integrations import patches
from otel_sse.integrations.apps import end_recorder, new_recorder
from otel_sse.integrations.asgi import ASGIApp, StreamMiddleware
from otel_sse.integrations.frameworks import FrameworkPatches
from otel_sse.options import Options
from otel_sse.telemetry.recorder import Recorder


class SSEInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Watches the ASGI applications of a process: Starlette, FastAPI, Litestar, Quart, Django, and what uvicorn loads.

    `instrument()` takes `tracer_provider`, `meter_provider` and the settings of `otel_sse.Options`. A framework is
    patched when it is imported, before or after. `uninstrument()` undoes every patch, also on applications that are
    running.

    Example:
        >>> SSEInstrumentor().instrument(chunk_events="packed")
    """

    _running: tuple[FrameworkPatches, Recorder] | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return (): there is no one package that must be there."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        tracer_provider, meter_provider = kwargs.get("tracer_provider"), kwargs.get("meter_provider")
        names = Options.names()
        options = Options.resolve(None, **{name: value for name, value in kwargs.items() if name in names})
        if not options.enabled:
            return
        recorder = new_recorder(options, tracer_provider, meter_provider)
        patches.hold(recorder)

        def wrap(app: ASGIApp) -> StreamMiddleware:
            return StreamMiddleware(app, recorder, tracer_provider, meter_provider)

        self._running = (FrameworkPatches(wrap), recorder)

    def _uninstrument(self, **kwargs: Any) -> None:
        running, self._running = self._running, None
        if running is not None:
            frameworks, recorder = running
            frameworks.undo()
            end_recorder(recorder)
