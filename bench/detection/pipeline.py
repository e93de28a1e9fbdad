"""A pipeline of stages that hand frames on, watched as a process watches them, and its trace."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.detection.recordings import Frame
from bench.detection.timing import OPENED_NS
from bench.detection.watching import RULES
from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import Span, SpanEvent, SpanLink
from otel_sse.diagnosis.trace.streams import TraceStream, trace_of
from otel_sse.hops.hop_edge import HopEdge
from otel_sse.hops.inbox import Inbox
from otel_sse.lineage import Crossings
from otel_sse.lineage.edge import Edge
from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stream.chunk import Chunk, Finding
from otel_sse.stream.outcome import ABANDONED, COMPLETED, FAILED
from otel_sse.stream.stage import StageInfo, StageSpec
from otel_sse.stream.stages import WS_RECEIVE
from otel_sse.telemetry.attributes import chunk_attributes, finding_attributes, stage_attributes, totals_attributes

TRACE_ID: Final = "0af7651916cd43dd8448eb211c80319c"
_WALL_NS: Final = 1_790_000_000_000_000_000
_STEP_NS: Final = 40_000
"""What a stage takes for a frame."""

_SETTINGS: Final = StageSettings(content_checks=RULES)


@dataclass(slots=True)
class Clock:
    """The time of one run."""

    now_ns: int = OPENED_NS


Frames = Iterator[Frame]
Change = Callable[[Frames, Clock], Frames]
"""What one stage does to the frames that it pulls."""


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of a pipeline.

    Args:
        name: Its name.
        change: What it does.
        direction: `in` or `out` for the sides of a policy.
        rewrites: Whether it says that it may change content.
        ends: How it ends where its frames come to an end.
        receives: Whether it is the receiving end of a hop, whose sender is the stage before it.
    """

    name: str
    change: Change
    direction: str = ""
    rewrites: bool = False
    ends: str = COMPLETED
    receives: bool = False


def as_it_is(frames: Frames, clock: Clock) -> Frames:
    """Hand on what comes in."""
    yield from frames


class _Upstream:
    """The stage before, which is known from the start."""

    def __init__(self, crossings: Crossings | None) -> None:
        self._crossings = crossings
        self.unknown = crossings is not None

    def begin(self) -> None:
        """Nothing has to be noted."""

    def find(self, chunk: Chunk) -> Crossings | None:
        """Return it."""
        self.unknown = False
        return self._crossings

    def others(self) -> Sequence[Crossings]:
        """There is no other."""
        return ()

    def chosen(self, upstream: Crossings) -> str:
        """There is one upstream, so no chunk has to name it."""
        return ""


@dataclass(slots=True)
class _Watch:
    """One stage as it is watched."""

    step: Step
    monitor: StageMonitor
    journal: list[Chunk | tuple[Finding, int]]
    crossings: Crossings
    ended: str = ""
    hop: HopEdge | None = None
    numbers: dict[int, int] = field(default_factory=dict)
    detector: Inbox = field(default_factory=lambda: Inbox(WS_RECEIVE))


def run(frames: Sequence[Frame], times_ns: Sequence[int], steps: Sequence[Step], *, lineage: bool) -> TraceStream:
    """Lead frames through stages, each of which pulls from the one before it; return the trace of it.

    Args:
        frames: What the first stage gets.
        times_ns: When it gets each one.
        steps: The stages.
        lineage: Whether each stage records what its chunks were made from, as within one process.
    """
    clock = Clock()
    watches: list[_Watch] = []
    flow = _source(frames, times_ns, clock)
    for step in steps:
        watch = _watch(step, watches[-1] if watches else None, lineage)
        if step.receives:
            flow = _numbered(flow, watch)
        watches.append(watch)
        flow = _watched(step.change(flow, clock), watch, clock)
    try:
        for _ in flow:
            pass
    except RuntimeError:
        pass
    for watch in watches:
        outcome = (watch.ended or ABANDONED) if watch.ended != COMPLETED else watch.step.ends
        watch.monitor.end(outcome, clock.now_ns, "RuntimeError" if outcome == FAILED else "")
    trace = trace_of([_span(watch, watches[at - 1] if at else None) for at, watch in enumerate(watches)])
    assert trace is not None
    (stream,) = trace.streams
    return stream


