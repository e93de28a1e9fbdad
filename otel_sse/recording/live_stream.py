"""The current stream: how stages of one answer find each other in one process, without a line of the user's code."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextvars import ContextVar, Token
from threading import get_ident
from typing import Any, Final

from opentelemetry.context import Context, create_key, get_current, get_value, set_value
from opentelemetry.trace import Span, SpanContext, get_current_span, set_span_in_context

from otel_sse import semconv
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.stage_record import StageRecord
from otel_sse.recording.tasks import current_task, task_reference
from otel_sse.recording.upstreams import StageOrder, tie
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.telemetry.clock import now_ns


class Stream:
    """One streamed answer in this process.

    It is made when a request arrives, before anybody knows whether the answer will be a stream. Tasks and threads that
    copied the context share it, because the context holds a reference.

    Args:
        recorder: Records its stages.
        requested_ns: When the request arrived, on `clock.now_ns`.
        context: Parent of its stages' spans; None for the context that is current as each stage begins.
        stream_id: `sse.stream.id`, where another process has given it one; "" for 16 hex digits, made when needed.
    """

    __slots__ = (
        "__weakref__", "_called", "_ids", "_loose", "_open", "_request", "carried", "context", "find_route", "may_join",
        "misses_request", "order", "reader_asked", "reader_had", "recorder", "requested_ns", "route",
    )  # fmt: skip

    def __init__(
        self, recorder: Recorder, requested_ns: int, context: Context | None = None, stream_id: str = ""
    ) -> None:
        self.recorder = recorder
        self.requested_ns = requested_ns
        self.context = context
        self.route = ""
        """The route's template, once it is known."""
        self.find_route: Callable[[], str] | None = None
        """Returns the route, or "". Called as a stage begins while `route` is "", maybe before the response begins."""
        self.reader_had: Callable[[], str] | None = None
        """Returns the id of the event that the reader had last, or "". Called as a stage with `to_reader` begins."""
        self.reader_asked: Callable[[], str] | None = None
        """Returns from where the reader asked the answer to go on, by a cursor, or "". Called likewise."""
        self.order = StageOrder()
        """The stages that have had a chunk."""
        self.carried = False
        """Whether a handle of it was given out or taken up: work elsewhere feeds it, or is fed by it."""
        self.may_join = False
        """Whether it is a request's that may turn out to answer with a stream which began elsewhere (`join`)."""
        self.misses_request = False
        """Whether it began outside of any request, in a process that serves some."""
        self._request: Span | None = None
        # The first one counts. Two threads may make one at a time, and to append is one step.
        self._ids = [stream_id] if stream_id else []
        self._loose: list[StageRecord] = []
        self._open: list[StageRecord] = []
        self._called: dict[object, StageRecord] = {}

    @property
    def id(self) -> str:
        """`sse.stream.id`, the same at all stages of all processes."""
        if not self._ids:
            self._ids.append(secrets.token_hex(8))
        return self._ids[0]

    def adopt(self, stream_id: str) -> bool:
        """Take the id that another process has given the stream. Return whether it has that id now."""
        if not self._ids:
            self._ids.append(stream_id)
        return self._ids[0] == stream_id

    @property
    def is_untold(self) -> bool:
        """Whether nobody has been told its id yet: it has no stage, and no message or handle names it."""
        return not self._ids

    def join(self, stream_id: str, context: Context, other: Stream | None) -> None:
        """Become a part of a stream that began earlier: a request answers with what a job makes.

        Stages that begin from now on are the other stream's, in its trace. Each links to the request's span, and the
        request's span to them. Only for a stream that `is_untold`.

        Args:
            stream_id: The other's id.
            context: Has the span that is their parent; where it has none, they stay below the request's.
            other: The other stream, where it lives in this process: its chunks are upstream of these.
        """
        self._ids.append(stream_id)
        self.carried = True
        if other is not None:
            self.order = other.order
        if get_current_span(context).get_span_context().is_valid:
            self._request = get_current_span(self.context)
            self.context = context

    def stage(self, spec: StageSpec, *, since_ns: int = 0) -> StageRecord:
        """Begin a stage of this stream and return its record.

        Args:
            spec: What the stage is.
            since_ns: When its chunks were asked for, on `clock.now_ns`; 0 for when the stream was.
        """
        if not self.route and self.find_route is not None:
            self.route = self.find_route()
        info = StageInfo(spec, self.id, self.route)
        context = without_stream(get_current()) if self.context is None else self.context
        record = self.recorder.open(info, since_ns or self.requested_ns, context)
        if self.carried:
            record.mark(semconv.STREAM_CARRIED)
        elif self.misses_request:
            record.mark(semconv.STREAM_NO_REQUEST)
        if self._request is not None:
            _tie_request(record, self._request)
        tie(record, self.order, self.recorder.options.interval_sample)
        if spec.to_reader and self.reader_had is not None:
            ident = self.reader_had()
            cursor = "" if self.reader_asked is None else self.reader_asked()
            if ident or cursor:
                record.monitor.resume_after(ident, cursor)
        self._open = [each for each in self._open if not each.ended]
        self._open.append(record)
        task = current_task()
        record.opened_in, record.opened_ns = _caller(task), now_ns()
        record.opened_by = task_reference(task)
        if self.context is None and not record.request_span.get_span_context().is_valid:
            # No request's span is there to be the parent, so the first stage is: all of a stream is in one trace.
            self.context = set_span_in_context(record.span)
        return record

    def called(self, key: object, begin: Callable[[Stream], StageRecord]) -> StageRecord:
        """Return the stage that a function feeds, call by call. It begins with the first call and ends with the stream.

        Args:
            key: Names the function; one of few.
            begin: Begins the stage.
        """
        record = self._called.get(key)
        if record is None:
            record = self._called[key] = begin(self)
            self.end_with_me(record)
        return record

    def end_with_me(self, record: StageRecord) -> None:
        """Have a stage end with the stream, because no iterator ends it: a function feeds it, call by call."""
        self._loose = [each for each in self._loose if not each.ended]
        self._loose.append(record)

    def forget(self, record: StageRecord) -> None:
        """Discard a stage that nothing has crossed, as if it had not begun."""
        self._loose = [each for each in self._loose if each is not record]
        if self.context is not None and get_current_span(self.context) is record.span:
            self.context = None
        record.discard()

    def end(self, outcome: str) -> None:
        """End the stages that end with the stream, with its outcome. A second call changes nothing."""
        loose, self._loose = self._loose, []
        for record in loose:
            if not record.ended:
                record.close(outcome)

    def abandon(self) -> None:
        """End the stages that are still open as `abandoned`, because the request is over.

        Whoever holds their iterators may never pull again, and a stage that never ends is never shown. A stage that
        somebody reads on goes on until its own end: a task that outlives its request reads a model to its end, and that
        costs tokens. Once no chunk crosses any more it is abandoned too. A stream that is carried further is not read
        for nobody.
        """
        self.may_join = False
        opened, self._open = self._open, []
        for record in opened:
            if record.ended:
                continue
            goes_on = self.carried or record.is_read_on
            if not (goes_on and self.recorder.background.writer.watch_unread(record, for_nobody=not self.carried)):
                record.abandon()


