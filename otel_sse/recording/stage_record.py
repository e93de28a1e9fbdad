"""One stage of one stream while it is open: what feeds it, where its chunks came from, and its one end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext, StatusCode

from otel_sse import limits, semconv
from otel_sse.recording.journal import Journal
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


@dataclass(slots=True)
class StageRecord:
    """One stage of one stream while it is open. The request's thread feeds and closes it; the recorder's writes it.

    Call `feed` or `take` for each chunk, and `close` once. A few errors of our own make the stage look away: both are
    then replaced, so that they must be read from the record for each chunk, or again after `failed`.
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
    """Hands the stage to the recorder's thread, once it has ended."""
    end_later: Callable[[Callable[[], None]], None]
    """Has the recorder's thread call something soon that closes the stage: for destructors, it takes no lock."""
    feed: Callable[[bytes | memoryview, int, int], None]
    """Observes a body: its bytes, when it crossed on `clock.now_ns`, and how long sending it took, in nanoseconds."""
    take: Callable[[object, int], None]
    """Observes an object that an iterator gave: the object, and when it crossed on `clock.now_ns`."""
    log: ChunkLog | None = None
    handed: HandedOver = field(default_factory=HandedOver)
    """What the metrics have been told of the sums."""
    upstreams: list[StageRecord] = field(default_factory=list)
    """The stages that its chunks came from, in this process."""
    upstream_name: str = ""
    """The upstream stage's name, wherever it is, once it is known."""
    opened_in: object = None
    """The task or thread in which it was opened."""
    opened_ns: int = 0
    """When that was, on `clock.now_ns`."""
    on_abandon: Callable[[str], None] | None = None
    """Ends the stage by what feeds it, which then looks away; None where `close` is all there is."""
    failures: int = 0
    """How many errors of our own there were while it was observed."""
    settled: list[tuple[str, int]] = field(default_factory=list)
    """How and when it ended unless something goes wrong yet, once; whoever takes it away is to close the record."""
    told: tuple[int, ...] = ()
    """The sums that the request's span has."""
    ended: bool = False
    counted: bool = False
    """Whether the metrics have been told that it began."""
    told_end: bool = False
    """Whether somebody has told them, or is about to, that it ended."""
    waits_since_ns: int = 0
    """When it ended, on `clock.now_ns`, and began to wait for being written."""
    discarded: bool = False
    """Whether it is as if it had not been begun."""

    @property
    def has_news(self) -> bool:
        """Whether there is something that the metrics have not been told."""
        totals, handed = self.monitor.totals, self.handed
        return totals.bytes != handed.bytes or totals.chunks != handed.chunks or totals.findings != handed.findings

    @property
    def span_context(self) -> SpanContext:
        """Context of the stage's first span: what a reader downstream links to."""
        return self.span.get_span_context()

    def comes_after(self, upstream: StageRecord) -> None:
        """Say that its chunks come from another stage of this process, before any chunk could show it."""
        if not any(each is upstream for each in self.upstreams):
            self.upstreams.append(upstream)
            self.link_upstream(upstream.span_context, upstream.info.label)

    def link_upstream(self, upstream: SpanContext, name: str = "") -> None:
        """Say on the stage's span which span its chunks came from, in this process or another.

        Args:
            upstream: Context of the upstream stage's span.
            name: The upstream stage's name, where it is known.
        """
        self.upstream_name = self.segments.upstream = name or self.upstream_name
        # A stage that another source comes to feed late may be in a later segment by then.
        span = self.span if self.span.is_recording() else self.segments.span
        if span.is_recording():
            span.add_link(upstream, {semconv.LINK: "upstream"})
            if name:
                span.set_attribute(semconv.STAGE_UPSTREAM, name)

    def failed(self, error: Exception) -> None:
        """Take note of an internal error while the stage was observed; after a few it stops observing."""
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
            # What was not seen may be what an answer went on with.
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
        """End the stage as it was settled, at that time. One that nobody closes, the recorder's thread closes, later.

        Args:
            error_type: Type of an exception that came after all, which makes it `failed`; or "".

        Returns:
            Whether this call has ended it: not where it was not settled, nor where another thread ends it.
        """
        try:
            outcome, ended_ns = self.settled.pop()
        except IndexError:
            return False
        self.close(outcomes.FAILED if error_type else outcome, error_type, ended_ns)
        return True

    def discard(self) -> None:
        """Forget a stage that nothing has crossed: no span, no outcome, no count."""
        self.discarded = True
        self._end()

    def tell_request(self, outcome: str, error_type: str = "") -> None:
        """Write the last stage's sums and outcome on the request's own span, which may end before the stage does.

        Args:
            outcome: How the stage ends.
            error_type: Type of the exception that ended it, or "".
        """
        if self.info.spec.last and self.request_span.is_recording():
            totals = self.monitor.totals
            sums = (totals.bytes, totals.chunks, totals.findings, totals.max_interval_ns)
            # The sums are told before the last body; where nothing came since, the end adds the outcome alone.
            attributes = {} if sums == self.told else request_attributes(self.info, totals)
            self.told = sums
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
    """Stand in for `feed` and `take` where a stage has ended, or has failed too often."""
