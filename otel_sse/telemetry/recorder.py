"""The recorder: takes journals off the request threads and turns them into spans, events and metrics."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from opentelemetry import metrics as metrics_api
from opentelemetry import trace as trace_api
from opentelemetry.context import Context, get_current
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from otel_sse import limits, semconv
from otel_sse.lineage import Crossings
from otel_sse.options import Options
from otel_sse.stage import StageMonitor
from otel_sse.stage.edge import Edge
from otel_sse.stream import outcome as outcomes
from otel_sse.stream.stage import StageInfo
from otel_sse.stream.totals import Totals
from otel_sse.telemetry import fork
from otel_sse.telemetry.attributes import request_attributes
from otel_sse.telemetry.budget import TraceBudget
from otel_sse.telemetry.clock import Anchor, now_ns
from otel_sse.telemetry.emission import span_event
from otel_sse.telemetry.internal import InternalErrors
from otel_sse.telemetry.logs import ChunkLog
from otel_sse.telemetry.metrics import HandedOver, Metrics
from otel_sse.telemetry.queue import new_journal, take
from otel_sse.telemetry.record import StageRecord as StageRecord
from otel_sse.telemetry.segments import SegmentWriter, start_segment
from otel_sse.telemetry.settings import check_dialect, check_provider, segment_settings, stage_settings
from otel_sse.telemetry.streams import Stream
from otel_sse.telemetry.upstreams import Upstreams
from otel_sse.telemetry.worker import Worker

SITES: Final = ("open", "observe", "close", "record", "hook", "guard")
"""Where an internal error can happen, the label of `sse.internal_errors`."""

_NO_BUDGET: Final = 2**63
"""Chunk events of a trace that nobody stores for long."""

AFTERMATH_NS: Final = 1_000_000_000
"""Time that an application has, once its last body is sent, to raise what kept it from sending all. Those that raise do
so at once; what takes longer is a background task, and the stream is not to count as open for as long as that."""

_YIELD_EVERY: Final = 256
"""Entries after which the recorder lets the event loop have the interpreter: about a millisecond of work. Oftener
costs more than it gives: each time is a system call and a change of threads."""


class Recorder:
    """Records the streams of one instrumented application. Its thread starts with the first stream.

    Args:
        options: The settings.
        tracer_provider: Where spans go; the global provider where None, also if that is set later.
        meter_provider: Where metrics go; likewise.
        version: Version of the instrumentation scope.

    Raises:
        ConfigurationError: A provider is none, or the dialect is not known or makes none.
    """

    def __init__(
        self,
        options: Options,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        version: str = "",
    ) -> None:
        check_provider("tracer_provider", tracer_provider, "get_tracer")
        check_provider("meter_provider", meter_provider, "get_meter")
        self.options = options
        self.metrics = Metrics(metrics_api.get_meter(semconv.SCOPE, version, meter_provider))
        self.metrics.start_internal_errors(SITES)
        self.metrics.start_guards()
        self.errors = InternalErrors(self.metrics.internal_error)
        self._tracer = trace_api.get_tracer(semconv.SCOPE, version, tracer_provider)
        self._stage_settings = stage_settings(options)
        # A dialect's name that nobody knows is to be told here, to the person who set it, and not at the first stream.
        check_dialect(self._stage_settings)
        self._segment_settings = segment_settings(options, self._tracer, version)
        self._own = (self._tracer, self._segment_settings)
        self._digest_name = "blake2b" if options.digest_key else "sha1"
        self._closed = False
        self._reset()
        fork.watch(self)

    def divert(self, tracer_provider: TracerProvider | None) -> None:
        """Give the spans of streams that begin from now on to another provider, each chunk an event: for tests.

        Args:
            tracer_provider: Where to; None for the recorder's own again, with its own detail.
        """
        self._tracer, self._segment_settings = self._own
        if tracer_provider is not None:
            self._tracer = trace_api.get_tracer(semconv.SCOPE, "", tracer_provider)
            self._segment_settings = replace(
                self._segment_settings,
                tracer=self._tracer,
                emit=span_event,
                budget=TraceBudget(_NO_BUDGET),
                detail="all",
                on_span=True,
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
        """Whether no stream is open, none has just begun, and nothing was left to the thread."""
        return not self._live and not self._opened and not self._dropped

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

    def close_settled(self, record: StageRecord, error_type: str = "") -> bool:
        """End a stage as it was settled, at that time; return False where it was not, or where another thread does it.

        A settled stage that is not closed is closed by the recorder's thread, `AFTERMATH_NS` later.

        Args:
            record: What `open` returned.
            error_type: Type of an exception that came after all, which makes it `failed`; or "".
        """
        try:
            outcome, ended_ns = record.settled.pop()
        except IndexError:
            return False
        self.close(record, outcomes.FAILED if error_type else outcome, error_type, ended_ns)
        return True

    def close(self, record: StageRecord, outcome: str, error_type: str = "", ended_ns: int = 0) -> Totals:
        """End a stage: exactly one outcome, written on its last span by the recorder's thread.

        Args:
            record: What `open` returned.
            outcome: One of `otel_sse.stream.outcome.OUTCOMES`.
            error_type: Type of the exception that ended it, or "".
            ended_ns: When it ended, on `clock.now_ns`; 0 for now.
        """
        if record.errors and outcome == outcomes.COMPLETED:
            outcome = outcomes.UNPARSED
        try:
            totals = self._totals_at_end(record, outcome, error_type, ended_ns or now_ns())
            for _ in range(record.monitor.callback_errors):
                self.metrics.internal_error("hook")
            if record.log is not None:
                record.log.end(totals.outcome)
            self.tell_request(record, totals.outcome, error_type)
        finally:
            record.ended = True
            record.feed = record.take = _look_away
            if self._worker is not None:
                self._worker.wake()
            if self._closed:
                self._pass()
        return totals

    def _totals_at_end(self, record: StageRecord, outcome: str, error_type: str, ended_ns: int) -> Totals:
        try:
            return record.monitor.end(outcome, ended_ns, error_type)
        except Exception as error:
            record.monitor.totals.end_unread(outcome, ended_ns, error_type)
            self.errors.report("close", error)
        return record.monitor.totals

    def discard(self, record: StageRecord) -> None:
        """Forget a stage that nothing has crossed: no span, no outcome, no count."""
        record.discarded = record.ended = True
        record.feed = record.take = _look_away

    def drop(self, end: Callable[[], None]) -> None:
        """Let the recorder's thread call `end` soon: for destructors, which may run anywhere and must take no lock."""
        self._dropped.append(end)

    def rouse(self) -> None:
        """Wake the thread for what was dropped, and start it where no stream has been yet."""
        if len(self._dropped) > 1:
            # It has been woken for the first of them, or has not come to it yet.
            return
        worker = self._worker
        if worker is not None and worker.alive:
            worker.wake()
        elif self._start_lock.acquire(blocking=False):
            try:
                self._start_worker()
            finally:
                self._start_lock.release()

    def tell_request(self, record: StageRecord, outcome: str, error_type: str = "") -> None:
        """Write the last stage's sums and outcome on the request's own span, which may end before the stage does.

        Args:
            record: The stage's.
            outcome: How it ends.
            error_type: Type of the exception that ended it, or "".
        """
        if record.last and record.request_span.is_recording():
            attributes = request_attributes(record.info, record.monitor.totals)
            attributes[semconv.STREAM_OUTCOME] = outcome
            if outcome == outcomes.FAILED and error_type:
                attributes[semconv.ERROR_TYPE] = error_type
                record.request_span.set_status(trace_api.StatusCode.ERROR)
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

    @property
    def has_open(self) -> bool:
        """Whether a stage has not ended yet."""
        return any(not record.ended for record in [*self._live, *self._opened])

    def write_ended(self) -> None:
        """Write out what has ended, at once and in this thread: the process may not live until the next pass."""
        with self._pass_lock:
            self._admit()
            live, self._live = self._live, []
            for record in live:
                if record.ended:
                    self._write(record, True, False)
                else:
                    self._live.append(record)

    def shutdown(self) -> None:
        """Write out everything and stop. Streams still open end as `abandoned`."""
        self._closed = True
        with self._start_lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()
        for record in [*self._live, *self._opened]:
            if not record.ended and not self.close_settled(record):
                self.close(record, outcomes.ABANDONED)
        self._pass()

    def _ensure_worker(self) -> None:
        worker = self._worker
        if worker is not None and worker.alive:
            if len(self._opened) == 1:
                worker.wake()
            return
        with self._start_lock:
            self._start_worker()

    def _start_worker(self) -> None:
        # What kills a thread (a SystemExit out of a hook) is not to end all recording.
        if (self._worker is None or not self._worker.alive) and not self._closed:
            worker = Worker(self, self.options.flush_interval_seconds)
            worker.start()
            self._worker = worker

    def work(self) -> None:
        """Write out what is there; called by the recorder's thread."""
        self._pass()

    def report(self, error: Exception) -> None:
        """Take note of an internal error that `work` raised; its thread goes on."""
        self.errors.report("record", error)

    def _pass(self, *, roll: bool = False) -> None:
        self._end_dropped()
        self._end_settled()
        with self._pass_lock:
            self._admit()
            self._guarded(self._count_waiting)
            still_open: list[StageRecord] = []
            for record in self._live:
                # Read before the journal is emptied, so that all that came before the end is written before it.
                ended = record.ended
                self._write(record, ended, roll)
                if not ended:
                    still_open.append(record)
            self._live = still_open
            if not still_open:
                # Nobody may look again for long.
                self._guarded(partial(self.metrics.waiting, {}))

    def _count_waiting(self) -> None:
        waiting: dict[str, int] = {}
        for record in self._live:
            stage = record.info.label
            waiting[stage] = waiting.get(stage, 0) + len(record.journal or ())
        self.metrics.waiting(waiting)

    def _end_dropped(self) -> None:
        # The thread's pass and a flush may be here at once, so what was counted may be gone when it is to be taken.
        # Not under the lock: an end may have to write everything out.
        for _ in range(len(self._dropped)):
            try:
                end = self._dropped.popleft()
            except IndexError:
                return
            self._guarded(end, "close")

    def _end_settled(self) -> None:
        before_ns = now_ns() - AFTERMATH_NS
        for record in self._live:
            if any(ended_ns < before_ns for _, ended_ns in tuple(record.settled)):
                self._guarded(partial(self.close_settled, record), "close")

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
