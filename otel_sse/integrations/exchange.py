"""One request and its response: the stream that it is answered with, observed as it leaves the application."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import Token
from functools import partial
from threading import Thread
from types import FunctionType
from typing import Any, Final

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import get_current_span

from otel_sse import limits
from otel_sse.integrations import headers as stream_headers
from otel_sse.integrations.protocol import (
    BODY,
    DISCONNECT,
    START,
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
    bytes_of,
    get,
    is_true,
    kind_of,
    listed,
    pairs,
)
from otel_sse.integrations.routes import route_of
from otel_sse.recording.live_stream import Stream, enter, leave, with_stream
from otel_sse.recording.outcomes import error_type, is_of_background, outcome_of, tells_of_disconnect
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream import outcome as outcomes
from otel_sse.stream.stage import StageSpec
from otel_sse.stream.stages import EMIT, SOCKET_WRITE
from otel_sse.telemetry.clock import now_ns

_FILES: Final = frozenset({"http.response.pathsend", "http.response.zerocopysend"})
"""Messages whose bytes the server reads itself, so that they never pass here."""


class Exchange:
    """One request and its response. A fresh object for each, so that no stream can see another's state."""

    __slots__ = (
        "_gone",
        "_lost_by",
        "_receive",
        "_record",
        "_recorder",
        "_scope",
        "_send",
        "_stream",
        "_unseen",
    )

    def __init__(self, recorder: Recorder, scope: Scope, receive: Receive, send: Send) -> None:
        self._recorder = recorder
        self._scope = scope
        self._receive = receive
        self._send = send
        self._stream = Stream(recorder, now_ns(), _request_context())
        # Not a method of this object: what holds each other outlives its request.
        self._stream.find_route = partial(_route, recorder, scope, scope.get("root_path", ""))
        self._stream.may_join = True
        self._stream.reader_had = partial(stream_headers.last_event_id, scope.get("headers"))
        names = recorder.options.cursor_parameters
        self._stream.reader_asked = partial(stream_headers.cursor_in, scope.get("query_string"), names)
        self._gone = False
        self._lost_by: OSError | None = None
        self._unseen = False
        self._record: StageRecord | None = None

    async def run(self, app: ASGIApp) -> Any:
        """Call the application; whatever way it ends, an open stream ends with it, once."""
        token = self._enter()
        try:
            return await app(self._scope, self.receive, self.send)
        except BaseException as error:
            self._end_by(error)
            raise
        finally:
            self._leave(token)
            # The application came back without a last body: the client left, or nobody pulled the rest.
            self._end(outcomes.DISCONNECTED if self._gone else outcomes.ABANDONED)
            self._end_stream()
            # It knows the frames that it came through, and so this object: only a garbage collection would free them.
            self._lost_by = None

    async def receive(self) -> Message:
        """Pass the server's messages on, and take note when the client leaves (ASGI 2.3 and before)."""
        message = await self._receive()
        if kind_of(message) == DISCONNECT:
            self._gone = True
        return message

    async def send(self, message: Message) -> None:
        """Pass the application's messages on; bodies of a stream are observed once they are on their way."""
        record, gone = self._record, self._gone
        if gone and record is not None:
            # Now and not as it was told: what was on its way to the server by then has crossed.
            record.monitor.reader_left(had_all=self._has_all(record))
        # `kind_of` and `is_true`, inlined where they are asked for each chunk.
        if not (type(message) is dict and type(kind := message.get("type")) is str):
            kind = kind_of(message)
        try:
            if record is None:
                if kind == START:
                    message = self._begin(message)
                await self._send(message)
            # `_complete`, inlined: every chunk comes by here.
            elif record.ended or record.settled or kind != BODY:
                await self._send_other(record, message, kind)
            elif (more := message.get("more_body", False)) is not True and not is_true(more):
                await self._send_last(record, message)
            else:
                body = message.get("body", b"")
                if type(body) is not bytes:
                    body = self._bytes_of(body)
                started_ns = now_ns()
                await self._send(message)
                send_ns = now_ns() - started_ns
                try:
                    record.feed(body, started_ns, send_ns)
                except Exception as error:
                    record.failed(error)
        except BaseException as error:
            self._not_sent(record, message, error, gone)
            raise

    def _not_sent(self, record: StageRecord | None, message: Message, error: BaseException, gone: bool) -> None:
        if isinstance(error, OSError):
            # How a server says that the client has left (ASGI 2.4).
            self._gone, self._lost_by = True, error
        elif record is not None and not self._complete(record) and self._left_meanwhile(error, gone):
            # A body that is not the last one; that has been looked after.
            self._observe(record, self._bytes_of(get(message, "body", b"")), now_ns(), 0)

    def _left_meanwhile(self, error: BaseException, gone: bool) -> bool:
        """Whether the client was told to have left while a message was sent, and the sending ended because of that.

        The server had the message by then. Some tell so whenever a response is complete, be it that the last body's
        sending has not returned yet, and frameworks cancel what they still send as soon as they hear it.

        Args:
            error: What the sending raised.
            gone: Whether the client had left before.
        """
        return self._gone and not gone and (isinstance(error, OSError) or outcome_of(error) == outcomes.CANCELLED)

    def _bytes_of(self, body: object) -> bytes:
        read = bytes_of(body)
        if read is not None:
            return read
        # No ASGI, for the server to judge; where it takes it, what went out is not known.
        self._unseen = self._unseen or body is not None
        return b""

    async def _send_last(self, record: StageRecord, message: Message) -> None:
        body = self._bytes_of(message.get("body", b""))
        had_all, gone = self._has_all(record), self._gone
        started_ns = now_ns()
        if len(body) <= limits.MAX_FORETOLD_BYTES:
            # Frameworks end the request's span right after this body, so what that span is to say is written before.
            self._observe(record, body, started_ns, 0)
            await self._send_end(record, message, had_all)
            return
        crossed = True
        try:
            await self._send(message)
        except BaseException as error:
            crossed = self._left_meanwhile(error, gone)
            raise
        finally:
            if crossed:
                self._observe(record, body, started_ns, now_ns() - started_ns)
                self._settle(record, self._outcome_at_end(record, gone))

    async def _send_other(self, record: StageRecord, message: Message, kind: str) -> None:
        if self._complete(record) or kind not in _FILES:
            await self._send(message)
            return
        # Without these bytes nobody can say whether the answer was whole.
        self._unseen = True
        record.monitor.reader_left(had_all=False)
        if is_true(message.get("more_body", False)):
            await self._send(message)
        else:
            await self._send_end(record, message, had_all=False)

    async def _send_end(self, record: StageRecord, message: Message, had_all: bool) -> None:
        # What arrives from here on is no news: once a response is complete, servers answer every receive with
        # http.disconnect, be the client there or not.
        gone, crossed = self._gone, True
        outcome = self._outcome_at_end(record, gone)
        self._foretell(record, outcome)
        started_ns = now_ns()
        try:
            await self._send(message)
        except BaseException as error:
            crossed = self._left_meanwhile(error, gone)
            raise
        finally:
            record.monitor.totals.send_ns += now_ns() - started_ns
            if crossed:
                self._settle(record, outcome)
            else:
                # It was read before it was sent, and what it says has reached nobody.
                record.monitor.take_back(had_all=had_all)

    def _outcome_at_end(self, record: StageRecord, gone: bool) -> str:
        if gone:
            return outcomes.DISCONNECTED
        return outcomes.UNPARSED if self._unseen or record.failures else outcomes.COMPLETED

    def _settle(self, record: StageRecord, outcome: str) -> None:
        # Not the end yet: Starlette's BaseHTTPMiddleware sends the last body of a response that failed, then raises.
        record.settled.append((outcome, now_ns()))

    def _complete(self, record: StageRecord) -> bool:
        return record.ended or bool(record.settled)

    def _has_all(self, record: StageRecord) -> bool:
        try:
            # A dialect may be the user's own. What was not observed may be what an answer went on with.
            return record.monitor.has_all and not record.failures
        except Exception as error:
            record.failed(error)
            return False

    def _left_with_all(self, record: StageRecord) -> bool:
        return self._has_all(record) and record.monitor.left_with_all

    def _observe(self, record: StageRecord, body: bytes, started_ns: int, send_ns: int) -> None:
        try:
            record.feed(body, started_ns, send_ns)
        except Exception as error:
            record.failed(error)

    def _foretell(self, record: StageRecord, outcome: str) -> None:
        expected, failure = outcomes.UNPARSED, self._failed_upstream()
        if outcome != outcomes.COMPLETED:
            expected, failure = outcome, ""
        try:
            expected = record.monitor.end_of_body(now_ns(), outcome)
        except Exception as error:
            record.failed(error)
        try:
            record.tell_request(outcomes.FAILED if failure else expected, failure)
        except Exception as error:
            record.failed(error)

    def _failed_upstream(self) -> str:
        """The type of the exception that the application's own iterator has ended with, or ""."""
        for each in self._stream.order.stages:
            totals = each.monitor.totals
            if each.info.name == EMIT and totals.outcome == outcomes.FAILED:
                return totals.error_type
        return ""

    def _begin(self, message: Message) -> Message:
        given = message.get("headers")
        headers = listed(given)
        if not headers:
            return message
        if isinstance(given, Iterator):
            # ASGI allows an iterator, which can be read but once.
            message = {**message, "headers": headers}
        try:
            return self._open(message, headers)
        except Exception as error:
            self._recorder.errors.report("open", error)
            return message

    def _open(self, message: Message, headers: list[Any] | tuple[Any, ...]) -> Message:
        options = self._recorder.options
        try:
            kind = stream_headers.stream_type(headers, options.content_types)
        except Exception:
            # No headers of ASGI's; the server is to say so.
            return message
        if not kind or self._scope.get("method") == "HEAD" or len(pairs(headers)) != len(headers):
            return message
        lines, text = kind in stream_headers.NDJSON_TYPES, stream_headers.is_text(kind)
        encoding = stream_headers.content_coding(headers)
        # Where no framework has a stage `emit` (a bare ASGI application), the application writes here itself.
        before = EMIT if options.emit_rewrites else ""
        spec = StageSpec(
            SOCKET_WRITE,
            lines=lines,
            text=text,
            encoding=encoding,
            last=True,
            to_reader=True,
            rewrites_but_after=before,
        )
        self._record = record = self._stream.stage(spec)
        self._call_start_hook(record)
        extended = stream_headers.with_trace(
            headers,
            record.span_context,
            traceresponse=options.traceresponse_header,
            trace_id=options.trace_id_header,
        )
        return {**message, "headers": extended}

    def _call_start_hook(self, record: StageRecord) -> None:
        hook = self._recorder.options.on_stream_start
        if hook is not None:
            self._recorder.background.call_hook(hook, record.span, self._scope)

    def _enter(self) -> tuple[Token[Stream | None], Any]:
        # OpenTelemetry's instrumentation of threads hands on OpenTelemetry's context. It takes a microsecond to put the
        # stream there, which only whoever has threads wrapped is to pay.
        wrapped = type(Thread.start) is not FunctionType
        attached = attach(with_stream(get_current(), self._stream)) if wrapped else None
        return enter(self._stream), attached

    def _leave(self, entered: tuple[Token[Stream | None], Any]) -> None:
        token, attached = entered
        try:
            leave(token)
        except ValueError:
            # A request that nobody goes on with is closed in another context, where nothing can be undone.
            return
        if attached is not None:
            detach(attached)

    def _end_by(self, error: BaseException) -> None:
        try:
            self._end_as(error)
        except Exception as internal:
            self._recorder.errors.report("close", internal)

    def _end_as(self, error: BaseException) -> None:
        outcome = outcome_of(error)
        record = self._record
        failed = outcome == outcomes.FAILED and not (self._gone and tells_of_disconnect(error, self._lost_by))
        if record is not None and record.settled:
            # After the last body only a failure is news, and not that of a task which had to wait for it.
            if failed and not is_of_background(error):
                self._end("", error_type(error))
        elif self._gone and not (failed and record is not None and self._left_with_all(record)):
            # Whatever an application raises that was left in the middle, it comes of that.
            self._end(outcomes.DISCONNECTED)
        else:
            self._end(outcome, error_type(error) if failed else "")

    def _end(self, outcome: str, failure: str = "") -> None:
        record = self._record
        if record is None or record.ended:
            return
        try:
            if not record.close_settled(failure):
                record.close(outcome, failure)
        except Exception as internal:
            self._recorder.errors.report("close", internal)

    def _end_stream(self) -> None:
        record = self._record
        try:
            self._stream.end(record.monitor.totals.outcome if record is not None else outcomes.COMPLETED)
            self._stream.abandon()
        except Exception as internal:
            self._recorder.errors.report("close", internal)


def _request_context() -> Context | None:
    # Stages belong to the request, not to a span that the application happens to have open when it answers. Where
    # nobody outside has made the request's span, it is the current one by then, or there is none.
    context = get_current()
    return context if get_current_span(context).get_span_context().is_valid else None


def _route(recorder: Recorder, scope: Scope, root_path: str) -> str:
    own = recorder.options.route_of
    if own is None:
        return route_of(scope, root_path)
    try:
        return str(own(scope) or "")
    except Exception as error:
        recorder.errors.report("hook", error)
        return ""
