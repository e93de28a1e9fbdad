"""Patches of whole frameworks, for `SSEInstrumentor`: made when a framework is imported, undone without trace."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Awaitable, Callable, Iterator
from types import ModuleType
from typing import Any, Final

import wrapt

from otel_sse.integrations.applications import starlette_stack
from otel_sse.integrations.asgi import ASGIApp, Receive, Scope, Send, StreamMiddleware

_INNER: Final = "otel_sse.inner"
"""Scope key that carries a framework's own `__call__` past the middleware."""

_BUILDERS: Final = (("starlette.applications", "Starlette"), ("fastapi.applications", "FastAPI"))
_CALLABLES: Final = (
    ("litestar.app", "Litestar"),
    ("quart.app", "Quart"),
    ("django.core.handlers.asgi", "ASGIHandler"),
)
_SERVER: Final = ("uvicorn.config", "Config")
_HOOKED: Final = tuple(module for module, _ in (*_BUILDERS, *_CALLABLES, _SERVER))

Wrap = Callable[[ASGIApp], StreamMiddleware]
Patch = Callable[..., Any]


class FrameworkPatches:
    """The patches of one `SSEInstrumentor().instrument()`.

    Args:
        wrap: Makes the middleware.
    """

    def __init__(self, wrap: Wrap) -> None:
        self._wrap = wrap
        self._active = True
        self._middleware = wrap(_call_inner)
        self._built: weakref.WeakSet[Any] = weakref.WeakSet()
        self._patched: list[tuple[Any, str, Any]] = []
        _hook_imports()
        _in_force.add(self)
        for module in list(_HOOKED):
            if module in sys.modules:
                self.patch(sys.modules[module])

    def undo(self) -> None:
        """Restore every class, and take the middleware out of applications that have been built."""
        self._active = False
        _in_force.discard(self)
        for owner, method, wrapper in self._patched:
            # Whoever has wrapped it since keeps ours underneath, where it does nothing any more.
            if vars(owner)[method] is wrapper:
                setattr(owner, method, wrapper.__wrapped__)
        self._patched.clear()
        for app in list(self._built):
            starlette_stack.take_out(app, self._middleware.recorder)

    def patch(self, module: ModuleType) -> None:
        """Patch what a module has of the frameworks, once it is imported."""
        for (where, name), method, patch in self._seams():
            owner = getattr(module, name, None) if where == module.__name__ else None
            if owner is None or method not in vars(owner):
                continue
            if not any(each is owner for each, *_ in self._patched):
                wrapper = wrapt.wrap_function_wrapper(owner, method, patch)
                self._patched.append((owner, method, wrapper))

    def _seams(self) -> Iterator[tuple[tuple[str, str], str, Patch]]:
        for place in _BUILDERS:
            yield place, "build_middleware_stack", self._build
        for place in _CALLABLES:
            yield place, "__call__", self._call
        yield _SERVER, "load", self._load

    def _build(self, wrapped: Callable[[], ASGIApp], app: Any, args: Any, kwargs: Any) -> ASGIApp:
        stack = wrapped(*args, **kwargs)
        if not self._active or starlette_stack.is_instrumented(app):
            return stack
        self._built.add(app)
        return starlette_stack.enclose(stack, self._wrap)

    def _call(self, wrapped: ASGIApp, app: Any, args: Any, kwargs: Any) -> Awaitable[None]:
        if not self._active or len(args) + len(kwargs) != 3:
            # uvicorn calls an application without arguments to learn whether it is a factory; the framework's own
            # TypeError, raised by the call itself, is the answer.
            return wrapped(*args, **kwargs)
        scope, receive, send = _connection(*args, **kwargs)
        scope[_INNER] = wrapped
        return self._middleware(scope, receive, send)

    def _load(self, wrapped: Callable[[], None], config: Any, args: Any, kwargs: Any) -> None:
        wrapped(*args, **kwargs)
        if self._active and not _is_covered(config.loaded_app):
            config.loaded_app = self._wrap(config.loaded_app)


_in_force: weakref.WeakSet[FrameworkPatches] = weakref.WeakSet()


@functools.cache
def _hook_imports() -> None:
    # Import hooks can't be taken back, so each is made but once in a process.
    for module in _HOOKED:
        wrapt.register_post_import_hook(_imported, module)


def _imported(module: ModuleType) -> None:
    for patches in list(_in_force):
        patches.patch(module)


def _connection(scope: Scope, receive: Receive, send: Send) -> tuple[Scope, Receive, Send]:
    """Return what an application was called with, by position or by name."""
    return scope, receive, send


async def _call_inner(scope: Scope, receive: Receive, send: Send) -> Any:
    return await scope.pop(_INNER)(scope, receive, send)


def _is_covered(app: Any) -> bool:
    """Return whether some layer of `app` is of a class that is patched already."""
    names = {f"{module}.{name}" for module, name in (*_BUILDERS, *_CALLABLES)}
    seen: set[int] = set()
    while app is not None and id(app) not in seen:
        seen.add(id(app))
        if any(f"{base.__module__}.{base.__qualname__}" in names for base in type(app).__mro__):
            return True
        app = getattr(app, "app", None)
    return False
