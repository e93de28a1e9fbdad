"""Totals as metrics, handed over in bulk by the recorder's thread: one `add()` costs more than a whole chunk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec
from opentelemetry.context import Context
from opentelemetry.metrics import Meter

from otel_sse import limits, semconv
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, SUSPECTED
from otel_sse.stream.outcome import OUTCOMES
from otel_sse.stream.stage import StageInfo
from otel_sse.stream.totals import Totals
from otel_sse.telemetry.instruments import instruments_of

Labels = dict[str, str]

_NS_PER_S = 1e9
_FAMILY_COUNTERS = {kinds.DUPLICATE: semconv.DUPLICATES.name, kinds.GAP: semconv.MISSING.name}


class HandedOver(msgspec.Struct):
    """What the metrics have already been told of one stage."""

    chunks: int = 0
    bytes: int = 0
    findings: int = 0
    by_kind: dict[tuple[str, str], tuple[int, int]] = msgspec.field(default_factory=dict)


class Metrics:
    """What one recorder counts. Used by the recorder's thread; `internal_error` and `dropped` by any.

    Args:
        meter: Makes the instruments.
    """

    def __init__(self, meter: Meter) -> None:
        made = instruments_of(meter)
        self._active = made.active
        self._duration = made.duration
        self._first_event = made.first_event
        self._first_content = made.first_content
        self._interval = made.interval
        self._latency = made.latency
        self._counters = made.counters
        self._routes: set[str] = set()
        self._stages: set[str] = set()
        self._reasons: set[str] = set()
        self._known: set[tuple[str, str]] = set()

    def start(self, stage: str, route: str = "") -> None:
        """Make the counters that alerts rest on, at 0: a counter first seen at 3 gives `increase()` = 0.

        Args:
            stage: The stage's name.
            route: The route's template, or "".
        """
        labels = self._labels(stage, route)
        stage = labels["stage"]
        key = (stage, labels.get("route", ""))
        if key in self._known:
            return
        self._known.add(key)
        for outcome in OUTCOMES:
            self._counters[semconv.ENDED.name].add(0, labels | {"outcome": outcome})
        for name in (semconv.CHUNKS.name, semconv.IO.name):
            self._counters[name].add(0, labels)
        for stall in kinds.findings_of(kinds.STALL):
            self._counters[semconv.STALLS.name].add(0, labels | {"kind": stall.detail})
        for kind, certainty in _STARTED_AT_ZERO:
            self._fault(labels, kind, certainty, 0, 0, None)
        self._counters[semconv.DROPPED.name].add(0, {"stage": stage})

    def start_afresh(self) -> None:
        """Forget what was started: a meter provider that was set since has seen none of it."""
        self._known.clear()

    def opened(self, info: StageInfo) -> None:
        """Count a stream as open."""
        self.start(info.label, info.route)
        self._active.add(1, self._labels(info.label, info.route))

    def discarded(self, info: StageInfo) -> None:
        """Take back that a stream was open."""
        self._active.add(-1, self._labels(info.label, info.route))

    def progress(
        self, info: StageInfo, totals: Totals, handed: HandedOver, intervals: list[int], at: Context | None
    ) -> None:
        """Hand over what has come since the last time.

        Args:
            info: The stage.
            totals: Its sums now.
            handed: What was handed over before; brought up to date.
            intervals: Sampled intervals, in nanoseconds.
            at: Context with the stage's span, for exemplars; None where there is none.
        """
        labels = self._labels(info.label, info.route)
        chunks, size = totals.chunks, totals.bytes
        if chunks > handed.chunks:
            self._counters[semconv.CHUNKS.name].add(chunks - handed.chunks, labels, at)
        if size > handed.bytes:
            self._counters[semconv.IO.name].add(size - handed.bytes, labels, at)
        handed.chunks, handed.bytes, handed.findings = chunks, size, totals.findings
        for interval_ns in intervals:
            self._interval.record(interval_ns / _NS_PER_S, labels, at)
        if totals.findings:
            self._faults(labels, totals, handed, at)

    def latencies(self, info: StageInfo, upstream: str, latencies: list[int], at: Context) -> None:
        """Record sampled times between two neighbouring stages.

        Args:
            info: The downstream stage.
            upstream: The upstream stage's name.
            latencies: In nanoseconds.
            at: Context with the downstream stage's span, for exemplars.
        """
        labels = self._labels(info.label, info.route)
        labels = {"from": self.stage_label(upstream), "to": labels.pop("stage"), **labels}
        for latency_ns in latencies:
            self._latency.record(max(latency_ns, 0) / _NS_PER_S, labels, at)

    def closed(self, info: StageInfo, totals: Totals, at: Context) -> None:
        """Count a stream as ended and record how long it took."""
        labels = self._labels(info.label, info.route)
        self._active.add(-1, labels)
        duration_s = max(totals.ended_ns - totals.opened_ns, 0) / _NS_PER_S
        ended = labels | {"outcome": totals.outcome}
        self._counters[semconv.ENDED.name].add(1, ended, at)
        self._duration.record(duration_s, ended, at)
        if (first_ns := totals.time_to_first_chunk_ns) is not None:
            self._first_event.record(max(first_ns, 0) / _NS_PER_S, labels, at)
        if (content_ns := totals.time_to_first_content_ns) is not None:
            self._first_content.record(max(content_ns, 0) / _NS_PER_S, labels, at)
        for reason, count in Counter(totals.finish_reasons).items():
            why = _label(reason, self._reasons, limits.MAX_FINISH_LABELS)
            self._counters[semconv.FINISHES.name].add(count, {"stage": labels["stage"], "reason": why}, at)

    def forgone(self, info: StageInfo, opened: int, outcomes: Mapping[str, int]) -> None:
        """Count stages as ended of which nothing else is known any more.

        Args:
            info: One of them; all are of its name and route.
            opened: How many of them were counted as open.
            outcomes: How many ended in which way.
        """
        self.start(info.label, info.route)
        labels = self._labels(info.label, info.route)
        self._active.add(-opened, labels)
        for outcome, count in outcomes.items():
            self._counters[semconv.ENDED.name].add(count, labels | {"outcome": outcome})

    def dropped(self, stage: str, count: int) -> None:
        """Count entries that the trace lacks: dropped while they waited, or never looked at. By whoever does that.

        Args:
            stage: The stage's label.
            count: How many.
        """
        self._counters[semconv.DROPPED.name].add(count, {"stage": self.stage_label(stage)})

    def internal_error(self, site: str) -> None:
        """Count an error inside otel_sse."""
        self._counters[semconv.INTERNAL_ERRORS.name].add(1, {"site": site})

    def start_internal_errors(self, sites: tuple[str, ...]) -> None:
        """Make the counter of internal errors at 0 for each site."""
        for site in sites:
            self._counters[semconv.INTERNAL_ERRORS.name].add(0, {"site": site})

    def guard_actions(self, guard: str, action: str, count: int) -> None:
        """Count what a guard did."""
        self._counters[semconv.GUARD_ACTIONS.name].add(count, {"guard": guard, "action": action})

    def start_guards(self) -> None:
        """Make the counters of all guards at 0."""
        for guard, actions in semconv.GUARDS.items():
            for action in actions:
                self.guard_actions(guard, action, 0)

    def _faults(self, labels: Labels, totals: Totals, handed: HandedOver, at: Context | None) -> None:
        for (kind, certainty), sums in list(totals.by_kind.items()):
            count, amount = sums
            count_before, amount_before = handed.by_kind.get((kind, certainty), (0, 0))
            if count > count_before:
                self._fault(labels, kind, certainty, count - count_before, amount - amount_before, at)
                handed.by_kind[kind, certainty] = (count, amount)

    def _fault(self, labels: Labels, kind: str, certainty: str, count: int, amount: int, at: Context | None) -> None:
        family, detail = kinds.family_of(kind), kinds.detail_of(kind)
        self._counters[semconv.FINDINGS.name].add(count, labels | {"kind": kind, "certainty": certainty}, at)
        if family in _FAMILY_COUNTERS:
            exact = labels | {"kind": detail or family, "certainty": certainty}
            self._counters[_FAMILY_COUNTERS[family]].add(amount, exact, at)
        elif family == kinds.STALL:
            self._counters[semconv.STALLS.name].add(count, labels | {"kind": detail}, at)

    def _labels(self, stage: str, route: str) -> Labels:
        if not route:
            return {"stage": self.stage_label(stage)}
        return {"stage": self.stage_label(stage), "route": _label(route, self._routes, limits.MAX_ROUTES)}

    def stage_label(self, name: str) -> str:
        """Return the name itself, or `other` where `limits.MAX_STAGE_LABELS` are known already. For any thread."""
        return _label(name, self._stages, limits.MAX_STAGE_LABELS)


def _label(name: str, known: set[str], most: int) -> str:
    """The name itself, or `other` where there are as many names already: label sets are dear, and must not grow."""
    if name not in known:
        if len(known) >= most:
            return "other"
        known.add(name)
    return name


_STARTED_AT_ZERO = (
    *((kind.name, certainty) for kind in kinds.findings_of(kinds.DUPLICATE) for certainty in (CERTAIN, SUSPECTED)),
    *((kind.name, CERTAIN) for kind in kinds.findings_of(kinds.GAP)),
    (kinds.AFTER_DONE, CERTAIN),
)
