"""The recorder: takes journals off the request threads and turns them into spans, events and metrics."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from opentelemetry import metrics as metrics_api
from opentelemetry import trace as trace_api
from opentelemetry._logs import get_logger
from opentelemetry.context import Context, get_current
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, SpanContext, TracerProvider

from otel_sse import limits, semconv
from otel_sse.lineage import Crossings
from otel_sse.options import Options
from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stage.edge import Edge
from otel_sse.stream import outcome as outcomes
from otel_sse.stream.digest import keyed_digest, sha1_digest
from otel_sse.stream.stage import StageInfo
from otel_sse.stream.totals import Totals
from otel_sse.telemetry import fork
from otel_sse.telemetry.attributes import request_attributes
from otel_sse.telemetry.budget import TraceBudget
from otel_sse.telemetry.clock import Anchor, now_ns
from otel_sse.telemetry.emission import choose
from otel_sse.telemetry.internal import InternalErrors
from otel_sse.telemetry.logs import ChunkLog
from otel_sse.telemetry.metrics import HandedOver, Metrics
from otel_sse.telemetry.queue import Journal, new_journal, take
from otel_sse.telemetry.segments import SegmentSettings, SegmentWriter, start_segment
from otel_sse.telemetry.streams import Stream
from otel_sse.telemetry.upstreams import Upstreams
from otel_sse.telemetry.worker import Worker

SITES: Final = ("open", "observe", "close", "record", "hook")
"""Where an internal error can happen, the label of `sse.internal_errors`."""

_YIELD_EVERY: Final = 256
"""Entries after which the recorder lets the event loop have the interpreter: about a millisecond of work. Oftener
costs more than it gives: each time is a system call and a change of threads."""


@dataclass(slots=True)
class StageRecord:
    """One stage of one stream while it is open. The request's thread feeds it, the recorder's thread writes it."""

    recorder: Recorder
    info: StageInfo
    monitor: StageMonitor
    span: Span
    context: Context
    journal: Journal | None
    writer: SegmentWriter
    handed: HandedOver
    request_span: Span
    feed: Callable[[bytes | memoryview, int, int], None]
    take: Callable[[object, int], None]
    last: bool = False
    upstreams: list[StageRecord] = field(default_factory=list)
    """The stages that its chunks came from, in this process."""
    upstream_name: str = ""
    """The upstream stage's name, wherever it is, once it is known."""
    pulls: bool = False
    """Whether somebody pulls chunks through it, so that what it pulls from crosses meanwhile."""
    opener: object = None
    """The task or thread in which it was opened."""
    opened_ns: int = 0
    """When that was, on `clock.now_ns`."""
    leaves: bool = False
    """Whether its chunks leave the process there, so that no stage here takes them from it."""
    log: ChunkLog | None = None
    errors: int = 0
    ended: bool = False
    discarded: bool = False
    """Whether it is as if it had not been begun."""

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
        self.upstream_name = self.writer.upstream = name or self.upstream_name
        # A stage that another source comes to feed late may be in a later segment by then.
        span = self.span if self.span.is_recording() else self.writer.span
        if span.is_recording():
            span.add_link(upstream, {semconv.LINK: "upstream"})
            if name:
                span.set_attribute(semconv.STAGE_UPSTREAM, name)


