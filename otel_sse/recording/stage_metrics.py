"""Reports stages to the metrics: that each began, what crossed it and how it ended, once each."""

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
        metrics: The instruments of the recorder.
        errors: Counts and logs our own errors.
    """

    def __init__(self, metrics: Metrics, errors: InternalErrors) -> None:
        self._metrics = metrics
        self._errors = errors
        self._ended: deque[StageRecord] = deque()
        """Stages that have ended, and whose end is not reported."""
        self.in_hand: StageRecord | None = None
        """The stage that the recorder's thread works on. That thread sets it before it reads the stage."""
        self._forgone = Forgone(metrics)
        # A signal handler may end a stage in the middle of a claim, in the same thread.
        self._claims = threading.RLock()

    # For any thread.

    def end(self, record: StageRecord) -> None:
        """Take a stage that has ended; its end is reported later."""
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
        elif not record.end_reported:
            # The recorder's thread works on it. Where that thread gets on, it reports the stage itself.
            self._ended.append(record)

    def forgo(self, record: StageRecord) -> None:
        """Report the end of a stage in bulk, if nobody has reported it."""
        if self._claim(record):
            self._forgone.add(record)

    def report_forgone(self) -> None:
        """Give the metrics the sums of what was reported in bulk."""
        self._forgone.hand_over()

    def _claim(self, record: StageRecord) -> bool:
        """Return whether the caller may report a stage's end. True once for each stage."""
        with self._claims:
            if record.end_reported:
                return False
            record.end_reported = True
            return True

    def _claim_from_thread(self, record: StageRecord) -> bool:
        """Claim a stage's end in the place of the recorder's thread, unless that thread may be reporting the stage."""
        with self._claims:
            if record.end_reported:
                return False
            # Claim first, then look. The recorder's thread sets `in_hand` first and looks at the claim then, so that at
            # least one of the two sees the other.
            record.end_reported = True
            if record is self.in_hand:
                record.end_reported = False
            return record.end_reported

    # For the recorder's thread.

    def report_begin(self, record: StageRecord) -> bool:
        """Report a stage as open, the first time. Return False if its end is reported already."""
        if record.begin_reported:
            return not record.end_reported
        with self._claims:
            if record.end_reported:
                return False
            if record.discarded:
                return True
            record.begin_reported = True
        self._errors.guarded("record", self._metrics.opened, record.info)
        return True

    def report_progress(self, record: StageRecord) -> None:
        """Report what has crossed a stage since the last time."""
        if record.has_news:
            self._errors.guarded("record", self._hand_over, record)

    def report_ends(self, mark: Callable[[StageRecord | None], None]) -> None:
        """Report all stages that have ended, though their spans are not written yet.

        Args:
            mark: Called with each stage before it is reported, and with None after the last.
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
        """Report the end of a stage, if nobody has reported it."""
        if not self._claim(record):
            return
        guarded, metrics = self._errors.guarded, self._metrics
        if record.discarded:
            if record.begin_reported:
                guarded("record", metrics.discarded, record.info)
            return
        if not record.begin_reported:
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
