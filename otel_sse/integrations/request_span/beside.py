"""Contrib's middleware beside the application: it makes the SERVER span and counts requests, and no message crosses it.

It decodes what a client sends, and raises where that can't be decoded. So it is told of a request in a scope that is
made for it, and of those messages that it writes down. The application gets its own scope, receive and send, and what
the application raises goes past contrib.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

from opentelemetry.context import attach, get_current
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, StatusCode, TracerProvider, get_current_span

from otel_sse.integrations.protocol import (
    BODY,
    START,
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
    get,
    is_true,
    kind_of,
)
from otel_sse.integrations.request_span import scope as scopes
from otel_sse.integrations.request_span.labels import BoundedMeterProvider
from otel_sse.integrations.request_span.late import LateTracerProvider
from otel_sse.recording.outcomes import error_type
from otel_sse.recording.recorder import Recorder

_REQUEST: Final = "otel_sse.request"
"""Key under which contrib's scope carries the request past it."""

_LAST_BODY: Final = {"type": BODY}
_STATUS: Final = range(100, 1_000)


class RequestSpans:
    """Makes the SERVER span of each request that it serves. Never changes after it is made.

    Args:
        app: The application.
        recorder: Its options say what the span may show, its thread ends the span, and it counts our errors.
        tracer_provider: Where spans go; the global provider where None.
        meter_provider: Where contrib's metrics go; likewise.
    """

    def __init__(
        self,
        app: ASGIApp,
        recorder: Recorder,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
    ) -> None:
        self._app = app
        self._recorder = recorder
        self._allowed = frozenset(recorder.options.url_query_allow)
        self._tracer_provider = tracer_provider
        self._meter_provider = meter_provider

    @cached_property
    def _contrib(self) -> OpenTelemetryMiddleware:
        # Made with the first request that needs it: by then the providers are set, and a global one that is not set
        # yet keeps the instruments of every middleware that was ever made.
        return OpenTelemetryMiddleware(
            _serve,
            tracer_provider=LateTracerProvider(self._tracer_provider, self._recorder),
            meter_provider=BoundedMeterProvider(self._meter_provider, frozenset(self._recorder.options.hosts_allow)),
            exclude_spans=["receive", "send"],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """Serve one HTTP request; where contrib fails, without a SERVER span."""
        request = _Request(self._app, self._recorder, scope, receive, send)
        before = get_current()
        try:
            told = scopes.told(scope, self._allowed)
            told[_REQUEST] = request
            await self._contrib(told, _nothing, _taken)
        except Exception as error:
            self._recorder.errors.report("close" if request.called else "open", error)
        if not request.called:
            if get_current() is not before:
                attach(before)
            return await self._app(scope, receive, send)
        return request.result()


async def _serve(told: Scope, receive: Receive, tell: Send) -> None:
    """Stand where contrib has the application."""
    await told.pop(_REQUEST).serve(told, tell)


async def _taken(message: Message) -> None:
    """Stand where contrib has the server's send: the message is on its way already."""


async def _nothing() -> Message:
    """Stand where contrib has the server's receive, which it hands on and never calls."""
    return {}


class _Request:
    """One request. A fresh object for each."""

    __slots__ = ("_app", "_raised", "_receive", "_recorder", "_returned", "_scope", "_send", "_tell", "called")

    def __init__(self, app: ASGIApp, recorder: Recorder, scope: Scope, receive: Receive, send: Send) -> None:
        self._app = app
        self._recorder = recorder
        self._scope = scope
        self._receive = receive
        self._send = send
        self._tell: Send = _taken
        self._raised: BaseException | None = None
        self._returned: Any = None
        self.called = False
        """Whether the application has been called."""

    async def serve(self, told: dict[str, Any], tell: Send) -> None:
        """Call the application, and keep how it ended from contrib.

        Args:
            told: Contrib's scope.
            tell: Contrib's `send`.
        """
        self.called = True
        self._tell = tell
        span = get_current_span()
        try:
            self._returned = await self._app(self._scope, self._receive, self.send)
        except BaseException as error:
            self._raised = error
            if isinstance(error, Exception):
                self._write_failure(span, error)
        scopes.answered(told, self._scope)

    def result(self) -> Any:
        """Return what the application returned, or raise what it raised: the very object."""
        raised, self._raised = self._raised, None
        if raised is None:
            return self._returned
        try:
            raise raised
        finally:
            # An exception knows the frames it came through, and this one would know the exception.
            del raised

    async def send(self, message: Message) -> None:
        """Hand a message on as it is, and tell contrib of the two kinds that it writes down."""
        kind = kind_of(message)
        if kind == START:
            await self._send(await self._told_start(message))
        else:
            await self._send(message)
            if kind == BODY and not is_true(get(message, "more_body", False)):
                await self._told(_LAST_BODY.copy())

    async def _told_start(self, message: Message) -> Message:
        status = get(message, "status")
        if not isinstance(status, int) or status not in _STATUS:
            return message
        given = get(message, "headers")
        headers = scopes.headers(given)
        told: dict[str, Any] = {"type": START, "status": int(status), "headers": headers}
        count = len(headers)
        await self._told(told)
        added = told["headers"][count:]
        if not added or not (given is None or isinstance(given, (list, tuple))):
            return message
        # A response propagator, which the user has set, wants them there.
        return {**message, "headers": [*(given or ()), *map(tuple, added)]}

    async def _told(self, message: Message) -> None:
        try:
            await self._tell(message)
        except Exception as error:
            self._recorder.errors.report("observe", error)

    def _write_failure(self, span: Span, error: Exception) -> None:
        if not span.is_recording():
            return
        try:
            name = error_type(error)
            span.set_status(StatusCode.ERROR, f"the application raised {name}")
            if not (self._recorder.options.capture_content and _is_written(span, error)):
                # Its message may quote the answer or the prompt.
                span.add_event("exception", {"exception.type": name})
        except Exception as internal:
            self._recorder.errors.report("close", internal)


def _is_written(span: Span, error: Exception) -> bool:
    """Write an exception with its message and stack; return False where its class can't say what it means."""
    try:
        span.record_exception(error)
    except Exception:
        return False
    return True
