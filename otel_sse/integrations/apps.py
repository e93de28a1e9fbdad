"""`instrument(app)`: one verb for every kind of ASGI application."""

from __future__ import annotations

import inspect
import weakref
from typing import Any, TypeVar, Unpack

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from otel_sse.errors import NotAnApplicationError, must
from otel_sse.integrations import patches
from otel_sse.integrations.applications import starlette_stack
from otel_sse.integrations.applications.foreign import advice_on
from otel_sse.integrations.asgi import ASGIApp, Receive, Scope, Send, StreamMiddleware
from otel_sse.integrations.counters import start_counters
from otel_sse.iterators.object_proxy import ObjectProxy
from otel_sse.option_types import InstrumentOptions
from otel_sse.options import Options
from otel_sse.recording import registry
from otel_sse.recording.recorder import Recorder
from otel_sse.stream.stages import SOCKET_WRITE

App = TypeVar("App")

_by_app: weakref.WeakKeyDictionary[Any, Recorder] = weakref.WeakKeyDictionary()

_ADVICE = "Pass the application object itself, such as FastAPI() or an async function (scope, receive, send)."


class InstrumentedApp(ObjectProxy):
    """An ASGI application that is watched. In all but being called it is the application it wraps."""

    def __init__(self, app: ASGIApp, middleware: StreamMiddleware) -> None:
        super().__init__(app)
        self._self_middleware = middleware

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        return await self._self_middleware(scope, receive, send)


def instrument(
    app: App,
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    **options: Unpack[InstrumentOptions],
) -> App:
    """Watch every event stream that leaves an ASGI application: each chunk becomes an event of its stream's span.

    Starlette and FastAPI applications are changed in place and returned, any other application is returned wrapped.
    Instrumenting twice changes nothing. `uninstrument` restores what was there.

    Args:
        app: The application, in any state: before or after its routes were added, running or not.
        tracer_provider: Where spans go; the global provider where None, also if that is set later.
        meter_provider: Where metrics go; likewise.
        **options: Options by name, see docs/reference.md; they win over the environment, and None is "not given".

    Returns:
        The application to serve.

    Raises:
        NotAnApplicationError: `app` can't be called as an ASGI application. It is a TypeError, and says the way out for
            WSGI's, aiohttp's and Robyn's.
        ConfigurationError: There is no option of such a name, or one has a value that is not allowed. It is a
            ValueError, and names the option and those that are spelt alike.
    """
    _check(app)
    resolved = Options.resolve(None, **options)
    watching = _recorder_of(app)
    if not resolved.enabled or (watching is not None and not watching.closed):
        return app
    app = uninstrument(app)
    recorder = registry.new_recorder(resolved, tracer_provider, meter_provider)
    start_counters(recorder, app, SOCKET_WRITE)
    patches.hold(recorder)

    def wrap(inner: ASGIApp) -> StreamMiddleware:
        return StreamMiddleware(inner, recorder, tracer_provider, meter_provider)

    if starlette_stack.is_starlette(app):
        starlette_stack.install(app, wrap)
        _by_app[app] = recorder
        return app
    wrapped: Any = InstrumentedApp(app, wrap(app))  # type: ignore[arg-type]
    return wrapped  # type: ignore[no-any-return]


def uninstrument(app: App) -> App:
    """Undo `instrument`: write out what is pending and return the application as it was. Harmless where not needed.

    Args:
        app: What `instrument` returned.

    Returns:
        The application without a trace of it. One that was wrapped is the one within.
    """
    if isinstance(app, InstrumentedApp):
        end_recorder(app._self_middleware.recorder)
        original: App = app.__wrapped__
        return original
    if starlette_stack.is_starlette(app) and starlette_stack.is_instrumented(app):
        recorder = _by_app.pop(app)
        starlette_stack.remove(app, recorder)
        end_recorder(recorder)
    return app


def end_recorder(recorder: Recorder) -> None:
    """Write out what a recorder has, and undo the patches that no other one needs."""
    patches.release(recorder)
    recorder.shutdown()


def _recorder_of(app: Any) -> Recorder | None:
    if isinstance(app, InstrumentedApp):
        return app._self_middleware.recorder
    return _by_app.get(app) if starlette_stack.is_starlette(app) and starlette_stack.is_instrumented(app) else None


def _check(app: Any) -> None:
    if not callable(app) or not _is_async(app) or not _takes_three(app):
        raise NotAnApplicationError(must("app", "be an ASGI application", app, advice_on(app) or _ADVICE))


def _is_async(app: Any) -> bool:
    """Whether a call can be awaited, as far as can be known before it; uvicorn tells ASGI 3 by the same rules."""
    if inspect.isclass(app):
        # Starlette's HTTPEndpoint is an application by its class, whose objects are awaited.
        return hasattr(app, "__await__")
    if inspect.isroutine(app):
        return inspect.iscoroutinefunction(inspect.unwrap(app))
    return True


def _takes_three(app: Any) -> bool:
    try:
        inspect.signature(app).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:
        # Some callables written in C have no signature to look at.
        return True
    return True
