"""Starlette and FastAPI applications, instrumented in place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import MethodType
from typing import Any, Final

from otel_sse.integrations.asgi import ASGIApp, StreamMiddleware
from otel_sse.recording.recorder import Recorder

_ATTRIBUTE: Final = "_otel_sse_installed"
_BUILD: Final = "build_middleware_stack"

Wrap = Callable[[ASGIApp], StreamMiddleware]


class _Installed:
    """What `install` changed on one application, so that `remove` restores exactly what was there."""

    def __init__(self, app: Any, wrap: Wrap) -> None:
        self.active = True
        self.wrap = wrap
        self.inherited = _BUILD not in vars(app)
        self.build: Callable[[], ASGIApp] = app.build_middleware_stack
        self.method = MethodType(self._build, app)

    def _build(self, app: Any) -> ASGIApp:
        # Others (contrib) may have wrapped this method since and keep calling it after `remove`.
        stack = self.build()
        return enclose(stack, self.wrap) if self.active else stack


def is_starlette(app: object) -> bool:
    """Return whether `app` builds its middleware the way Starlette does (FastAPI does too)."""
    return callable(getattr(app, _BUILD, None)) and hasattr(app, "middleware_stack")


def is_instrumented(app: object) -> bool:
    """Return whether `install` has been called on this application, and `remove` not since."""
    return _ATTRIBUTE in vars(app)


def install(app: Any, wrap: Wrap) -> None:
    """Put the middleware around everything the application builds, inside FastAPI's own request span.

    Args:
        app: A Starlette or FastAPI application, running or not, with or without routes.
        wrap: Makes the middleware.
    """
    installed = _Installed(app, wrap)
    setattr(app, _ATTRIBUTE, installed)
    app.build_middleware_stack = installed.method
    if app.middleware_stack is not None:
        app.middleware_stack = enclose(app.middleware_stack, wrap)


def remove(app: Any, recorder: Recorder) -> None:
    """Undo `install`: the application is again what it was, running or not.

    Args:
        app: The application.
        recorder: That of the middleware which is to go; another's stays.
    """
    installed: _Installed = vars(app).pop(_ATTRIBUTE)
    installed.active = False
    for name, value in list(vars(app).items()):
        # Contrib keeps the method it found under a name of its own, and puts it back one day.
        if value is installed.method:
            setattr(app, name, installed.build)
    if installed.inherited and vars(app).get(_BUILD) is installed.build:
        delattr(app, _BUILD)
    take_out(app, recorder)


def enclose(stack: ASGIApp, wrap: Wrap) -> ASGIApp:
    """Return a built stack with the middleware around it.

    Contrib's FastAPI instrumentation gives up where the stack that it is to wrap does not begin with a
    ServerErrorMiddleware, so what stood first still seems to.
    """
    errors = sys.modules.get("starlette.middleware.errors")
    if errors is None or not isinstance(stack, errors.ServerErrorMiddleware):
        return wrap(stack)
    from otel_sse.integrations.applications.starlette_front import Front

    return Front(wrap(stack))


def take_out(app: Any, recorder: Recorder) -> None:
    """Take a recorder's middleware out of an application that has been built, wherever in the stack it stands."""
    holder, name = app, "middleware_stack"
    while (layer := getattr(holder, name, None)) is not None:
        middleware = _behind(layer)
        if isinstance(middleware, StreamMiddleware) and middleware.recorder is recorder:
            setattr(holder, name, middleware.app)
            return
        holder, name = layer, "app"


def _behind(layer: Any) -> Any:
    """Return the middleware that a `Front` stands for; any other layer stands for itself."""
    front = sys.modules.get("otel_sse.integrations.applications.starlette_front")
    return layer.app if front is not None and isinstance(layer, front.Front) else layer
