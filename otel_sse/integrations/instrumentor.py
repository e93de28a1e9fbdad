"""The ecosystem's way in: `SSEInstrumentor`, found by `opentelemetry-instrument`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final, Unpack

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from otel_sse.errors import ConfigurationError, alike_names
from otel_sse.integrations import patches
from otel_sse.integrations.applications.classes import FrameworkPatches
from otel_sse.integrations.apps import end_recorder
from otel_sse.integrations.asgi import ASGIApp, StreamMiddleware
from otel_sse.option_types import InstrumentorOptions
from otel_sse.options import Options, unknown_option
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.registry import new_recorder, tell_unusable
from otel_sse.recording.settings import check_settings
from otel_sse.stream.stages import SOCKET_WRITE

_OTHERS: Final = frozenset({"tracer_provider", "meter_provider", "logger_provider", "event_logger_provider"})
"""Arguments of OpenTelemetry's instrumentors that are no options."""


class SSEInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Watches the ASGI applications of a process: Starlette, FastAPI, Litestar, Quart, Django, and what uvicorn loads.

    `instrument()` takes `tracer_provider`, `meter_provider` and the settings of `otel_sse.Options`. A framework is
    patched when it is imported, before or after. `uninstrument()` undoes every patch, also on applications that are
    running.

    An argument that is not allowed raises `ConfigurationError`, and so does one whose name is spelt like an option's.
    Other names are left alone: distributions of OpenTelemetry give every instrumentor the same arguments.

    A variable that is not allowed raises nothing: whoever set it is not the one who wrote the call, and
    `opentelemetry-instrument`, for which this is made, would leave out all instrumentations behind this one. It is told
    once, as an error in the log `otel_sse`, and nothing is watched: to go on without it could record what it was to
    keep out.

    Example:
        >>> SSEInstrumentor().instrument(chunk_events="packed")
    """

    _running: tuple[FrameworkPatches, Recorder] | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """Return (): there is no one package that must be there."""
        return ()

    def instrument(self, **options: Unpack[InstrumentorOptions]) -> Any:
        """Watch every ASGI application of the process from now on. Without effect where that is so already.

        Args:
            **options: Options by name, see docs/reference.md, and `tracer_provider` and `meter_provider`.

        Raises:
            ConfigurationError: An option has a value that is not allowed, or a name is spelt like an option's.
        """
        return super().instrument(**options)

    def _instrument(self, **kwargs: Any) -> None:
        tracer_provider, meter_provider = kwargs.get("tracer_provider"), kwargs.get("meter_provider")
        names = Options.names()
        for name in kwargs.keys() - names - _OTHERS:
            if alike_names(name, names):
                raise unknown_option(name)
        given = {name: value for name, value in kwargs.items() if name in names}
        # By themselves, so that what is wrong with them is raised, and what is left is the environment's.
        check_settings(Options.resolve({}, **given), tracer_provider, meter_provider)
        try:
            options = Options.resolve(None, **given)
            if not options.enabled:
                return
            recorder = new_recorder(options, tracer_provider, meter_provider)
        except ConfigurationError as error:
            tell_unusable(str(error))
            return
        recorder.metrics.start(SOCKET_WRITE)
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
