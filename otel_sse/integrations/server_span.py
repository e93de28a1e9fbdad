"""One SERVER span per request: who makes it already?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware


class ServerSpanMakers:
    """Those inside an application that make the request's SERVER span themselves.

    Contrib's middleware always does. FastAPI (0.163 on) does once a tracer provider is set, which may be later than
    the application is instrumented, so it is asked at each request.

    Args:
        app: The application, looked through along `.app` and `.middleware_stack`.
    """

    def __init__(self, app: object) -> None:
        layers = list(_layers(app))
        self._contrib = any(isinstance(layer, OpenTelemetryMiddleware) for layer in layers)
        self._native: list[Any] = [
            layer._native_telemetry for layer in layers if hasattr(layer, "_native_telemetry")
        ]

    def any(self) -> bool:
        """Return whether this request has, or will have, a SERVER span without our help."""
        if self._contrib or trace.get_current_span().get_span_context().is_valid:
            return True
        return any(native.enabled() for native in self._native)


def _layers(app: Any) -> Iterator[Any]:
    seen: set[int] = set()
    while app is not None and id(app) not in seen:
        seen.add(id(app))
        yield app
        following = getattr(app, "app", None)
        app = following if callable(following) else getattr(app, "middleware_stack", None)