def _caller(task: Any) -> object:
    # The id keeps no task alive. Another task may have it later; `upstreams` therefore compares times as well.
    return get_ident() if task is None else ("task", id(task))


def _tie_request(record: StageRecord, request: Span) -> None:
    record.request_span = request
    for span, other in ((record.span, request.get_span_context()), (request, record.span_context)):
        _link(span, other)


def _link(span: Span, other: SpanContext) -> None:
    if other.is_valid and span.is_recording():
        span.add_link(other, {semconv.LINK: "request"})


_current: ContextVar[Stream | None] = ContextVar("otel_sse_stream", default=None)

_KEY: Final = create_key("otel_sse_stream")
"""Where OpenTelemetry's own context has the stream: a thread that was given that context has no other of ours."""


def current_stream() -> Stream | None:
    """Return the stream of the request that is being served, or None outside of any.

    A thread that starts with a context of its own has it by OpenTelemetry's context, where it was given that one, as
    OpenTelemetry's instrumentation of threads does.
    """
    current = _current.get()
    if current is not None:
        return current
    found = get_value(_KEY)
    return found if isinstance(found, Stream) else None


def with_stream(context: Context, stream: Stream) -> Context:
    """Return a context of OpenTelemetry's that has a stream, for whoever takes that context along alone."""
    return set_value(_KEY, stream, context)


def without_stream(context: Context) -> Context:
    """Return a context that has no stream: one that a stream holds must not hold that stream."""
    return set_value(_KEY, None, context) if context.get(_KEY) is not None else context


def enter(stream: Stream) -> Token[Stream | None]:
    """Make `stream` the current one; to be undone with `leave` in the same context."""
    return _current.set(stream)


def leave(token: Token[Stream | None]) -> None:
    """Undo `enter`."""
    _current.reset(token)
