"""The chunks of a stage beside those of the stage after it: which became which, and how long that took."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

import msgspec

from otel_sse import limits
from otel_sse.diagnosis.alignment.by_time import in_step
from otel_sse.diagnosis.alignment.choose import flow
from otel_sse.diagnosis.alignment.copies import cut_twice, told_apart
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Passage, pieces_of
from otel_sse.diagnosis.alignment.ranges import Intervals, Ranges
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.lineage.lcs import match
from otel_sse.stream.chunk import CONTENT, Chunk
from otel_sse.stream.outcome import COMPLETED
from otel_sse.stream.stages import ADDING_NOTHING

_AGREEING: Final = 0.9
"""Share of equal chunks from which the numbers that came over a hop are taken for those of the stage before it."""


_HARMLESS: Final = frozenset({Fate.SAME, Fate.REFRAMED})


class Latency(msgspec.Struct, frozen=True):
    """How long chunks took from one stage to the next.

    Args:
        count: Chunks measured.
        median_ns: Median, the lower one of two, in nanoseconds.
        max_ns: Longest, in nanoseconds.
        negative: Chunks that came before they left, by the clocks of two hosts; they count as 0.
    """

    count: int
    median_ns: int
    max_ns: int
    negative: int


# Worked example. Upstream 1 "a", 2 "b", 3 "c", 4 [DONE]; downstream 1 "role", 2 "a", 3 "a", 4 "c", 5 [DONE], each
# with the number upstream that it says it was made from: none, 1, 1, 3, 4.
#
#   carried        {2: (1, 1), 3: (1, 1), 4: (3, 3), 5: (4, 4)}
#   flow           content alone: 2 is 1 SAME, 3 is 1 DOUBLED, 4 is 3 SAME; lost [2]
#   others         what has no content: 1 ADDED, 5 is 4 SAME
#   ranges         {2: (1, 1), 3: (1, 1), 4: (3, 3), 5: (4, 4)}, from flow and others
#   made_of        {1: [2 SAME, 3 DOUBLED], 3: [4 SAME], 4: [5 SAME]}
#   handed_on      3, so that the loss of 2 is certain: the stage went on without it
#   forward({1})   {2, 3}; back({3, 4}) is {1, 3}


class Descent:
    """The chunks of a stage and those of the stage after it.

    Args:
        upstream: The stage.
        downstream: The stage after it.
        feeds: All stages that feed the stage after it, in the order of their first chunks there; each of its chunks is
            of one of them.
        believed: Whether what the stage after it says of its chunks is about `upstream`, and not about a third stage.
        rounds: Other stages of the same name that `upstream` feeds as well: what they took is not lost here.
    """

    def __init__(
        self,
        upstream: TraceStage,
        downstream: TraceStage,
        feeds: Sequence[TraceStage] = (),
        *,
        believed: bool = True,
        rounds: Sequence[TraceStage] = (),
    ) -> None:
        self.upstream = upstream
        self.downstream = downstream
        self._believed = believed
        self._rounds = rounds
        several = len(feeds) > 1
        told = several and any(chunk.upstream_span for chunk in downstream.chunks)
        feed = _told_feed if told else _feed
        self.chunks = [chunk for chunk in downstream.chunks if not several or feed(chunk, feeds) is upstream]
        """The chunks downstream that are of this upstream stage."""

    # Which chunk became which

    @property
    def recorded(self) -> bool:
        """Whether the stage itself has said what its chunks were made from, and it fits; else contents were aligned."""
        return self.flow.recorded

    @cached_property
    def carried(self) -> Ranges:
        """What the downstream stage's chunks say that they were made from; {} where they say nothing of this stage."""
        spans = ("", *self.upstream.span_ids)
        made = [c for c in self.chunks if c.upstream_first and self._believed and c.upstream_span in spans]
        return {chunk.seq: (chunk.upstream_first, chunk.upstream_last) for chunk in made}

    @cached_property
    def flow(self) -> Flow:
        """What each chunk with content is, and which content is missing downstream."""
        up = [chunk for chunk in self.upstream.chunks if chunk.kind == CONTENT]
        down = [chunk for chunk in self.chunks if chunk.kind == CONTENT and not self._left_later(chunk)]
        pieces = pieces_of(up, self.upstream.content_bytes), pieces_of(down, self.downstream.content_bytes)
        found = flow(*pieces, self.carried, counted=not self._is_within_process)
        if self.upstream.has_holes and not found.recorded:
            found.passages = [_doubtful(passage) for passage in found.passages]
        if self._is_within_process:
            found = in_step(found, up, self.downstream.by_seq)
        if self.downstream.name in ADDING_NOTHING or (found.recorded and not self._is_within_process):
            # Nobody adds text there; or the sender's own numbers name the chunk that came again.
            return found
        found = cut_twice(found, {chunk.seq: chunk.digest for chunk in down})
        return told_apart(found, [chunk.seq for chunk in up], {chunk.seq: chunk.digest for chunk in up})

    @property
    def explains_all(self) -> bool:
        """Whether all content downstream came from upstream, and all of it that can be expected."""
        fates = {passage.fate for passage in self.flow.passages}
        whole = self.upstream.is_whole and self.downstream.is_whole
        # Nothing is handed on before it came.
        whole = whole and not (self._is_within_process and self.latency is not None and self.latency.negative)
        return whole and bool(fates) and fates <= _HARMLESS and set(self.flow.lost) <= self.flow.left_out

    @property
    def _is_within_process(self) -> bool:
        return self.upstream.service == self.downstream.service

    def _left_later(self, chunk: Chunk) -> bool:
        """Whether the sender of a hop sent a chunk after its stage had ended, so that its own is not in the trace."""
        return chunk.upstream_first > self._last_sent

    @cached_property
    def _last_sent(self) -> float:
        """The number of the last chunk that a hop's sender recorded before it ended; infinite where it recorded all."""
        up = self.upstream
        if self._is_within_process or up.outcome in ("", COMPLETED) or not up.chunks:
            return math.inf
        last = up.chunks[-1].seq
        within = {seq: (a, b) for seq, (a, b) in self.carried.items() if b <= last}
        # Else they are the numbers of the hop over all connections, and not of this stage.
        return last if within and self._agreement(within) >= _AGREEING else math.inf

    def _agreement(self, ranges: Ranges) -> float:
        """Return which share of the chunks that were made from one chunk are equal to it."""
        pairs = [(self.downstream.by_seq[seq], self.upstream.by_seq.get(a)) for seq, (a, b) in ranges.items() if a == b]
        return sum(up is not None and up.digest == down.digest for down, up in pairs) / max(len(pairs), 1)

    @cached_property
    def others(self) -> list[Passage]:
        """What each chunk downstream is that is not in the flow, most often because it has no content."""
        later = [chunk for chunk in self.chunks if chunk.kind == CONTENT and self._left_later(chunk)]
        return [*self._of_others(), *(Passage(chunk.seq, Fate.UNKNOWN) for chunk in later)]

    def _of_others(self) -> Iterator[Passage]:
        chunks = [chunk for chunk in self.chunks if chunk.kind != CONTENT]
        told = bool(self.carried) and (self._is_within_process or self.flow.recorded)
        ranges = self._used if told else self._equal(chunks)
        seen: dict[int, int] = {}
        for chunk in chunks:
            first, last = ranges.get(chunk.seq, (0, 0))
            parent = self.upstream.by_seq.get(first)
            if not first:
                yield Passage(chunk.seq, Fate.ADDED)
            elif first != last:
                yield Passage(chunk.seq, Fate.REFRAMED, first, last)
            elif parent is None or parent.digest != chunk.digest:
                yield Passage(chunk.seq, Fate.CHANGED, first, last)
            elif first in seen:
                yield Passage(chunk.seq, Fate.DOUBLED, first, last, seen[first])
            else:
                seen[first] = chunk.seq
                yield Passage(chunk.seq, Fate.SAME, first, last)

    @cached_property
    def _used(self) -> Ranges:
        """What chunks carry, without those that the stage added behind a chunk that it had handed on whole.

        Lineage can only name the chunk before them, and nothing was left of that.
        """
        whole: set[int] = set()
        used: Ranges = {}
        for seq, (first, last) in self.carried.items():
            parent = self.upstream.by_seq.get(first) if first == last else None
            equal = parent is not None and parent.digest == self.downstream.by_seq[seq].digest
            if equal or first not in whole or first != last:
                used[seq] = (first, last)
            if equal:
                whole.add(first)
        return used

    def _equal(self, down: Sequence[Chunk]) -> Ranges:
        up = [chunk for chunk in self.upstream.chunks if chunk.kind != CONTENT]
        matched = match([chunk.digest for chunk in up], [chunk.digest for chunk in down])
        return {down[j].seq: (up[i].seq, up[i].seq) for j, i in matched.items()}

    @cached_property
    def passage_of(self) -> dict[int, Passage]:
        """What each chunk downstream is, by its number."""
        return {passage.seq: passage for passage in (*self.flow.passages, *self.others)}

    @cached_property
    def ranges(self) -> Ranges:
        """Which chunks upstream each chunk downstream was made from; chunks that were made from nothing have none."""
        ranges = {p.seq: (p.first, p.last) for p in self.passage_of.values() if p.first}
        return {**self._read_from_others, **ranges}

    @cached_property
    def _read_from_others(self) -> Ranges:
        """Content that says it was made from a chunk in which no content could be read."""
        added = [p.seq for p in self.flow.passages if p.fate == Fate.ADDED and p.seq in self._used]
        parents = {seq: self.upstream.by_seq.get(self._used[seq][1]) for seq in added}
        return {seq: self._used[seq] for seq, up in parents.items() if up is not None and up.kind != CONTENT}

    @cached_property
    def made_of(self) -> dict[int, list[Passage]]:
        """Number of a chunk upstream → what was made from it downstream."""
        found: dict[int, list[Passage]] = {}
        left = limits.MAX_EDGE_PAIRS
        for seq, (first, last) in sorted(self.ranges.items()):
            for parent in self.upstream.between(first, last)[:left]:
                found.setdefault(parent, []).append(self.passage_of[seq])
                left -= 1
        return found

    @cached_property
    def handed_on(self) -> int:
        """The highest number upstream that content downstream was made from; 0 where none was."""
        return max((passage.last for passage in self.flow.passages), default=0)

    @cached_property
    def taken_elsewhere(self) -> Intervals:
        """The chunks upstream that a further round of the stage downstream took."""
        return Intervals(
            (chunk.upstream_first, chunk.upstream_last)
            for stage in self._rounds
            for chunk in stage.chunks
            if chunk.upstream_first and chunk.upstream_span in ("", *self.upstream.span_ids)
        )

    @property
    def added(self) -> list[Chunk]:
        """The chunks downstream that were made from nothing upstream."""
        fates = {seq: passage.fate for seq, passage in self.passage_of.items() if seq not in self.ranges}
        return [chunk for chunk in self.chunks if fates.get(chunk.seq) == Fate.ADDED]

    def takes(self, chunk: Chunk) -> bool:
        """Return whether a chunk downstream is content that came from upstream."""
        return chunk.kind == CONTENT and chunk.seq in self.ranges

    def forward(self, seqs: Iterable[int]) -> set[int]:
        """Return the numbers downstream of what was made from chunks upstream."""
        return {passage.seq for seq in seqs for passage in self.made_of.get(seq, ())}

    def back(self, seqs: Iterable[int]) -> set[int]:
        """Return the numbers upstream of what chunks downstream were made from, as far as they stand in the trace."""
        within = Intervals(self.ranges[seq] for seq in seqs if seq in self.ranges)
        return {seq for seq in self.upstream.by_seq if seq in within}

    # How long it took

    @cached_property
    def latency(self) -> Latency | None:
        """How long the chunks took, each from the last chunk that it was made from; None where no chunk has one."""
        times = [time_ns for chunk in self.chunks if (time_ns := self.latency_ns(chunk)) is not None]
        if not times:
            return None
        clamped = sorted(max(time_ns, 0) for time_ns in times)
        median_ns = clamped[(len(clamped) - 1) // 2]
        return Latency(len(times), median_ns, clamped[-1], sum(time_ns < 0 for time_ns in times))

    def latency_ns(self, chunk: Chunk) -> int | None:
        """Return how long a chunk took from the last chunk that it was made from, in nanoseconds; None for none."""
        last = self.ranges.get(chunk.seq, (0, 0))[1]
        parent = self.upstream.by_seq.get(last)
        return None if parent is None else chunk.time_ns - parent.time_ns


def _doubtful(passage: Passage) -> Passage:
    """Return a repetition as unknown: it may be one of the chunks that are missing in the trace."""
    return Passage(passage.seq, Fate.UNKNOWN) if passage.fate == Fate.DOUBLED else passage


def _told_feed(chunk: Chunk, feeds: Sequence[TraceStage]) -> TraceStage:
    """Return the stage that a chunk names as its upstream; the first one where it names none."""
    return next((each for each in feeds if chunk.upstream_span in each.span_ids), feeds[0])


def _feed(chunk: Chunk, feeds: Sequence[TraceStage]) -> TraceStage:
    """Return the same where a backend has cut that name off: by the chunk's source, or by its digest."""
    named = [each for each in feeds if chunk.source and each.source == chunk.source]
    equal = [each for each in feeds if _has_digest(each, chunk)]
    # A model that was asked twice may have given two equal chunks of this number. The latest that had arrived counts.
    come = [each for each in equal if each.by_seq[chunk.upstream_first].time_ns <= chunk.time_ns]
    latest = sorted(come, key=lambda each: each.by_seq[chunk.upstream_first].time_ns, reverse=True)
    return (named or latest or equal or feeds)[0]


def _has_digest(stage: TraceStage, chunk: Chunk) -> bool:
    made_from = stage.by_seq.get(chunk.upstream_first)
    return made_from is not None and made_from.digest == chunk.digest
