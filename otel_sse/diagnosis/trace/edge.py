"""What happened to each chunk between two neighbouring stages of a trace."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Final

import msgspec

from otel_sse import limits
from otel_sse.diagnosis.alignment.by_time import in_step
from otel_sse.diagnosis.alignment.choose import flow
from otel_sse.diagnosis.alignment.flow import Flow, Passage, pieces_of
from otel_sse.diagnosis.alignment.ranges import Intervals, Ranges, align
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.stream.chunk import CONTENT, KINDS, Chunk
from otel_sse.stream.outcome import COMPLETED

SAME: Final = "same"
CHANGED: Final = "changed"
MERGED: Final = "merged"
REPLACED: Final = "replaced"
SPLIT: Final = "split"
DOUBLED: Final = "doubled"
DROPPED: Final = "dropped"
CUT_OFF: Final = "cut off"
ELSEWHERE: Final = "elsewhere"
UNKNOWN: Final = "unknown"
ADDED: Final = "added"

BECAME: Final = (SAME, CHANGED, MERGED, REPLACED, SPLIT, DOUBLED, DROPPED, CUT_OFF, ELSEWHERE, UNKNOWN, ADDED)
"""What a chunk can become: the same; other content; one with its neighbours; something that is not the sum of what it
was made from; several; itself more than once; nothing; nothing, because the stage ended before its turn; a chunk of a
further round, another stage of the same name; not known, because the trace has not all chunks; or (of a chunk
downstream) one that was made from nothing upstream."""


_AGREEING: Final = 0.9
"""Share of equal chunks above which the numbers that came over a hop are taken for those of the stage before it."""


class Latency(msgspec.Struct, frozen=True):
    """How long chunks took from one stage to the next.

    Args:
        count: Chunks measured.
        median_ns: Median, the lower one of two, in nanoseconds.
        max_ns: Longest.
        negative: Chunks that came before they left, by the clocks of two hosts; they count as 0.
    """

    count: int
    median_ns: int
    max_ns: int
    negative: int


class Descent:
    """The chunks of a stage and those of the stage after it.

    Args:
        upstream: The stage.
        downstream: The stage after it.
        feeds: All that feed the stage after it, in the order in which they came to; each of its chunks is of one.
        rounds: Other stages of the same name that `upstream` feeds as well: what went on there is not lost here.
        believed: Whether what the stage after it says of its chunks is about `upstream`, and not of a third stage.
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
        self._elsewhere = Intervals(
            (chunk.upstream_first, chunk.upstream_last)
            for stage in rounds
            for chunk in stage.chunks
            if chunk.upstream_first and chunk.upstream_span in ("", *upstream.span_ids)
        )
        several = len(feeds) > 1
        told = several and any(chunk.upstream_span for chunk in downstream.chunks)
        feed = _told_feed if told else _feed
        self.chunks = [chunk for chunk in downstream.chunks if not several or feed(chunk, feeds) is upstream]
        """The downstream chunks that are of this upstream stage."""
        self._kept: dict[tuple[int, int], bool] = {}

    @property
    def recorded(self) -> bool:
        """Whether the stage itself has said what its chunks were made from; else digests were aligned."""
        return self._found[0]

    @property
    def ranges(self) -> Ranges:
        """Number of a downstream chunk → the upstream numbers it was made from."""
        return self._found[1]

    @cached_property
    def carried(self) -> Ranges:
        """What the downstream stage's chunks say that they were made from; {} where they say nothing of this stage."""
        made = [chunk for chunk in self.chunks if chunk.upstream_first and self._believed]
        return {chunk.seq: (chunk.upstream_first, chunk.upstream_last) for chunk in made}

    @cached_property
    def flow(self) -> Flow:
        """What became of all content between the two stages, and which chunks of it repeat, move or change."""
        up = [chunk for chunk in self.upstream.chunks if chunk.kind == CONTENT]
        down = [chunk for chunk in self.chunks if chunk.kind == CONTENT and not self._left_later(chunk)]
        pieces = pieces_of(up, self.upstream.content_bytes), pieces_of(down, self.downstream.content_bytes)
        here = self.upstream.service == self.downstream.service
        found = flow(*pieces, self.carried, counted=not here)
        return in_step(found, up, self.downstream.by_seq) if here else found

    def _left_later(self, chunk: Chunk) -> bool:
        """Whether a chunk came over a hop after the stage before had ended: what it sent then is not in the trace."""
        return chunk.upstream_first > self._last_sent

    @cached_property
    def _last_sent(self) -> float:
        """The number of the last chunk that a hop's sender saw before it ended; infinite where it saw them all."""
        up = self.upstream
        if up.service == self.downstream.service or up.outcome in ("", COMPLETED) or not up.chunks:
            return math.inf
        last = up.chunks[-1].seq
        within = {seq: (a, b) for seq, (a, b) in self.carried.items() if b <= last}
        # Else the numbers are not those of this stage, but the hop's over all connections.
        return last if within and self._agreement(within) >= _AGREEING else math.inf

    @cached_property
    def handed_on(self) -> int:
        """The highest number upstream that content downstream was made from; 0 where none was."""
        return max((passage.last for passage in self.flow.passages), default=0)

    def made_from(self, seq: int) -> tuple[int, int] | None:
        """Return the upstream numbers that a downstream chunk was made from; None where it was made from nothing.

        As it happens a stage can only guess which of several equal chunks one was. Where all chunks of both sides
        show that it guessed wrong, they tell.
        """
        passage = None if self.flow.recorded or not self.recorded else self._by_content.get(seq)
        return (passage.first, passage.last) if passage is not None and passage.first else self.ranges.get(seq)

    @cached_property
    def _by_content(self) -> dict[int, Passage]:
        return {passage.seq: passage for passage in self.flow.passages}

    @cached_property
    def _found(self) -> tuple[bool, Ranges]:
        recorded = self._used(self.carried)
        if not recorded:
            return False, align(self.upstream.chunks, self.chunks)
        if self.upstream.service == self.downstream.service or self._agreement(recorded) >= _AGREEING:
            return True, recorded
        # A hop counts its messages over all connections, a stage its own chunks.
        aligned = align(self.upstream.chunks, self.chunks)
        return (False, aligned) if self._agreement(aligned) > self._agreement(recorded) else (True, recorded)

    def _used(self, recorded: Ranges) -> Ranges:
        """The same without chunks that were added: behind one that is all of what they name, nothing is left of it."""
        whole: set[int] = set()
        used: Ranges = {}
        for seq, (first, last) in recorded.items():
            parent = self.upstream.by_seq.get(first) if first == last else None
            equal = parent is not None and parent.digest == self.downstream.by_seq[seq].digest
            if equal or first not in whole or first != last:
                used[seq] = (first, last)
            if equal:
                whole.add(first)
        return used

    def _agreement(self, ranges: Ranges) -> float:
        """Share of the chunks made from one that are equal to it."""
        pairs = [(self.downstream.by_seq[seq], self.upstream.by_seq.get(a)) for seq, (a, b) in ranges.items() if a == b]
        return sum(up is not None and up.digest == down.digest for down, up in pairs) / max(len(pairs), 1)

    @cached_property
    def children(self) -> dict[int, list[int]]:
        """Number of an upstream chunk → the downstream numbers that were made from it."""
        found: dict[int, list[int]] = {}
        left = limits.MAX_EDGE_PAIRS
        for seq, (first, last) in self.ranges.items():
            for parent in self.upstream.between(first, last)[:left]:
                found.setdefault(parent, []).append(seq)
                left -= 1
        return found

    def takes(self, chunk: Chunk) -> bool:
        """Return whether a downstream chunk is content that came from upstream."""
        return chunk.kind == CONTENT and chunk.seq in self.ranges

    def forward(self, seqs: Iterable[int]) -> set[int]:
        """Return the downstream numbers that were made from upstream ones."""
        return {child for seq in seqs for child in self.children.get(seq, ())}

    def back(self, seqs: Iterable[int]) -> set[int]:
        """Return the upstream numbers that downstream ones were made from, as far as they stand in the trace."""
        ranges = [self.ranges[seq] for seq in seqs if seq in self.ranges]
        wanted = self.upstream.by_seq
        within = Intervals(ranges)
        return {seq for seq in wanted if seq in within}

    def became(self, seq: int) -> str:
        """Return what an upstream chunk became: one of `BECAME`."""
        children = self.children.get(seq, [])
        if not children:
            return self._gone(seq)
        if len(children) > 1 and all(self.ranges[child] == (seq, seq) for child in children):
            return DOUBLED if self._all_equal(seq, children) else SPLIT
        first, last = self.ranges[children[0]]
        if first != last:
            return MERGED if self._keeps_bytes(children) else REPLACED
        return SAME if self._all_equal(seq, children) else CHANGED

    def _gone(self, seq: int) -> str:
        stage = self.downstream
        if seq in self._elsewhere:
            return ELSEWHERE
        if not stage.is_whole and not self._covers(seq):
            return UNKNOWN
        # Only a stage that went to its end has left out what comes last.
        return DROPPED if seq < self._handed_on or stage.outcome == COMPLETED else CUT_OFF

    @cached_property
    def _handed_on(self) -> int:
        return max((last for _, last in self.ranges.values()), default=0)

    def _covers(self, seq: int) -> bool:
        """Whether the trace has the downstream chunks around the place where this one would be, without a hole."""
        lasts, before_children = self._ends
        firsts, after_children = self._begins
        before = before_children[bisect_left(lasts, seq)]
        after = after_children[bisect_right(firsts, seq)]
        return bool(after) and len(self.downstream.between(before + 1, after - 1)) == max(after - before - 1, 0)

    @cached_property
    def _ends(self) -> tuple[list[int], list[int]]:
        """The last numbers of all ranges, rising, and the highest chunk of those before each."""
        ends = sorted((last, child) for child, (_, last) in self.ranges.items())
        return [last for last, _ in ends], [0, *accumulate((child for _, child in ends), max)]

    @cached_property
    def _begins(self) -> tuple[list[int], list[int]]:
        """The first numbers of all ranges, rising, and the lowest chunk of those from each on; 0 behind the last."""
        lowest = list(accumulate((child for _, child in reversed(self._starts)), min))
        return [first for first, _ in self._starts], [*reversed(lowest), 0]

    def _all_equal(self, seq: int, children: Iterable[int]) -> bool:
        digest = self.upstream.by_seq[seq].digest
        return all(self.downstream.by_seq[child].digest == digest for child in children)

    def _keeps_bytes(self, children: Sequence[int]) -> bool:
        """Whether what was made has as many bytes of content as what it was made from; also where that isn't known."""
        ranges = [self.ranges[child] for child in children]
        whole = min(first for first, _ in ranges), max(last for _, last in ranges)
        if whole not in self._kept:
            self._kept[whole] = self._compare_bytes(*whole)
        return self._kept[whole]

    def _compare_bytes(self, first: int, last: int) -> bool:
        start, end = bisect_left(self._starts, (first, 0)), bisect_left(self._starts, (last + 1, 0))
        siblings = [child for _, child in self._starts[start:end] if self.ranges[child][1] <= last]
        made = [self.downstream.content_bytes.get(child) for child in siblings]
        known = self.upstream.between(first, last)
        if len(known) != last - first + 1:
            return True
        used = [self.upstream.content_bytes.get(seq) for seq in known]
        if None in made or None in used:
            return True
        return sum(filter(None, made)) == sum(filter(None, used))

    @cached_property
    def _starts(self) -> list[tuple[int, int]]:
        return sorted((first, child) for child, (first, _) in self.ranges.items())

    @cached_property
    def counts(self) -> Counter[str]:
        """How many chunks with content became what upstream, and how many downstream were added."""
        return self._count([CONTENT])

    @cached_property
    def other_counts(self) -> Counter[str]:
        """The same of the chunks without content: comments, heartbeats, ends, errors, control."""
        return self._count(set(KINDS) - {CONTENT})

    def _count(self, kinds: Container[str]) -> Counter[str]:
        counts = Counter(self.became(chunk.seq) for chunk in self.upstream.chunks if chunk.kind in kinds)
        added = sum(chunk.kind in kinds for chunk in self.added)
        return counts + Counter({ADDED: added})

    @property
    def added(self) -> list[Chunk]:
        """The downstream chunks that were made from nothing upstream."""
        return [chunk for chunk in self.chunks if chunk.seq not in self.ranges]

    @cached_property
    def latency(self) -> Latency | None:
        """How long the chunks took, each from the last one it was made from; None where no two belong together."""
        times = [time_ns for chunk in self.chunks if (time_ns := self.latency_ns(chunk)) is not None]
        if not times:
            return None
        clamped = sorted(max(time_ns, 0) for time_ns in times)
        median_ns = clamped[(len(clamped) - 1) // 2]
        return Latency(len(times), median_ns, clamped[-1], sum(time_ns < 0 for time_ns in times))

    def latency_ns(self, chunk: Chunk) -> int | None:
        """Return how long a downstream chunk took from the last one it was made from, or None."""
        last = self.ranges.get(chunk.seq, (0, 0))[1]
        parent = self.upstream.by_seq.get(last)
        return None if parent is None else chunk.time_ns - parent.time_ns


def _told_feed(chunk: Chunk, feeds: Sequence[TraceStage]) -> TraceStage:
    """Which stage a chunk came from, by what it says itself: the first one where it says nothing."""
    return next((each for each in feeds if chunk.upstream_span in each.span_ids), feeds[0])


def _feed(chunk: Chunk, feeds: Sequence[TraceStage]) -> TraceStage:
    """The same where a backend has cut that off: its source tells, or its digest."""
    named = [each for each in feeds if chunk.source and each.source == chunk.source]
    equal = [each for each in feeds if _has_digest(each, chunk)]
    # Where both have an equal chunk under that number, as where a model was asked twice, the one that came last.
    come = [each for each in equal if each.by_seq[chunk.upstream_first].time_ns <= chunk.time_ns]
    latest = sorted(come, key=lambda each: each.by_seq[chunk.upstream_first].time_ns, reverse=True)
    return (named or latest or equal or feeds)[0]


def _has_digest(stage: TraceStage, chunk: Chunk) -> bool:
    made_from = stage.by_seq.get(chunk.upstream_first)
    return made_from is not None and made_from.digest == chunk.digest
