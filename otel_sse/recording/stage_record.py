"""What is known of one stage of one stream while it is open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext

from otel_sse import semconv
from otel_sse.recording.journal import Journal
from otel_sse.stage import StageMonitor
from otel_sse.stream.stage import StageInfo
from otel_sse.telemetry.logs import ChunkLog
from otel_sse.telemetry.metrics import HandedOver
from otel_sse.telemetry.segments import SegmentWriter

if TYPE_CHECKING:
    from otel_sse.recording.recorder import Recorder


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
    leave: Callable[[str], None] | None = None
    """Ends the stage by what feeds it, which then looks away; None where the recorder's `close` is all there is."""
    settled: list[tuple[str, int]] = field(default_factory=list)
    """How and when it ended unless something goes wrong yet, once; whoever takes it away is to close the record."""
    told: tuple[int, ...] = ()
    """The sums that the request's span has."""
    ended: bool = False
    counted: bool = False
    """Whether the metrics have been told that it began."""
    told_end: bool = False
    """Whether somebody has told them, or is about to, that it ended."""
    waits_since_ns: int = 0
    """When it ended, on `clock.now_ns`, and began to wait for being written."""
    discarded: bool = False
    """Whether it is as if it had not been begun."""

    @property
    def has_news(self) -> bool:
        """Whether there is something that the metrics have not been told."""
        totals, handed = self.monitor.totals, self.handed
        return totals.bytes != handed.bytes or totals.chunks != handed.chunks or totals.findings != handed.findings

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
