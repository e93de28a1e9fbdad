"""Starlette and FastAPI applications, instrumented in place."""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any, Final

from otel_sse.integrations.asgi import ASGIApp, StreamMiddleware

_ATTRIBUTE: Final = "_otel_sse_installed"
_ABSENT: Final = object()

Wrap = Callable[[ASGIApp], StreamMiddleware]


class _Installed:
    """What `install` changed on one application, so that `remove` restores exactly what was there."""

    def __init__(self, app: Any, wrap: Wrap) -> None:
        self.active = True
        self.wrap = wrap
        self.before: Any = vars(app).get("build_middleware_stack", _ABSENT)
        self.build: Callable[[], ASGIApp] = app.build_middleware_stack
        self.method = MethodType(self._build, app)

    def _build(self, app: Any) -> ASGIApp:
        # Others (contrib) may have wrapped this method since and keep calling it after `remove`.
        stack = self.build()
        return self.wrap(stack) if self.active else stack


def is_starlette(app: object) -> bool:
    """Return whether `app` builds its middleware the way Starlette does (FastAPI does too)."""
    return callable(getattr(app, "build_middleware_stack", None)) and hasattr(app, "middleware_stack")


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
        app.middleware_stack = wrap(app.middleware_stack)


def remove(app: Any) -> None:
    """Undo `install`: the application is again what it was, running or not."""
    installed: _Installed = vars(app).pop(_ATTRIBUTE)
    installed.active = False
    if vars(app).get("build_middleware_stack") is installed.method:
        if installed.before is _ABSENT:
            del app.build_middleware_stack
        else:
            app.build_middleware_stack = installed.before
    take_out(app)


def take_out(app: Any) -> None:
    """Take the middleware out of an application that has been built, wherever in the stack it stands."""
    holder, name, current = app, "middleware_stack", app.middleware_stack
    while current is not None:
        if isinstance(current, StreamMiddleware):
            setattr(holder, name, current.app)
            return
        holder, name, current = current, "app", getattr(current, "app", None)
