"""One SERVER span per request: who makes it already?"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

_NATIVE: Final = "fastapi.telemetry"
"""Scope key of FastAPI's own telemetry; with None in it a FastAPI application makes no SERVER span."""


class ServerSpanMakers:
    """Those inside an application that make the request's SERVER span themselves.

    Contrib's middleware always does. FastAPI (0.163 on) does once a tracer provider is set, which may be later than
    the application is instrumented, so it is asked at each request.

    Args:
        app: The application, looked through along `.app` and `.middleware_stack`.
    """

    def __init__(self, app: object) -> None:
        found = list(layers(app))
        self._contrib = any(isinstance(layer, OpenTelemetryMiddleware) for layer in found)
        self._native: list[Any] = [
            layer._native_telemetry.config for layer in found if hasattr(layer, "_native_telemetry")
        ]

    @property
    def twice(self) -> bool:
        """Whether contrib's middleware stands around a FastAPI application, so that both would make one."""
        return self._contrib and bool(self._native)

    def any(self, scope: Mapping[str, Any]) -> bool:
        """Return whether this request has, or will have, a SERVER span without our help, or is to have none."""
        if self._contrib or trace.get_current_span().get_span_context().is_valid:
            return True
        if _NATIVE in scope and scope[_NATIVE] is None:
            # A FastAPI application further out was told to leave this request alone.
            return True
        return any(_makes_spans(config) for config in self._native)


@contextmanager
def no_native_span(scope: MutableMapping[str, Any]) -> Iterator[None]:
    """Keep FastAPI applications mounted further in from making a SERVER span too."""
    if _NATIVE in scope or "fastapi" not in sys.modules:
        yield
        return
    scope[_NATIVE] = None
    try:
        yield
    finally:
        scope.pop(_NATIVE, None)


def _makes_spans(config: Mapping[str, Any]) -> bool:
    # FastAPI's own `enabled()` is also true where it only counts requests.
    provider = config["tracer_provider"] or trace.get_tracer_provider()
    return bool(config["tracing"]) and not isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider))


def layers(app: Any) -> Iterator[Any]:
    """Return an application and what lies within it, along `.app` and `.middleware_stack`, each once."""
    seen: set[int] = set()
    while app is not None and id(app) not in seen:
        seen.add(id(app))
        yield app
        following = getattr(app, "app", None)
        app = following if callable(following) else getattr(app, "middleware_stack", None)