def _source(frames: Sequence[Frame], times_ns: Sequence[int], clock: Clock) -> Frames:
    for frame, time_ns in zip(frames, times_ns, strict=True):
        clock.now_ns = max(clock.now_ns, time_ns)
        yield frame


def _watch(step: Step, before: _Watch | None, lineage: bool) -> _Watch:
    info = StageInfo(StageSpec(step.name, step.direction, step.rewrites), "s")
    journal: list[Chunk | tuple[Finding, int]] = []
    monitor = StageMonitor(info, _SETTINGS, OPENED_NS, journal)
    crossings = Crossings()
    if lineage:
        upstream = _Upstream(before.crossings if before is not None else None)
        monitor.edge = Edge(
            upstream,
            crossings,
            monitor.totals,
            16,
            rewrites=step.rewrites,
            stage=step.name,
            known=monitor.leave_to_lineage,
        )
    watch = _Watch(step, monitor, journal, crossings)
    if step.receives:
        watch.hop = monitor.edge = HopEdge(Edge(_Upstream(None), crossings, monitor.totals, 16))
    return watch


def _numbered(frames: Frames, watch: _Watch) -> Frames:
    """What a sender does: it gives each message its number, which goes with it however often it is sent."""
    for number, frame in enumerate(frames, 1):
        watch.numbers[id(frame)] = number
        yield frame


def _arrived(watch: _Watch, frame: Frame) -> None:
    if watch.hop is None:
        return
    number, seq = watch.numbers[id(frame)], watch.monitor.totals.chunks + 1
    watch.hop.arrived(number, _STEP_NS, watch.detector.check(seq, number, seq == 1))


def _watched(frames: Frames, watch: _Watch, clock: Clock) -> Frames:
    try:
        for frame in frames:
            clock.now_ns += _STEP_NS
            _arrived(watch, frame)
            watch.monitor.feed(frame.raw, clock.now_ns)
            yield frame
    except RuntimeError:
        watch.ended = FAILED
        raise
    except GeneratorExit:
        watch.ended = ABANDONED
        raise
    watch.ended = COMPLETED
    for finding in watch.detector.close():
        watch.monitor.note(finding, clock.now_ns)


def _span(watch: _Watch, before: _Watch | None) -> Span:
    info, totals = watch.monitor.info, watch.monitor.totals
    links = (SpanLink(TRACE_ID, _id(before), {semconv.LINK: "upstream"}),) if before is not None else ()
    return Span(
        TRACE_ID, _id(watch), "", f"stream {info.name}", "bench", _wall_ns(totals.opened_ns),
        _wall_ns(totals.ended_ns), {**stage_attributes(info), **totals_attributes(totals)},
        tuple(_events(watch.journal)), links,
    )  # fmt: skip


def _events(journal: Sequence[Chunk | tuple[Finding, int]]) -> Iterator[SpanEvent]:
    for entry in journal:
        if isinstance(entry, tuple):
            finding, time_ns = entry
            yield SpanEvent(semconv.FINDING_EVENT, _wall_ns(time_ns), finding_attributes(finding))
            continue
        time_ns = _wall_ns(entry.time_ns)
        yield SpanEvent(semconv.CHUNK_EVENT, time_ns, chunk_attributes(entry))
        for finding in entry.findings:
            yield SpanEvent(semconv.FINDING_EVENT, time_ns, finding_attributes(finding))


def _id(watch: _Watch) -> str:
    return hashlib.sha1(watch.monitor.info.label.encode()).hexdigest()[:16]


def _wall_ns(time_ns: int) -> int:
    return _WALL_NS + time_ns - OPENED_NS
