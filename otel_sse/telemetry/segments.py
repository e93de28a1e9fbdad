"""One stage's spans: a segment that is full or old ends, and a continuation begins, so that no chunk is lost."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)

from otel_sse import limits, semconv
from otel_sse.stream import outcome as outcomes
from otel_sse.stream.chunk import Chunk, Finding
from otel_sse.stream.stage import StageInfo
from otel_sse.stream.totals import Totals
from otel_sse.telemetry.attributes import (
    Attributes,
    chunk_attributes,
    finding_attributes,
    may_pack,
    model_attributes,
    pack_attributes,
    progress_attributes,
    stage_attributes,
    totals_attributes,
)
from otel_sse.telemetry.budget import TraceBudget
from otel_sse.telemetry.clock import Anchor
from otel_sse.telemetry.emission import Emit

Entry: TypeAlias = "Chunk | tuple[Finding, int]"
"""What a stage has to write: a chunk with its findings, or a finding by itself and its time in nanoseconds."""

_BUDGET_BLOCK: Final = 64
"""Chunk events that a stage takes from its trace's budget at a time; what is left over is given back."""


class SegmentSettings(msgspec.Struct, frozen=True):
    """How segments are written.

    Args:
        tracer: Makes the continuations.
        emit: Where events go.
        budget: Chunk events that each trace may still have.
        detail: `all`, `packed`, `findings` or `off`.
        segment_ns: Age at which a segment with events ends, in nanoseconds.
        max_findings: Finding events of one stage.
        on_span: Whether events stand on the span, so that its event limit matters.
    """

    tracer: Tracer
    emit: Emit
    budget: TraceBudget
    detail: str
    segment_ns: int
    max_findings: int
    on_span: bool = True


def start_segment(
    tracer: Tracer, info: StageInfo, index: int, context: Context, wall_ns: int, before: Span | None = None
) -> Span:
    """Start the span of one segment as a child of the request's span.

    Args:
        tracer: Makes it.
        info: The stage.
        index: 0 for the first.
        context: The request's context.
        wall_ns: Its start, in nanoseconds since the epoch.
        before: The segment that it continues; linked.
    """
    attributes = stage_attributes(info)
    attributes[semconv.SEGMENT_INDEX] = index
    links = [] if before is None else [Link(before.get_span_context(), {semconv.LINK: "segment"})]
    return tracer.start_span(
        f"stream {info.name}",
        context=context,
        kind=SpanKind.INTERNAL,
        attributes=attributes,
        links=links,
        start_time=wall_ns,
    )


def event_limit(span: Span) -> int:
    """Return how many events this span keeps, at most `limits.MAX_SEGMENT_EVENTS`.

    OpenTelemetry's API has no word for it and its SDK drops the oldest events in silence, so the SDK's span is
    asked for its limits; a span that has none to show is taken to have the specification's default.
    """
    found = getattr(getattr(span, "_limits", None), "max_events", limits.DEFAULT_SPAN_EVENT_LIMIT)
    return limits.MAX_SEGMENT_EVENTS if found is None else min(int(found), limits.MAX_SEGMENT_EVENTS)