class Recorder:
    """Records the streams of one instrumented application. Its thread starts with the first stream.

    Args:
        options: The settings.
        tracer_provider: Where spans go; the global provider where None, also if that is set later.
        meter_provider: Where metrics go; likewise.
        version: Version of the instrumentation scope.
    """

    def __init__(
        self,
        options: Options,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        version: str = "",
    ) -> None:
        self.options = options
        self.metrics = Metrics(metrics_api.get_meter(semconv.SCOPE, version, meter_provider))
        self.metrics.start_internal_errors(SITES)
        self.errors = InternalErrors(self.metrics.internal_error)
        self._tracer = trace_api.get_tracer(semconv.SCOPE, version, tracer_provider)
        self._stage_settings = _stage_settings(options)
        # A dialect's name that nobody knows is to be told here, to the person who set it, and not at the first stream.
        StageMonitor(StageInfo("", ""), self._stage_settings, 0)
        self._segment_settings = self._segments(options, version)
        self._digest_name = "blake2b" if options.digest_key else "sha1"
        self._closed = False
        self._reset()
        fork.watch(self)

    def _segments(self, options: Options, version: str) -> SegmentSettings:
        return SegmentSettings(
            tracer=self._tracer,
            emit=choose(options.chunk_signal, lambda: get_logger(semconv.SCOPE, version)),
            budget=TraceBudget(options.max_chunk_events_per_trace),
            detail=options.chunk_events,
            segment_ns=_ns(options.segment_seconds),
            max_findings=options.max_findings,
            on_span=options.chunk_signal != "log_events",
        )

    def _reset(self) -> None:
        self._opened: deque[StageRecord] = deque()
        self._live: list[StageRecord] = []
        self._dropped: deque[Callable[[], None]] = deque()
        self._pass_lock = threading.Lock()
        self._start_lock = threading.Lock()
        self._worker: Worker | None = None

    @property
    def closed(self) -> bool:
        """Whether `shutdown` has been called: nothing is to be opened any more."""
        return self._closed

    @property
    def idle(self) -> bool:
        """Whether no stream is open and none has just begun."""
        return not self._live and not self._opened

    def after_fork(self) -> None:
        """Start afresh in a forked child: the parent goes on with its own streams, the child has none yet."""
        self._reset()

    def open(
        self,
        info: StageInfo,
        requested_ns: int,
        *,
        context: Context | None = None,
        lines: bool = False,
        encoding: str = "",
        stream: Stream | None = None,
        origin: bool = False,
        relays: bool = True,
        last: bool = False,
    ) -> StageRecord:
        """Begin to record a stage; its span starts now, as a child of the current span.

        Args:
            info: The stage.
            requested_ns: When the request arrived, on `clock.now_ns`.
            context: The request's context; the current one where None.
            lines: Whether the body is newline-delimited JSON.
            encoding: Content coding that makes the body unreadable, or "".
            stream: The stream whose other stages it is tied to, or None.
            origin: Whether its chunks come from outside the process, so that no stage here is upstream of it.
            relays: Whether it comes after the stage that began before it; False where only equal chunks can tell.
            last: Whether no stage of this process comes after it.

        Returns:
            The record: call its `feed` for each body, and `close` with it once.
        """
        context = get_current() if context is None else context
        anchor = Anchor.read()
        span = start_segment(self._tracer, info, 0, context, anchor.wall_ns)
        if encoding:
            # Bytes that can't be read make no chunks, so this segment stays the only one.
            span.set_attribute(semconv.STREAM_ENCODING, encoding)
        # A trace that is not sampled gets no events, so none are kept for it; checks and metrics go on.
        journal = new_journal(self.options.queue_size) if span.is_recording() else None
        monitor = StageMonitor(info, self._stage_settings, requested_ns, journal, lines=lines, encoding=encoding)
        writer = SegmentWriter(self._segment_settings, info, context, span, anchor, monitor.totals, anchor.monotonic_ns)
        request_span = trace_api.get_current_span(context)
        record = StageRecord(
            self, info, monitor, span, context, journal, writer, HandedOver(), request_span, monitor.feed, monitor.take
        )
        record.last = last
        if stream is not None:
            monitor.edge = Edge(
                Upstreams(stream, record, origin, relays),
                None if last else Crossings(info.source),
                monitor.totals,
                self.options.interval_sample,
                rewrites=info.rewrites,
                stage=info.name,
            )
        self._attach_log(record)
        self._opened.append(record)
        self._ensure_worker()
        return record

    def _attach_log(self, record: StageRecord) -> None:
        if ChunkLog.is_on():
            record.log = ChunkLog(record.info, record.span_context, self._digest_name, self.options.log_first)
            record.monitor.on_chunk = record.log.chunk

    def close(self, record: StageRecord, outcome: str, error_type: str = "") -> Totals:
        """End a stage: exactly one outcome, written on its last span by the recorder's thread.

        Args:
            record: What `open` returned.
            outcome: One of `otel_sse.stream.outcome.OUTCOMES`.
            error_type: Class name of the exception that ended it, or "".
        """
        if record.errors and outcome == outcomes.COMPLETED:
            outcome = outcomes.UNPARSED
        try:
            totals = record.monitor.end(outcome, now_ns(), error_type)
            for _ in range(record.monitor.callback_errors):
                self.metrics.internal_error("hook")
            if record.log is not None:
                record.log.end(totals.outcome)
            self.tell_request(record, totals.outcome)
        finally:
            record.ended = True
            record.feed = record.take = _look_away
            if self._worker is not None:
                self._worker.wake()
            if self._closed:
                self._pass()
        return totals

    def discard(self, record: StageRecord) -> None:
        """Forget a stage that nothing has crossed: no span, no outcome, no count."""
        record.discarded = record.ended = True
        record.feed = record.take = _look_away

    def drop(self, end: Callable[[], None]) -> None:
        """Let the recorder's thread call `end` soon: for destructors, which may run anywhere and must take no lock."""
        self._dropped.append(end)

    def tell_request(self, record: StageRecord, outcome: str) -> None:
        """Write the last stage's sums and outcome on the request's own span, which may end before the stage does."""
        if record.last and record.request_span.is_recording():
            attributes = request_attributes(record.info, record.monitor.totals)
            attributes[semconv.STREAM_OUTCOME] = outcome
            record.request_span.set_attributes(attributes)

    def failed(self, record: StageRecord, error: Exception) -> None:
        """Take note of an internal error while a stage was observed; after a few the stage stops observing."""
        record.errors += 1
        if record.errors >= limits.MAX_STAGE_ERRORS:
            record.feed = record.take = _look_away
        self.errors.report("observe", error)

    def flush(self) -> None:
        """Write out everything that has crossed so far; segments of open streams end, so that they can be seen."""
        self._pass(roll=True)

    def shutdown(self) -> None:
        """Write out everything and stop. Streams still open end as `abandoned`."""
        self._closed = True
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()
        for record in [*self._live, *self._opened]:
            if not record.ended:
                self.close(record, outcomes.ABANDONED)
        self._pass()

    def _ensure_worker(self) -> None:
        worker = self._worker
        if worker is not None:
            if len(self._opened) == 1:
                worker.wake()
            return
        with self._start_lock:
            if self._worker is None and not self._closed:
                self._worker = Worker(self, self.options.flush_interval_seconds)
                self._worker.start()

    def work(self) -> None:
        """Write out what is there; called by the recorder's thread."""
        self._pass()

    def _pass(self, *, roll: bool = False) -> None:
        for end in [self._dropped.popleft() for _ in range(len(self._dropped))]:
            self._guarded(end, "close")
        with self._pass_lock:
            self._admit()
            still_open: list[StageRecord] = []
            for record in self._live:
                # Read before the journal is emptied, so that all that came before the end is written before it.
                ended = record.ended
                self._write(record, ended, roll)
                if not ended:
                    still_open.append(record)
            self._live = still_open

    def _admit(self) -> None:
        for _ in range(len(self._opened)):
            record = self._opened.popleft()
            if record.discarded:
                continue
            self._live.append(record)
            self._guarded(partial(self.metrics.opened, record.info))

    def _write(self, record: StageRecord, ended: bool, roll: bool) -> None:
        if record.discarded:
            self._guarded(partial(self.metrics.discarded, record.info))
            return
        self._guarded(lambda: self._drain(record))
        self._guarded(lambda: self._hand_over(record))
        if ended:
            self._end(record)
        elif roll:
            self._guarded(lambda: record.writer.roll(now_ns()))
        else:
            self._guarded(lambda: record.writer.roll_if_due(now_ns()))

    def _drain(self, record: StageRecord) -> None:
        if record.journal is None:
            return
        write = record.writer.write
        for count, entry in enumerate(take(record.journal), 1):
            try:
                write(entry)
            except Exception as error:
                self.errors.report("record", error)
            if not count % _YIELD_EVERY:
                time.sleep(0)

    def _hand_over(self, record: StageRecord) -> None:
        monitor = record.monitor
        at = trace_api.set_span_in_context(record.span)
        intervals, monitor.intervals = monitor.intervals, []
        self.metrics.progress(record.info, monitor.totals, record.handed, intervals, at)
        edge = monitor.edge
        if edge is not None and edge.latencies and record.upstream_name:
            latencies, edge.latencies = edge.latencies, []
            self.metrics.latencies(record.info, record.upstream_name, latencies, at)

    def _end(self, record: StageRecord) -> None:
        at = trace_api.set_span_in_context(record.span)
        self._guarded(partial(self.metrics.closed, record.info, record.monitor.totals, at))
        hook = self.options.on_stream_end
        if hook is not None:
            self._guarded(lambda: hook(record.writer.span, record.monitor.totals), "hook")
        self._guarded(record.writer.end)

    def _guarded(self, step: Callable[[], Any], site: str = "record") -> None:
        try:
            step()
        except Exception as error:
            self.errors.report(site, error)


def _look_away(crossed: object, time_ns: int, send_ns: int = 0) -> None:
    """Stand in for `feed` and `take` where a stage has failed too often."""


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _stage_settings(options: Options) -> StageSettings:
    return StageSettings(
        digest=keyed_digest(options.digest_key) if options.digest_key else sha1_digest,
        first_byte_ns=_ns(options.first_byte_threshold),
        silence_ns=_ns(options.silence_threshold),
        max_event_bytes=options.max_event_bytes,
        max_findings=options.max_findings,
        interval_sample=options.interval_sample,
        capture_content=options.capture_content,
        dialect=options.dialect,
        content_of=options.content_of,
        content_checks=tuple((name, re.compile(rule)) for name, rule in (options.content_checks or {}).items()),
    )
