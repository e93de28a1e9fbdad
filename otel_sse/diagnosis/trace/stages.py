"""The stages of a trace: all segments of one stage merged into one value."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property

import msgspec

from otel_sse import limits, semconv
from otel_sse.diagnosis.trace.chunks import chunks_of, findings_of
from otel_sse.diagnosis.trace.spans import Attributes, Span, count, flag, integer, seconds, text, time
from otel_sse.stream.chunk import CONTENT, Chunk, Finding


class TraceStage(msgspec.Struct, dict=True):
    """One stage of one stream, as its trace has it.

    Args:
        name: The stage's name.
        direction: `in`, `out` or "".
        service: `service.name` of its process, or "".
        stream_id: `sse.stream.id`.
        source: The adapter or path that feeds it, or "".
        span_ids: The spans of its segments, in order.
        upstream_ids: Spans that its links name as upstream.
        upstream_name: Label of the upstream stage, as the stage itself names it, or "".
        start_ns: When it began, in nanoseconds since the epoch.
        end_ns: When its last segment ended.
        attributes: Attributes of its last segment.
        chunks: The chunks that stand in the trace, in order; their times are nanoseconds since the epoch.
        findings: The findings that stand in the trace, in order.
    """

    name: str
    direction: str
    service: str
    stream_id: str
    source: str
    span_ids: tuple[str, ...]
    upstream_ids: tuple[str, ...]
    upstream_name: str
    start_ns: int
    end_ns: int
    attributes: Attributes
    chunks: list[Chunk]
    findings: list[Finding]

    @property
    def label(self) -> str:
        """Name and direction in one, e.g. `policy.judge.out`."""
        return f"{self.name}.{self.direction}" if self.direction else self.name

    @property
    def outcome(self) -> str:
        """How it ended; "" where its last segment is not in the trace."""
        return text(self.attributes, semconv.STREAM_OUTCOME)

    @property
    def error_type(self) -> str:
        """Class of the exception that ended it, or ""."""
        return text(self.attributes, semconv.ERROR_TYPE)

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        """Why the choices of its answers finished, in their order, as it was said there."""
        reasons = self.attributes.get(semconv.STREAM_FINISH_REASONS)
        return tuple(each for each in reasons if type(each) is str) if type(reasons) is tuple else ()

    @property
    def rewrites(self) -> bool:
        """Whether it may change content."""
        return flag(self.attributes, semconv.STAGE_REWRITES)

    @property
    def total(self) -> int:
        """Chunks that crossed, with those that do not stand in the trace."""
        return max(count(self.attributes, semconv.STREAM_CHUNKS), len(self.chunks))

    @property
    def findings_total(self) -> int:
        """Findings, those included that have no event of their own."""
        return max(count(self.attributes, semconv.STREAM_FINDINGS), len(self.findings))

    @property
    def dialect(self) -> str:
        """How its events were read, or ""."""
        return text(self.attributes, semconv.STREAM_DIALECT)

    @property
    def time_to_first_event_s(self) -> float | None:
        """From the request to its first event or comment, in seconds."""
        return seconds(self.attributes, semconv.STREAM_TTFE)

    @property
    def time_to_first_content_s(self) -> float | None:
        """From the request to its first content, in seconds."""
        return seconds(self.attributes, semconv.STREAM_TTFC)

    @property
    def max_interval_s(self) -> float | None:
        """The longest time between two of its chunks, in seconds."""
        return seconds(self.attributes, semconv.STREAM_MAX_INTERVAL)

    @property
    def is_cut(self) -> bool:
        """Whether it had more findings than have an event: past a cap they are only counted."""
        return self.findings_total > len(self.findings)

    @property
    def is_whole(self) -> bool:
        """Whether the stage has ended and each chunk that crossed stands in the trace."""
        return bool(self.outcome) and len(self.chunks) == self.total

    @cached_property
    def has_holes(self) -> bool:
        """Whether chunks are missing in the trace before the last one that it has."""
        return bool(self.chunks) and max(self.by_seq) != len(self.by_seq)

    @property
    def first_ns(self) -> int:
        """When its first chunk in the trace crossed; where it has none, when the stage began."""
        return self.chunks[0].time_ns if self.chunks else self.start_ns

    @cached_property
    def by_seq(self) -> dict[int, Chunk]:
        """Its chunks by their numbers."""
        return {chunk.seq: chunk for chunk in self.chunks}

    @cached_property
    def _seqs(self) -> list[int]:
        return sorted(self.by_seq)

    def between(self, first: int, last: int) -> list[int]:
        """Return the numbers of its chunks from one to another, both included, rising.

        The numbers of a damaged trace can be far apart, so it looks up those that exist and does not count.
        """
        return self._seqs[bisect_left(self._seqs, first) : bisect_right(self._seqs, last)]

    @cached_property
    def content_bytes(self) -> dict[int, int]:
        """Bytes of content of each chunk by its number. A chunk has none if the chunk before it is not in the trace."""
        lengths: dict[int, int] = {}
        before = Chunk(0, 0, CONTENT, "", 0, 0, False)
        for chunk in self.chunks:
            if chunk.seq == before.seq + 1:
                lengths[chunk.seq] = chunk.acc_len - before.acc_len
            before = chunk
        return lengths


def stages_of(spans: Iterable[Span]) -> list[TraceStage]:
    """Return the stages of a trace, in order of their first chunks.

    Args:
        spans: Spans of one trace, in any order. Spans of no stage are left out; a span that comes twice counts once.
    """
    found = {span.span_id: span for span in spans if semconv.STAGE in span.attributes}
    stages = [_stage(group) for group in _groups(found)]
    return sorted(stages, key=lambda stage: (stage.first_ns, stage.start_ns))


def _groups(spans: dict[str, Span]) -> list[list[Span]]:
    """Put the segments of each stage together: each is linked to the segment before it."""
    groups: dict[object, list[Span]] = {}
    for span in sorted(spans.values(), key=_segment):
        before = _linked(span, "segment")
        head = next((groups[each] for each in before if each in groups), None)
        if head is None and _segment(span):
            # The segment before it is not in the trace. Stage, process and stream tell which stage it is of.
            head = groups.get(_identity(span))
        if head is None:
            head = groups[_identity(span)] = []
        head.append(span)
        groups[span.span_id] = head
    return list({id(group): group for group in groups.values()}.values())


def _segment(span: Span) -> int:
    return integer(span.attributes, semconv.SEGMENT_INDEX)


def _identity(span: Span) -> tuple[str, ...]:
    names = (semconv.STREAM_ID, semconv.STAGE, semconv.STAGE_DIRECTION, semconv.SOURCE)
    return span.service, span.parent_id, *(text(span.attributes, name) for name in names)


def _linked(span: Span, meaning: str) -> tuple[str, ...]:
    return tuple(link.span_id for link in span.links if link.attributes.get(semconv.LINK) == meaning)


def _name(text: str) -> str:
    # A diagnosis repeats it in every second sentence. The names that we record have at most 64 characters.
    return text[: limits.MAX_SHOWN_CHARS]


def _stage(segments: Sequence[Span]) -> TraceStage:
    first, last = segments[0], segments[-1]
    events = [event for span in segments for event in span.events]
    upstream = dict.fromkeys(span_id for span in segments for span_id in _linked(span, "upstream"))
    return TraceStage(
        name=_name(text(first.attributes, semconv.STAGE)),
        direction=_name(text(first.attributes, semconv.STAGE_DIRECTION)),
        service=_name(first.service),
        stream_id=text(first.attributes, semconv.STREAM_ID),
        source=_name(text(first.attributes, semconv.SOURCE)),
        span_ids=tuple(span.span_id for span in segments),
        upstream_ids=tuple(upstream),
        upstream_name=_name(
            next((name for span in segments if (name := text(span.attributes, semconv.STAGE_UPSTREAM))), "")
        ),
        start_ns=min(time(span.start_ns) for span in segments),
        end_ns=max(time(span.end_ns) for span in segments),
        attributes=last.attributes,
        chunks=chunks_of(events),
        findings=findings_of(events),
    )
