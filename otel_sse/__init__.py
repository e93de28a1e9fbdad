r"""Every chunk of a streamed answer in OpenTelemetry, at every stage it crosses.

    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse
    import otel_sse

    app = otel_sse.instrument(FastAPI())

    async def answer():
        yield "data: Hello\n\n"

    @app.get("/chat")
    async def chat():
        return StreamingResponse(answer(), media_type="text/event-stream")

Importing this package has no effect: names load on first use, and until then nothing is patched,
no thread is started and no environment variable is read.

PYTEST_DONT_REWRITE: the package brings fixtures, so pytest would rewrite it, or warn where it was imported before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from otel_sse import dialects, guards, policies, testing, wire

    # Not in `__all__`: `from otel_sse import *` would load them, and two of them need an extra.
    from otel_sse import litellm as litellm
    from otel_sse import otlp_lines as otlp_lines
    from otel_sse import prometheus as prometheus
    from otel_sse import websockets as websockets
    from otel_sse.errors import (
        ConfigurationError,
        MissingExtraError,
        NotAnApplicationError,
        OtelSSEError,
        StreamReusedError,
    )
    from otel_sse.guards.single_pass import single_pass
    from otel_sse.integrations.apps import instrument, uninstrument
    from otel_sse.integrations.instrumentor import SSEInstrumentor
    from otel_sse.integrations.verbs.carriers import extract, inject
    from otel_sse.integrations.verbs.handles import resume_stream, stream_handle
    from otel_sse.integrations.verbs.normalize import normalize
    from otel_sse.integrations.verbs.observe import observe
    from otel_sse.integrations.verbs.policies import policy
    from otel_sse.option_types import InstrumentOptions
    from otel_sse.options import Options
    from otel_sse.recording.registry import flush, shutdown
    from otel_sse.stream.totals import Totals

__version__: Final = "0.1.0"
"""The version, which the instrumentation scope of all spans and metrics has too."""

__all__ = [
    "ConfigurationError",
    "InstrumentOptions",
    "MissingExtraError",
    "NotAnApplicationError",
    "Options",
    "OtelSSEError",
    "SSEInstrumentor",
    "StreamReusedError",
    "Totals",
    "__version__",
    "dialects",
    "extract",
    "flush",
    "guards",
    "inject",
    "instrument",
    "normalize",
    "observe",
    "policies",
    "policy",
    "resume_stream",
    "shutdown",
    "single_pass",
    "stream_handle",
    "testing",
    "uninstrument",
    "wire",
]

_MODULE_OF: Final = {
    "ConfigurationError": "otel_sse.errors",
    "InstrumentOptions": "otel_sse.option_types",
    "MissingExtraError": "otel_sse.errors",
    "NotAnApplicationError": "otel_sse.errors",
    "Options": "otel_sse.options",
    "OtelSSEError": "otel_sse.errors",
    "SSEInstrumentor": "otel_sse.integrations.instrumentor",
    "StreamReusedError": "otel_sse.errors",
    "Totals": "otel_sse.stream.totals",
    "extract": "otel_sse.integrations.verbs.carriers",
    "flush": "otel_sse.recording.registry",
    "inject": "otel_sse.integrations.verbs.carriers",
    "instrument": "otel_sse.integrations.apps",
    "normalize": "otel_sse.integrations.verbs.normalize",
    "observe": "otel_sse.integrations.verbs.observe",
    "policy": "otel_sse.integrations.verbs.policies",
    "resume_stream": "otel_sse.integrations.verbs.handles",
    "shutdown": "otel_sse.recording.registry",
    "single_pass": "otel_sse.guards.single_pass",
    "stream_handle": "otel_sse.integrations.verbs.handles",
    "uninstrument": "otel_sse.integrations.apps",
}
"""Public name → module that has it."""

_SUBMODULES: Final = {
    "dialects": "otel_sse.dialects",
    "guards": "otel_sse.guards",
    "litellm": "otel_sse.litellm",
    "otlp_lines": "otel_sse.otlp_lines",
    "policies": "otel_sse.policies",
    "prometheus": "otel_sse.prometheus",
    "testing": "otel_sse.testing",
    "websockets": "otel_sse.websockets",
    "wire": "otel_sse.wire",
}
"""Public modules, which load on first use: name → module."""


def _load(name: str) -> object:
    """Return what the public `name` stands for, loading its module on first use (PEP 562).

    Raises:
        AttributeError: `name` is not public; the message has the nearest name that is.
        MissingExtraError: `name` is a module that needs an extra which is not installed.
    """
    from importlib import import_module

    if name in _SUBMODULES:
        return import_module(_SUBMODULES[name])
    if name not in _MODULE_OF:
        raise AttributeError(_unknown(name), name=name)
    value = globals()[name] = getattr(import_module(_MODULE_OF[name]), name)
    return value


def _unknown(name: str) -> str:
    from otel_sse.errors import nearest

    advice = nearest(name, sorted({*__all__, *_SUBMODULES}), f"dir({__name__}) lists all.")
    return f"module {__name__!r} has no attribute {name!r}. {advice}"


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})


# Hidden from type checkers: a visible `__getattr__` would make every misspelt name valid to them.
if not TYPE_CHECKING:
    __getattr__ = _load