class SegmentWriter:
    """Writes one stage's journal into segments. Used by the recorder's thread alone.

    Args:
        settings: How.
        info: The stage.
        context: The request's context, parent of every segment; outside of any span the first segment is the parent of
            the others.
        span: The first segment, started already.
        anchor: Turns the chunks' times into wall time.
        totals: The stage's sums, written on its last segment.
        opened_ns: When the first segment started, on the monotonic clock.
    """

    def __init__(
        self,
        settings: SegmentSettings,
        info: StageInfo,
        context: Context,
        span: Span,
        anchor: Anchor,
        totals: Totals,
        opened_ns: int,
    ) -> None:
        self._settings = settings
        self._info = info
        # Where nothing stands around the stage, its first segment does: else each one would begin a trace of its own.
        outside = not get_current_span(context).get_span_context().is_valid
        self._context = set_span_in_context(span, context) if outside else context
        self._span = span
        self._send = settings.emit
        self._offset_ns = anchor.wall(0)
        self._totals = totals
        self._limit = event_limit(span) if settings.on_span else limits.MAX_SEGMENT_EVENTS
        self._detail = settings.detail if self._limit else "off"
        self._trace_id = span.get_span_context().trace_id
        self._index = 0
        self._events = 0
        self._findings = 0
        self._kinds: set[str] = set()
        self._written = Totals()
        self._started_ns = self._latest_ns = opened_ns
        self.upstream = ""
        """The upstream stage's name, once it is known; written on every segment."""
        self.marks: Attributes = {}
        """What else every segment says, as it gets known. It is replaced, and never changed: another thread may."""
        self.unsent = 0
        """Chunks that are lost where the present segment never ends."""
        self._allowed = 0
        self._pack: list[Chunk] = []
        self._held: Chunk | None = None

    @property
    def span(self) -> Span:
        """The present segment."""
        return self._span

    def write(self, entry: Entry) -> None:
        """Write a chunk or a finding, and roll over first where the segment is full."""
        if isinstance(entry, tuple):
            self._flush_pack()
            self._latest_ns = entry[1]
            self._written.count(entry[0])
            self._finding(*entry)
        else:
            self._latest_ns = entry.time_ns
            self._written.chunks = entry.seq
            self.unsent += 1
            self._chunk(entry)

    def roll_if_due(self, now_ns: int) -> None:
        """End the segment and begin the next where this one has events and is old enough."""
        if now_ns - self._started_ns >= self._settings.segment_ns:
            self.roll(now_ns)

    def roll(self, now_ns: int) -> None:
        """End the segment and begin the next, unless this one is still empty."""
        self._flush_pack()
        if self._events:
            self._continue(now_ns)

    def end(self) -> None:
        """Write what is held back, and end the last segment with the stage's totals."""
        if self._held is not None:
            self._event(self._held)
        self._flush_pack()
        self._settings.budget.give_back(self._trace_id, self._allowed)
        totals = self._totals
        if totals.outcome == outcomes.FAILED:
            self._span.set_status(StatusCode.ERROR)
        ended = totals_attributes(totals) | model_attributes(self._info, totals)
        self._finish(ended, max(totals.ended_ns, self._latest_ns))

    def _chunk(self, chunk: Chunk) -> None:
        if chunk.findings:
            for finding in chunk.findings:
                self._written.count(finding)
        detail = self._detail
        if detail == "all":
            if not self._allowed and not self._take_budget():
                self._detail = "packed"
                self._packed(chunk)
                return
            self._allowed -= 1
            self._event(chunk)
        elif detail == "packed":
            self._packed(chunk)
        elif detail == "findings":
            self._sparse(chunk)

    def _take_budget(self) -> bool:
        # In blocks, because asking for each event costs a tenth of making it.
        self._allowed = self._settings.budget.take(self._trace_id, _BUDGET_BLOCK)
        return self._allowed > 0

    def _packed(self, chunk: Chunk) -> None:
        if not may_pack(chunk):
            self._flush_pack()
            self._event(chunk)
            return
        self._pack.append(chunk)
        if len(self._pack) >= limits.MAX_PACK_CHUNKS:
            self._flush_pack()

    def _sparse(self, chunk: Chunk) -> None:
        if chunk.seq == 1 or chunk.findings:
            self._held = None
            self._event(chunk)
        else:
            self._held = chunk

    def _flush_pack(self) -> None:
        if self._pack:
            pack, self._pack = self._pack, []
            self._emit(semconv.CHUNKS_EVENT, pack_attributes(pack), pack[0].time_ns)

    def _event(self, chunk: Chunk) -> None:
        self._emit(semconv.CHUNK_EVENT, chunk_attributes(chunk), chunk.time_ns)
        if chunk.findings:
            for finding in chunk.findings:
                self._finding(finding, chunk.time_ns)

    def _finding(self, finding: Finding, time_ns: int) -> None:
        self._findings += 1
        most = self._settings.max_findings
        # Past the cap the first of each further kind still gets its event: a doubled answer must not hide the rest.
        new = most > 0 and finding.kind not in self._kinds
        self._kinds.add(finding.kind)
        if (self._findings <= most or new) and self._detail != "off":
            self._emit(semconv.FINDING_EVENT, finding_attributes(finding), time_ns)

    def _emit(self, name: str, attributes: Attributes, time_ns: int) -> None:
        if self._events >= self._limit:
            self._continue(time_ns)
        self._events += 1
        self._send(self._span, name, attributes, time_ns + self._offset_ns)

    def _continue(self, now_ns: int) -> None:
        before = self._span
        # The journal may lag behind the stage, so what this segment says of itself is what has been written so far.
        self._finish(progress_attributes(self._written), max(now_ns, self._latest_ns))
        self._index += 1
        self._events = self.unsent = 0
        self._started_ns = now_ns
        wall_ns = now_ns + self._offset_ns
        self._span = start_segment(self._settings.tracer, self._info, self._index, self._context, wall_ns, before)

    def _finish(self, attributes: Attributes, ended_ns: int) -> None:
        if self._detail != "all":
            attributes[semconv.STREAM_DETAIL] = self._detail
        if self.upstream:
            attributes[semconv.STAGE_UPSTREAM] = self.upstream
        self._span.set_attributes(attributes | self.marks if self.marks else attributes)
        self._span.end(ended_ns + self._offset_ns)
