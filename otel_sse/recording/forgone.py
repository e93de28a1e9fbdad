"""The numbers of stages that the recorder skips: the metrics get them, whatever becomes of the spans."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

import msgspec

from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream.stage import StageInfo
from otel_sse.stream.totals import Totals
from otel_sse.telemetry.clock import now_ns
from otel_sse.telemetry.metrics import HandedOver, Metrics

_TOGETHER: Final = 64
"""Stages that are reported together: to report one alone would cost its request's thread 50 µs."""

_OFTEN_NS: Final = 1_000_000_000
"""Time after which they are reported, however few they are. No metric is read more often."""


class _Sums(msgspec.Struct):
    """The sums of all stages of one label and route."""

    info: StageInfo
    open: int = 0
    """How many of them were counted as open."""
    totals: Totals = msgspec.field(default_factory=Totals)
    """Chunks, bytes and findings that were not reported."""
    outcomes: Counter[str] = msgspec.field(default_factory=Counter)


class Forgone:
    """Adds up what was not reported of stages that have ended, and reports the sums. For any thread.

    Args:
        metrics: Get the sums.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        # A signal handler or a destructor may end a stage in the middle of this, in the same thread.
        self._lock = threading.RLock()
        self._sums: dict[tuple[str, str], _Sums] = {}
        self._count = 0
        self._handed_ns = 0

    def add(self, record: StageRecord) -> None:
        """Add the numbers of a stage that has ended. The caller sees to it that each stage is added once."""
        if record.discarded:
            return
        info, totals, handed = record.info, record.monitor.totals, record.handed
        with self._lock:
            sums = self._sums.setdefault((info.label, info.route), _Sums(info))
            sums.open += record.begin_reported
            sums.outcomes[totals.outcome] += 1
            sums.totals.chunks += totals.chunks - handed.chunks
            sums.totals.bytes += totals.bytes - handed.bytes
            sums.totals.findings += totals.findings
            for key, (count, amount) in totals.by_kind.items():
                had_count, had_amount = handed.by_kind.get(key, (0, 0))
                both = sums.totals.by_kind.setdefault(key, [0, 0])
                both[0] += count - had_count
                both[1] += amount - had_amount
            self._count += 1
            due = self._count >= _TOGETHER or now_ns() - self._handed_ns > _OFTEN_NS
        if due:
            self.hand_over()

    def hand_over(self) -> None:
        """Report the sums so far."""
        if not self._count:
            return
        with self._lock:
            pending, self._sums, self._count = self._sums, {}, 0
            self._handed_ns = now_ns()
        for sums in pending.values():
            self._metrics.progress(sums.info, sums.totals, HandedOver(), [], None)
            self._metrics.forgone(sums.info, sums.open, sums.outcomes)
