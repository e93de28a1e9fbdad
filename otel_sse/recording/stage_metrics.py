"""What the metrics are told of stages: that each began, what crossed it, and how it ended, once, whoever tells."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from opentelemetry import trace as trace_api

from otel_sse.recording.forgone import Forgone
from otel_sse.recording.stage_record import StageRecord
from otel_sse.telemetry.internal import InternalErrors
from otel_sse.telemetry.metrics import Metrics


class StageMetrics:
    """Reports stages to the metrics. The recorder's thread does so, as long as it keeps up.

    Where that thread hangs, or can't keep up, other threads report the stages that have ended. They report in bulk,
    because they are the application's. Whoever is first claims a stage's end, so that it is reported once.

    Args:
        metrics: Count.
        errors: Takes note of our own errors.
    """

    def __init__(self, metrics: Metrics, errors: InternalErrors) -> None:
        self._metrics = metrics
        self._errors = errors
        self._ended: deque[StageRecord] = deque()
        """Stages that have ended, and whose end is not reported."""
        self.in_hand: StageRecord | None = None
        """The stage that the recorder's thread is at, set by that thread before it looks at the stage."""
        self._forgone = Forgone(metrics)
        # A signal handler may end a stage in the middle of a claim, in the same thread.
        self._claims = threading.RLock()

    # For any thread.

    def end(self, record: StageRecord) -> None:
        """Take note that a stage has ended, for whoever reports it."""
        self._ended.append(record)

    @property
    def pending(self) -> int:
        """How many stages have ended and are not reported."""
        return len(self._ended)

    def report_in_bulk(self) -> None:
        """Report the end of the stage that ended first, in the place of the recorder's thread."""
        try:
            record = self._ended.popleft()
        except IndexError:
            return
        if self._claim_from_thread(record):
            self._forgone.add(record)
        elif not record.told_end:
            # The recorder is at it; where it gets on it reports it.
            self._ended.append(record)

    def forgo(self, record: StageRecord) -> None:
        """Report the end of a stage that has ended, in bulk, where nobody has."""
        if self._claim(record):
            self._forgone.add(record)

    def report_forgone(self) -> None:
        """Hand over the numbers that were reported in bulk."""
        self._forgone.hand_over()

    def _claim(self, record: StageRecord) -> bool:
        """Return whether a stage's end is the caller's to report; true once."""
        with self._claims:
            if record.told_end:
                return False
            record.told_end = True
            return True

    def _claim_from_thread(self, record: StageRecord) -> bool:
        """Claim a stage's end, but not that of the stage in hand, whose sums may be on their way to the metrics."""
        with self._claims:
            if record.told_end:
                return False
            # Told first, then looked: the thread says first what it takes in hand, then looks whether it is told.
            record.told_end = True
            if record is self.in_hand:
                record.told_end = False
            return record.told_end

    # For the recorder's thread.

    def report_begin(self, record: StageRecord) -> bool:
        """Report a stage as open, the first time; return False where its end is reported already."""
        if record.counted:
            return not record.told_end
        with self._claims:
            if record.told_end:
                return False
            if record.discarded:
                return True
            record.counted = True
        self._errors.guarded("record", self._metrics.opened, record.info)
        return True

    def report_progress(self, record: StageRecord) -> None:
        """Report what has crossed a stage since the last time."""
        if record.has_news:
            self._errors.guarded("record", self._hand_over, record)

    def report_ends(self, mark: Callable[[StageRecord | None], None]) -> None:
        """Report all stages that have ended, whenever they will be written.

        Args:
            mark: Called with each one before it is reported, and with None after the last.
        """
        for _ in range(len(self._ended)):
            try:
                record = self._ended.popleft()
            except IndexError:
                break
            mark(record)
            self.report_end(record)
        mark(None)

    def report_end(self, record: StageRecord) -> None:
        """Report the end of a stage, where nobody has."""
        if not self._claim(record):
            return
        guarded, metrics = self._errors.guarded, self._metrics
        if record.discarded:
            if record.counted:
                guarded("record", metrics.discarded, record.info)
            return
        if not record.counted:
            guarded("record", metrics.opened, record.info)
        guarded("record", self._hand_over, record)
        at = trace_api.set_span_in_context(record.span)
        guarded("record", metrics.closed, record.info, record.monitor.totals, at)

    def _hand_over(self, record: StageRecord) -> None:
        monitor = record.monitor
        at = trace_api.set_span_in_context(record.span)
        intervals, monitor.intervals = monitor.intervals, []
        self._metrics.progress(record.info, monitor.totals, record.handed, intervals, at)
        edge = monitor.edge
        if edge is not None and edge.latencies and record.upstream_name:
            latencies, edge.latencies = edge.latencies, []
            self._metrics.latencies(record.info, record.upstream_name, latencies, at)
