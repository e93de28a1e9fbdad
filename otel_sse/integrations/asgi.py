"""The stage `socket_write`: ASGI middleware that watches event streams leave the application."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.instrumentation.asgi import get_host_port_url_tuple
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from otel_sse.integrations.counters import start_counters
from otel_sse.integrations.exchange import Exchange
from otel_sse.integrations.protocol import (
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
    kind_of,
    pairs,
)
from otel_sse.integrations.request_span.beside import RequestSpans
from otel_sse.integrations.request_span.redaction import decoded
from otel_sse.integrations.request_span.scope import told
from otel_sse.integrations.server_span import ServerSpanMakers, no_native_span
from otel_sse.integrations.waiting import can_wait, wait_until
from otel_sse.patterns import UrlPatterns
from otel_sse.recording.recorder import Recorder
from otel_sse.stream.stages import SOCKET_WRITE

if TYPE_CHECKING:
    from otel_sse.integrations.websockets.asgi_exchange import WebSocketExchange

    MakeExchange = Callable[[Recorder, Scope, Receive, Send], WebSocketExchange]

__all__ = ["ASGIApp", "Message", "Receive", "Scope", "Send", "StreamMiddleware"]

_MARK: Final = "otel_sse"
"""Scope key of a request that is watched already, so that two instrumented layers do not count a chunk twice."""

_LAST_WAIT_S: Final = 1.0
"""Longest wait at an application's shutdown for streams that were just cancelled, so that their ends are written."""


class StreamMiddleware:
    """Watches every response of an ASGI application that is an event stream. Never changes after it is made.

    Args:
        app: The application.
        recorder: Records the streams.
        tracer_provider: Where the request's SERVER span goes if this middleware has to make it.
        meter_provider: Likewise for contrib's request metrics.
    """

    def __init__(
        self,
        app: ASGIApp,
        recorder: Recorder,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self.app = app
        self.recorder = recorder
        options = recorder.options
        self._excluded = UrlPatterns(options.excluded_urls) if options.excluded_urls else None
        self._kinds = ("http", "websocket") if options.websockets else ("http",)
        self._makers = ServerSpanMakers(app)
        self._spans = (
            RequestSpans(self._watch, recorder, tracer_provider, meter_provider) if options.server_span else None
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Serve one connection; all but HTTP and WebSockets pass untouched, and all do once the recorder is closed."""
        kind = kind_of(scope)
        if kind == "lifespan":
            return await self.app(scope, self._flushing(receive), self._starting(send))
        if kind not in self._kinds or self.recorder.closed or self._is_to_pass(scope):
            return await self.app(scope, receive, send)
        scope[_MARK] = True
        try:
            if kind == "http":
                return await self._serve(scope, receive, send)
            return await self._serve_websocket(scope, receive, send)
        finally:
            # Whoever gave us the scope may hand it to another application, as a cascade does.
            scope.pop(_MARK, None)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> Any:
        serve, without_native = self._way(scope)
        with no_native_span(scope) if without_native else nullcontext():
            return await serve(scope, receive, send)

    def _way(self, scope: Scope) -> tuple[ASGIApp, bool]:
        """Who is to serve a request, and whether FastAPI is to make no SERVER span."""
        try:
            if self._spans is not None and self._makers.twice:
                return self._watch, True
            if self._spans is not None and not self._makers.any(scope):
                return self._spans, True
        except Exception as error:
            self.recorder.errors.report("open", error)
        return self._watch, False

    async def _watch(self, scope: Scope, receive: Receive, send: Send) -> Any:
        return await Exchange(self.recorder, scope, receive, send).run(self.app)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> Any:
        try:
            exchange = _websocket_exchange()(self.recorder, scope, receive, send)
        except Exception as error:
            self.recorder.errors.report("open", error)
            return await self.app(scope, receive, send)
        return await exchange.run(self.app)

    def _is_to_pass(self, scope: Scope) -> bool:
        try:
            return not isinstance(scope, MutableMapping) or _MARK in scope or self._is_excluded(scope)
        except Exception as error:
            self.recorder.errors.report("open", error)
            return True

    def _is_excluded(self, scope: Scope) -> bool:
        if self._excluded is None:
            return False
        path = scope.get("path", "")
        # As contrib does it; and by the path alone, which a pattern may be anchored to.
        made = {**told(scope, frozenset()), "path": str(path), "headers": _readable_host(scope)}
        _, _, url = get_host_port_url_tuple(made)  # type: ignore[no-untyped-call]
        return self._excluded.find(url, str(path))

    def _starting(self, send: Send) -> Send:
        # By now the application has all its routes, and its providers are set. The loop serves nobody yet.
        async def starting(message: Message) -> None:
            if kind_of(message) == "lifespan.startup.complete":
                self._start()
            await send(message)

        return starting

    def _start(self) -> None:
        try:
            start_counters(self.recorder, self.app, SOCKET_WRITE)
            if self.recorder.options.websockets:
                _websocket_exchange()
        except Exception as error:
            self.recorder.errors.report("open", error)

    def _flushing(self, receive: Receive) -> Receive:
        # The application's own shutdown code may end the providers, so what is pending goes out before it runs.
        async def flushing() -> Message:
            message = await receive()
            if kind_of(message) == "lifespan.shutdown":
                await self._write_out()
            return message

        return flushing

    async def _write_out(self) -> None:
        recorder = self.recorder
        # uvicorn cancels what still streams right before an application's shutdown, and does not wait for it.
        await wait_until(lambda: not recorder.background.has_open, _LAST_WAIT_S)
        timeout_s = recorder.options.shutdown_timeout_seconds
        if can_wait():
            written = await wait_until(recorder.background.start_flush(), timeout_s)
        else:
            written = recorder.flush(timeout_s)
        if not written:
            recorder.background.warn_late("What is not written by the process's exit is lost.")


def _websocket_exchange() -> MakeExchange:
    # Not at the top: this and `hops` are 15 modules that whoever only imports an application has no use for.
    from otel_sse.integrations.websockets.asgi_exchange import exchange_of

    return exchange_of


def _readable_host(scope: Scope) -> list[tuple[bytes, bytes]]:
    return [(name, decoded(value).encode()) for name, value in pairs(scope.get("headers")) if name.lower() == b"host"]
