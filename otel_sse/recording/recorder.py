"""The recorder: takes journals off the request threads and turns them into spans, events and metrics."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Final

from opentelemetry import trace as trace_api
from opentelemetry.context import Context, get_current
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from otel_sse import limits, semconv
from otel_sse.lineage import Crossings
from otel_sse.lineage.edge import Edge
from otel_sse.options import Options
from otel_sse.recording import fork
from otel_sse.recording.journal import Journal
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.settings import check_dialect, check_provider, segment_settings, stage_settings
from otel_sse.recording.stage_record import StageRecord as StageRecord
from otel_sse.recording.upstreams import Upstreams
from otel_sse.recording.worker import Worker
from otel_sse.recording.writer import Writer
from otel_sse.stage import StageMonitor
from otel_sse.stream import outcome as outcomes
from otel_sse.stream.stage import StageInfo
from otel_sse.stream.totals import Totals
from otel_sse.telemetry.attributes import request_attributes
from otel_sse.telemetry.budget import TraceBudget
from otel_sse.telemetry.clock import Anchor, now_ns
from otel_sse.telemetry.emission import span_event
from otel_sse.telemetry.instruments import after_fork, meter_of, watch_waiting
from otel_sse.telemetry.internal import InternalErrors
from otel_sse.telemetry.logs import ChunkLog
from otel_sse.telemetry.metrics import HandedOver, Metrics
from otel_sse.telemetry.segments import SegmentWriter, start_segment

logger = logging.getLogger("otel_sse")

SITES: Final = ("open", "observe", "close", "record", "hook", "guard")
"""Where an internal error can happen, the label of `sse.internal_errors`."""

_NO_BUDGET: Final = 2**63
"""Chunk events of a trace that nobody stores for long."""

DEFERRED: Final = "request"
"""What stands for a stage where the end of a request's span, or a hook, is forgotten: these belong to no stage."""

