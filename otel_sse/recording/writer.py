"""The work of the recorder's thread: journals become spans, events and metrics, stage by stage."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from otel_sse import limits
from otel_sse.options import Options
from otel_sse.recording.journal import Journal, Room
from otel_sse.recording.stage_metrics import StageMetrics
from otel_sse.recording.stage_record import StageRecord
from otel_sse.telemetry.clock import now_ns
from otel_sse.telemetry.internal import InternalErrors
from otel_sse.telemetry.metrics import Metrics

AFTERMATH_NS: Final = 1_000_000_000
"""Time after the last body in which an exception of the application still makes the stream a failed one. Applications
raise at once; whatever takes longer is a background task, and the stream must not count as open meanwhile."""

_BREATH_NS: Final = 1_000_000
"""Working time after which the thread yields the interpreter to the event loop. Each time costs a system call and a
change of threads, so more often costs more than it gives."""

_LOOK: Final = 64
"""Entries written between two looks at the clock, to see whether to yield."""

_ROUND_NS: Final = 500_000_000
"""Time for which ended stages are written, before the open ones have their turn."""


class Writer:
    """The stages that the recorder's thread writes, and how it writes them.

    Any thread may begin a stage, end it or defer a step. One thread at a time writes, under `lock`. It reports all
    stages that have ended to the metrics before it writes the next one, so that a slow hook makes no number late.

    That thread may hang in a hook or an exporter, or be too slow. Then each thread that ends a stage reports others in
    bulk, and drops the oldest one if too many wait.

    Args:
        options: The settings.
        metrics: The instruments of the recorder.
        errors: Counts and logs our own errors.
    """

    def __init__(self, options: Options, metrics: Metrics, errors: InternalErrors) -> None:
        self.lock = threading.Lock()
        self.room = Room()
        self.numbers = StageMetrics(metrics, errors)
        """Reports the stages to the metrics."""
        self._metrics = metrics
        self._errors = errors
        self._hook = options.on_stream_end
        self._live: dict[int, StageRecord] = {}
        self._ended: deque[StageRecord] = deque()
        """Stages that have ended and are not written."""
        self._ends: deque[Callable[[], None]] = deque()
        self._steps: deque[Callable[[], None]] = deque()
        self._unread: deque[tuple[StageRecord, int]] = deque()
        """Stages that are read on although their request is over, each with the time of that end."""
        self._working_since_ns = 0
        self._breathed_ns = 0
        self._stages: dict[str, int] = {}

    # Called by any thread.

    def begin(self, record: StageRecord) -> None:
        """Take over a stage that has begun."""
        self._stages.setdefault(self._metrics.stage_label(record.info.label), 0)
        self._live[id(record)] = record
        if self._ends and self.hung:
            # Two for each stage that begins, so that their number falls. They close stages, and write nothing.
            self._run(self._ends, "close", 2)

    def end(self, record: StageRecord) -> None:
        """Take over a stage that has ended, to write it."""
        record.waits_since_ns = now_ns()
        self.numbers.end(record)
        self._ended.append(record)
        hung = self.hung
        most = limits.MAX_ENDED_STAGES_HUNG if hung else limits.MAX_ENDED_STAGES
        for _ in range(2):
            # Two for each stage that ends: many may wait from before the recorder hung.
            if hung and self.numbers.pending:
                self.numbers.report_in_bulk()
            if len(self._ended) > most:
                self._forgo_oldest()

    def end_later(self, end: Callable[[], None]) -> None:
        """Have the recorder's thread call `end`, which ends a stage. It takes no lock, so destructors may call it."""
        self._ends.append(end)

    def watch_unread(self, record: StageRecord, *, for_nobody: bool = True) -> bool:
        """Let a stage go on although its request is over. It ends as abandoned once no chunk crosses any more.

        Args:
            record: The stage.
            for_nobody: Whether what crosses from now on reaches nobody, and is counted as such.

        Returns:
            Whether it may go on: False where too many do.
        """
        if len(self._unread) >= limits.MAX_UNREAD_STAGES:
            return False
        time_ns = now_ns()
        if for_nobody:
            record.monitor.reads_for_nobody(time_ns)
        self._unread.append((record, time_ns))
        return True

    def defer(self, step: Callable[[], None]) -> bool:
        """Have the recorder's thread do a step. Return False, and forget the step, if too many wait."""
        waiting = len(self._steps)
        if waiting >= limits.MAX_DEFERRED_STEPS or (waiting >= limits.MAX_ENDED_STAGES_HUNG and self.hung):
            return False
        self._steps.append(step)
        return True

    @property
    def hung(self) -> bool:
        """Whether that thread has worked on one stage, or the oldest ended stage has waited, for too long."""
        before_ns = now_ns() - limits.RECORDER_HUNG_NS
        if 0 < self._working_since_ns < before_ns:
            return True
        try:
            return self._ended[0].waits_since_ns < before_ns
        except IndexError:
            return False

    @property
    def busy_s(self) -> float:
        """Seconds that the recorder's thread has worked on its present stage; 0 if it works on none."""
        since_ns = self._working_since_ns
        return (now_ns() - since_ns) / 1e9 if since_ns else 0.0

    @property
    def idle(self) -> bool:
        """Whether there is nothing to write, and nothing can come before another stage begins."""
        # The stage in hand is in no queue any more, so the thread's own work is looked at as well.
        return not (self._live or self._ended or self._steps or self._ends or self._working_since_ns)

    def unended(self) -> list[StageRecord]:
        """Return the stages that have not ended yet."""
        return [record for record in list(self._live.values()) if not record.ended]

    def waiting(self) -> dict[str, int]:
        """Return how many entries wait, by stage; 0 for a stage that had some and has none now.

        Whoever asks collects metrics. If the recorder hangs, all stages that have ended are reported now.
        """
        if self.hung:
            for _ in range(self.numbers.pending):
                self.numbers.report_in_bulk()
        self._errors.guarded("record", self.numbers.report_forgone)
        found = dict(self._stages)
        for record in list(self._live.values()):
            if record.journal is not None:
                stage = self._metrics.stage_label(record.info.label)
                found[stage] = found.get(stage, 0) + len(record.journal)
        return found

    def forgo_all(self) -> tuple[int, int]:
        """Drop all that waits, because nobody will write it. Return the number of stages and of entries dropped."""
        stages = entries = 0
        in_hand = self.numbers.in_hand
        if in_hand is not None and id(in_hand) not in self._live:
            # The recorder hangs with this stage, whose entries are no longer in its journal.
            stages, entries = 1, in_hand.segments.unsent
            self._metrics.dropped(in_hand.info.label, entries)
        for record in list(self._live.values()):
            entries += self._forgo(record)
            stages += 1
        self._ended.clear()
        self.numbers.report_forgone()
        return stages, entries

    # Called by one thread at a time.

    def work(self, *, roll: bool = False) -> bool:
        """Write what waits. Return whether there is more to do at once.

        Args:
            roll: Whether to write everything, and to end the segments of open streams, so that they can be seen.
        """
        with self.lock:
            try:
                self._mark()
                self._run(self._ends, "close")
                self._run(self._steps, "record", between=self._report_ends)
                self._look_at_unread()
                self._look_at_open(roll)
                return self._finish_ended(forever=roll)
            finally:
                self.numbers.in_hand = None
                self._working_since_ns = 0

    def _run(
        self,
        steps: deque[Callable[[], None]],
        site: str,
        most: int = 2**31,
        between: Callable[[], None] | None = None,
    ) -> None:
        # Other threads may run some meanwhile, so there may be fewer than were counted.
        for _ in range(min(len(steps), most)):
            try:
                step = steps.popleft()
            except IndexError:
                return
            self._errors.guarded(site, step)
            if between is not None:
                # A slow step must make no number late.
                between()

    def _look_at_open(self, roll: bool) -> None:
        for record in list(self._live.values()):
            self._mark(record)
            if not self.numbers.report_begin(record):
                continue
            if record.settled and not record.ended:
                self._end_settled(record)
            if not record.ended:
                self._drain(record)
                self.numbers.report_progress(record)
                self._errors.guarded("record", record.segments.roll if roll else record.segments.roll_if_due, now_ns())
        self.numbers.report_forgone()

    def _look_at_unread(self) -> None:
        before_ns = now_ns() - limits.UNREAD_SILENCE_NS
        for _ in range(len(self._unread)):
            record, since_ns = self._unread.popleft()
            if not record.ended and max(since_ns, record.monitor.totals.last_chunk_ns) < before_ns:
                self._errors.guarded("close", record.abandon)
            if not record.ended:
                self._unread.append((record, since_ns))

    def _finish_ended(self, *, forever: bool) -> bool:
        until_ns = now_ns() + _ROUND_NS
        while self._ended:
            self._report_ends()
            if not forever and now_ns() > until_ns:
                return True
            try:
                record = self._ended.popleft()
            except IndexError:  # pragma: no cover - who ended one stage too many was faster
                return False
            self._mark(record)
            if self._live.pop(id(record), None) is not None:
                self._finish(record)
        self._report_ends()
        return False

    def _report_ends(self) -> None:
        self.numbers.report_ends(self._mark)

    def _mark(self, record: StageRecord | None = None) -> None:
        """Note which stage is worked on, and yield the interpreter now and then."""
        self.numbers.in_hand = record
        self._working_since_ns = time_ns = now_ns()
        if time_ns - self._breathed_ns > _BREATH_NS:
            self._breathed_ns = time_ns
            time.sleep(0)

    def _end_settled(self, record: StageRecord) -> None:
        before_ns = now_ns() - AFTERMATH_NS
        if any(ended_ns < before_ns for _, ended_ns in tuple(record.settled)):
            self._errors.guarded("close", record.close_settled)

    def _finish(self, record: StageRecord) -> None:
        self.numbers.report_end(record)
        if record.discarded:
            return
        self._drain(record)
        if self._hook is not None:
            self._errors.guarded("hook", self._hook, record.segments.span, record.monitor.totals)
        self._errors.guarded("record", record.segments.end)

    def _drain(self, record: StageRecord) -> None:
        """Write the entries of a stage's journal."""
        if record.journal:
            self._errors.guarded("record", self._write_all, record, record.journal)

    def _write_all(self, record: StageRecord, journal: Journal) -> None:
        write = record.segments.write
        for count, entry in enumerate(journal.take(), 1):
            try:
                write(entry)
            except Exception as error:
                self._errors.report("record", error)
            if not count % _LOOK:
                self._mark(record)

    def _forgo_oldest(self) -> None:
        try:
            record = self._ended.popleft()
        except IndexError:
            return
        if record is self.numbers.in_hand:
            # The recorder has its entries, and writes them if it gets on.
            self._ended.append(record)
        else:
            self._forgo(record)

    def _forgo(self, record: StageRecord) -> int:
        """Drop a stage. Return how many entries the trace lacks by that."""
        if self._live.pop(id(record), None) is None or record.discarded:
            return 0
        before = 0
        if record.journal is not None:
            before = record.journal.dropped
            record.journal.give_up(record.segments.unsent)
        self.numbers.forgo(record)
        return 0 if record.journal is None else record.journal.dropped - before
