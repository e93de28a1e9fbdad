"""One stage of one stream while it is open: what feeds it, where its chunks came from, and its one end."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import msgspec
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, StatusCode

from otel_sse import limits, semconv
from otel_sse.recording.journal import Journal
from otel_sse.recording.tasks import goes_on
from otel_sse.stage import StageMonitor
from otel_sse.stream import outcome as outcomes
from otel_sse.stream.stage import StageInfo
from otel_sse.stream.totals import Totals
from otel_sse.telemetry.attributes import request_attributes
from otel_sse.telemetry.clock import now_ns
from otel_sse.telemetry.internal import InternalErrors
from otel_sse.telemetry.logs import ChunkLog
from otel_sse.telemetry.metrics import HandedOver
from otel_sse.telemetry.segments import SegmentWriter


class StageRecord(msgspec.Struct):
    """One stage of one stream while it is open. The request's thread feeds and closes it; the recorder's writes it.

    Call `feed` or `take` for each chunk, and `close` once. After the end, or after a few errors of our own, both ignore
    what they get: they are replaced, so read them from the record for each chunk, or again after `failed`.
    """

    info: StageInfo
    monitor: StageMonitor
    span: Span
    """The stage's first span."""
    context: Context
    journal: Journal | None
    segments: SegmentWriter
    """Writes the stage's spans. For the recorder's thread."""
    request_span: Span
    errors: InternalErrors
    on_end: Callable[[StageRecord], None]
    """Hands the stage to the recorder's thread. Called once, when the stage has ended."""
    end_later: Callable[[Callable[[], None]], None]
    """Has the recorder's thread call soon what closes the stage. It takes no lock: destructors may call it."""
    feed: Callable[[bytes | memoryview, int, int], None]
    """Observes a body: its bytes, when it crossed on `clock.now_ns`, and how long sending it took, in nanoseconds."""
    take: Callable[[object, int], None]
    """Observes an object that an iterator gave: the object, and when it crossed on `clock.now_ns`."""
    log: ChunkLog | None = None
    handed: HandedOver = msgspec.field(default_factory=HandedOver)
    """How much of the sums the metrics have."""
    upstreams: list[StageRecord] = msgspec.field(default_factory=list)
    """The stages of this process that its chunks came from."""
    upstream_name: str = ""
    """The upstream stage's name, in this process or another, once it is known; else ""."""
    opened_in: object = None
    """Identifies the task or thread in which the stage was opened."""
    opened_ns: int = 0
    """When the stage was opened, on `clock.now_ns`."""
    opened_by: weakref.ref[Any] | None = None
    """The task in which the stage was opened; None for a thread."""
    on_abandon: Callable[[str], None] | None = None
    """Ends the stage with the outcome it gets, by the cursor that feeds it; None where `close` does."""
    is_pulled: Callable[[], bool] | None = None
    """Whether somebody waits for the next chunk right now, by the cursor that feeds it."""
    failures: int = 0
    """Errors of our own while the stage was observed."""
    settled: list[tuple[str, int]] = msgspec.field(default_factory=list)
    """Outcome and time of its end, if nothing goes wrong later. At most one entry: whoever pops it closes the stage."""
    request_sums: tuple[int, ...] = ()
    """The sums that the request's span shows."""
    ended: bool = False
    begin_reported: bool = False
    """Whether the metrics count it as open, or have done so."""
    end_reported: bool = False
    """Whether somebody has reported its end to the metrics, or is about to."""
    waits_since_ns: int = 0
    """When it ended and began to wait for the recorder's thread, on `clock.now_ns`."""
    discarded: bool = False
    """Whether it counts as never begun."""

    @property
    def has_news(self) -> bool:
        """Whether the sums have grown since they were reported to the metrics."""
        totals, handed = self.monitor.totals, self.handed
        return totals.bytes != handed.bytes or totals.chunks != handed.chunks or totals.findings != handed.findings

    @property
    def span_context(self) -> SpanContext:
        """Context of the stage's first span: what a reader downstream links to."""
        return self.span.get_span_context()

    @property
    def is_read_on(self) -> bool:
        """Whether somebody reads the stage who is not the running task: a task that goes on, or one that waits for a
        chunk of the model's right now."""
        waits = self.is_pulled is not None and self.info.spec.origin and self.is_pulled()
        return waits or goes_on(self.opened_by)

    def abandon(self) -> None:
        """End the stage because nobody reads it any more."""
        if self.on_abandon is not None:
            self.on_abandon(outcomes.ABANDONED)
        else:
            self.close(outcomes.ABANDONED)

    def comes_after(self, upstream: StageRecord) -> None:
        """Record that its chunks come from another stage of this process. A second call changes nothing."""
        if not any(each is upstream for each in self.upstreams):
            self.upstreams.append(upstream)
            self.link_upstream(upstream.span_context, upstream.info.label)

    def may_rewrite(self) -> None:
        """The application's own code lies before the stage, and may change content."""
        if self.monitor.edge is not None:
            self.monitor.edge.may_rewrite()
        self.mark(semconv.STAGE_REWRITES)

    def mark(self, attribute: str) -> None:
        """Have every span of the stage that ends from now on say that an attribute is true."""
        self.segments.marks = {**self.segments.marks, attribute: True}

    def link_upstream(self, upstream: SpanContext, name: str = "") -> None:
        """Link the stage's span to the span that its chunks came from, in this process or another.

        Args:
            upstream: Context of the upstream stage's span.
            name: The upstream stage's name, where it is known.
        """
        self.upstream_name = self.segments.upstream = name or self.upstream_name
        # Another source may begin to feed the stage late, when its first segment has ended.
        span = self.span if self.span.is_recording() else self.segments.span
        if span.is_recording():
            span.add_link(upstream, {semconv.LINK: "upstream"})
            if name:
                span.set_attribute(semconv.STAGE_UPSTREAM, name)

    def failed(self, error: Exception) -> None:
        """Report an internal error while the stage was observed. After `limits.MAX_STAGE_ERRORS` it stops observing."""
        self.failures += 1
        if self.failures >= limits.MAX_STAGE_ERRORS:
            self._look_away()
        self.errors.report("observe", error)

    def close(self, outcome: str, error_type: str = "", ended_ns: int = 0) -> Totals:
        """End the stage: exactly one outcome, written on its last span by the recorder's thread.

        Args:
            outcome: One of `otel_sse.stream.outcome.OUTCOMES`.
            error_type: Type of the exception that ended it, or "".
            ended_ns: When it ended, on `clock.now_ns`; 0 for now.
        """
        if self.failures:
            # Chunks were not seen, and the answer may have gone on with them.
            self.monitor.reader_left(had_all=False)
            outcome = outcomes.UNPARSED if outcome == outcomes.COMPLETED else outcome
        try:
            totals = self._totals_at_end(outcome, error_type, ended_ns or now_ns())
            for _ in range(self.monitor.callback_errors):
                self.errors.count("hook")
            if self.log is not None:
                self.log.end(totals.outcome)
            self.tell_request(totals.outcome, error_type)
        finally:
            if self.journal is not None:
                self.journal.tell_dropped()
                self.monitor.totals.dropped = self.journal.dropped
            self._end()
        return totals

    def close_settled(self, error_type: str = "") -> bool:
        """End the stage with the outcome and time in `settled`. If nobody does, the recorder's thread does so later.

        Args:
            error_type: Type of an exception that came after that, and makes the outcome `failed`; or "".

        Returns:
            Whether this call has ended it: False if it was not settled, or if another thread is ending it.
        """
        try:
            outcome, ended_ns = self.settled.pop()
        except IndexError:
            return False
        self.close(outcomes.FAILED if error_type else outcome, error_type, ended_ns)
        return True

    def discard(self) -> None:
        """End a stage that nothing has crossed as if it had never begun: no span, no outcome, no count."""
        self.discarded = True
        self._end()

    def tell_request(self, outcome: str, error_type: str = "") -> None:
        """Write the sums and the outcome on the request's span, if this is the last stage. That span may end first.

        Args:
            outcome: How the stage ends.
            error_type: Type of the exception that ended it, or "".
        """
        if self.info.spec.last and self.request_span.is_recording():
            totals = self.monitor.totals
            sums = (totals.bytes, totals.chunks, totals.findings, totals.max_interval_ns)
            # The sums are written before the last body is sent. If nothing came since, only the outcome is new.
            attributes = {} if sums == self.request_sums else request_attributes(self.info, totals)
            self.request_sums = sums
            attributes[semconv.STREAM_OUTCOME] = outcome
            if outcome == outcomes.FAILED and error_type:
                attributes[semconv.ERROR_TYPE] = error_type
                self.request_span.set_status(StatusCode.ERROR)
            self.request_span.set_attributes(attributes)

    def _totals_at_end(self, outcome: str, error_type: str, ended_ns: int) -> Totals:
        try:
            return self.monitor.end(outcome, ended_ns, error_type)
        except Exception as error:
            self.monitor.totals.end_unread(outcome, ended_ns, error_type)
            self.errors.report("close", error)
        return self.monitor.totals

    def _end(self) -> None:
        again, self.ended = self.ended, True
        self._look_away()
        if not again:
            self.on_end(self)

    def _look_away(self) -> None:
        self.feed = self.take = _ignore


def _ignore(crossed: object, time_ns: int, send_ns: int = 0) -> None:
    """Replace `feed` and `take` after the end, or after too many errors."""