FLUSH_TIMEOUT_S: Final = 30.0
"""Seconds that a flush waits at most by default, as OpenTelemetry's `force_flush` does."""


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
        self._meter_provider = meter_provider
        self._meter = meter_of(version, meter_provider)
        self.metrics = Metrics(self._meter)
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
        self._told_late = False
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
        self._writer = Writer(self.options, self.metrics, self.errors)
        watch_waiting(self._meter, self._meter_provider, self._writer)
        self._start_lock = threading.Lock()
        self._worker: Worker | None = None

    @property
    def closed(self) -> bool:
        """Whether `shutdown` has been called: nothing is to be opened any more."""
        return self._closed

    @property
    def idle(self) -> bool:
        """Whether there is nothing to write and no stream is open."""
        return self._writer.idle

    def after_fork(self) -> None:
        """Start afresh in a forked child: the parent goes on with its own streams, the child has none yet."""
        after_fork()
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
        journal = None
        if span.is_recording():
            journal = Journal(self.options.queue_size, self._writer.room, self.metrics.dropped, info.label)
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
        first = self._writer.idle
        self._writer.begin(record)
        worker = self._ensure_worker()
        if worker is None:
            # It is tried again with the next stream; until then a flush, or the exit, writes in its caller's thread.
            self.metrics.internal_error("open")
        elif first:
            worker.wake()
        return record

    def _attach_log(self, record: StageRecord) -> None:
        if ChunkLog.is_on():
            record.log = ChunkLog(record.info, record.span_context, self._digest_name, self.options.log_first)
            record.monitor.on_chunk = record.log.chunk

    def close_settled(self, record: StageRecord, error_type: str = "") -> bool:
        """End a stage as it was settled, at that time; return False where it was not, or where another thread does it.

        A settled stage that is not closed is closed by the recorder's thread, `writer.AFTERMATH_NS` later.

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
        if record.errors:
            # What was not seen may be what an answer went on with.
            record.monitor.reader_left(had_all=False)
            outcome = outcomes.UNPARSED if outcome == outcomes.COMPLETED else outcome
        try:
            totals = self._totals_at_end(record, outcome, error_type, ended_ns or now_ns())
            for _ in range(record.monitor.callback_errors):
                self.metrics.internal_error("hook")
            if record.log is not None:
                record.log.end(totals.outcome)
            self.tell_request(record, totals.outcome, error_type)
        finally:
            if record.journal is not None:
                record.journal.tell_dropped()
                record.monitor.totals.dropped = record.journal.dropped
            self._ended(record)
        return totals

    def _ended(self, record: StageRecord) -> None:
        again, record.ended = record.ended, True
        record.feed = record.take = _look_away
        if not again:
            self._writer.end(record)
            # A stage that began before `shutdown` may end behind it: it has a thread that ends with it.
            worker = self._ensure_worker() if self._closed else self._worker
            if worker is not None:
                worker.wake()
            elif self._closed:
                self._writer.work()

    def _totals_at_end(self, record: StageRecord, outcome: str, error_type: str, ended_ns: int) -> Totals:
        try:
            return record.monitor.end(outcome, ended_ns, error_type)
        except Exception as error:
            record.monitor.totals.end_unread(outcome, ended_ns, error_type)
            self.errors.report("close", error)
        return record.monitor.totals

    def discard(self, record: StageRecord) -> None:
        """Forget a stage that nothing has crossed: no span, no outcome, no count."""
        record.discarded = True
        self._ended(record)

    def drop(self, end: Callable[[], None]) -> None:
        """Let the recorder's thread call `end` soon: for destructors, which may run anywhere and must take no lock."""
        self._writer.end_later(end)

    def defer(self, step: Callable[[], None]) -> None:
        """Let the recorder's thread do something soon that may take long, such as to end a span.

        Args:
            step: Does it. Where too much waits already it is forgotten, and counted as dropped.
        """
        if not self._writer.defer(step):
            self.metrics.dropped(DEFERRED, 1)
            return
        worker = self._worker
        if worker is not None and worker.alive:
            worker.wake()
        # A destructor may come here in the middle of a start in the same thread, and must not wait for it.
        elif self._start_lock.acquire(blocking=False):
            try:
                started = self._start_worker()
            finally:
                self._start_lock.release()
            if started is None:
                self._writer.work()

    def call_hook(self, hook: Callable[..., object], *args: object) -> None:
        """Have a hook of the user's called by the recorder's thread, in a copy of the present context.

        Args:
            hook: The hook. What it raises is counted.
            *args: What it is called with.
        """
        self.defer(partial(copy_context().run, self._writer.guarded, "hook", hook, *args))

    def tell_request(self, record: StageRecord, outcome: str, error_type: str = "") -> None:
        """Write the last stage's sums and outcome on the request's own span, which may end before the stage does.

        Args:
            record: The stage's.
            outcome: How it ends.
            error_type: Type of the exception that ended it, or "".
        """
        if record.last and record.request_span.is_recording():
            totals = record.monitor.totals
            sums = (totals.bytes, totals.chunks, totals.findings, totals.max_interval_ns)
            # The sums are told before the last body; where nothing came since, the end adds the outcome alone.
            attributes = {} if sums == record.told else request_attributes(record.info, totals)
            record.told = sums
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

    def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> bool:
        """Write out everything that has crossed so far; segments of open streams end, so that they can be seen.

        The recorder's own thread writes. A hook that calls this is in that thread already, and goes on at once.

        Args:
            timeout_s: Seconds to wait at most.

        Returns:
            Whether all is written.
        """
        return self._have_done(timeout_s, roll=True)

    def start_flush(self) -> Callable[[], bool]:
        """Have everything written out that has crossed so far; return what says whether it is, without waiting."""
        worker = self._ensure_worker() if not self._writer.idle else None
        if worker is None or worker.is_here:
            return lambda: True
        asked = worker.ask(roll=True)
        return lambda: asked.done

    def work(self, *, roll: bool = False) -> bool:
        """Write out what is there; called by the recorder's thread. Return whether there is more to do at once."""
        return self._writer.work(roll=roll)

    def catch_up(self) -> None:
        """Have what has crossed written out, without ending the segments of streams that are open; wait for it."""
        self._have_done(FLUSH_TIMEOUT_S, roll=False)

    def _have_done(self, timeout_s: float, *, roll: bool) -> bool:
        if self._writer.idle:
            return True
        until_s = time.monotonic() + timeout_s
        while (worker := self._ensure_worker()) is not None:
            if worker.is_here:
                return True
            asked = worker.ask(roll=roll)
            if worker.is_any_here():
                return asked.done
            done = asked.wait(max(until_s - time.monotonic(), 0))
            if not asked.orphaned:
                return done
        # No thread is to be had, as when the interpreter ends.
        self._writer.work(roll=roll)
        return True

    @property
    def has_open(self) -> bool:
        """Whether a stage has not ended yet."""
        return bool(self._writer.unended())

    def shutdown(self, waited_s: float = 0.0) -> None:
        """Write out everything and stop. Streams still open end as `abandoned`.

        Waits for `shutdown_timeout_seconds` at most; what is not written by then is given up, counted, and told once.

        Args:
            waited_s: Seconds of that which have passed.
        """
        self._closed = True
        for record in self._writer.unended():
            if not self.close_settled(record):
                self.close(record, outcomes.ABANDONED)
        # Where it has hung for as long as that already, nobody waits once more.
        timeout_s = max(self.options.shutdown_timeout_seconds - max(self._writer.busy_s, waited_s), 0)
        until_s = time.monotonic() + timeout_s
        written = self._have_done(timeout_s, roll=True)
        worker = self._worker
        if worker is not None and not worker.is_here:
            worker.stop(max(until_s - time.monotonic(), 0))
        if not written:
            self._give_up()

    def _give_up(self) -> None:
        stages, entries = self._writer.forgo_all()
        self.tell_late(f"{stages} stages with {entries} chunks were not written.")

    def tell_late(self, consequence: str) -> None:
        """Say in the log that the recorder was not done in time; once.

        Args:
            consequence: What comes of it.
        """
        if not self._told_late:
            self._told_late = True
            cause = "an exporter or a hook takes too long"
            seconds = self.options.shutdown_timeout_seconds
            logger.warning(
                "the recorder was not done after %g s (shutdown_timeout_seconds): %s. %s", seconds, cause, consequence
            )

    def _ensure_worker(self) -> Worker | None:
        """Return the recorder's thread, started if need be; None where there is none to be had."""
        worker = self._worker
        if worker is not None and worker.alive:
            return worker
        with self._start_lock:
            return self._start_worker()

    def _start_worker(self) -> Worker | None:
        # What kills a thread (a SystemExit out of a hook) is not to end all recording.
        if self._worker is None or not self._worker.alive:
            worker = Worker(self, self.options.flush_interval_seconds)
            try:
                worker.start()
            except RuntimeError:
                return None
            self._worker = worker
        return self._worker

    def report(self, error: Exception) -> None:
        """Take note of an internal error that `work` raised; its thread goes on."""
        self.errors.report("record", error)


def _look_away(crossed: object, time_ns: int, send_ns: int = 0) -> None:
    """Stand in for `feed` and `take` where a stage has failed too often."""
