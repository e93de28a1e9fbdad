"""Chunks that have crossed one stage and are pending until the next stage claims them: lineage as it happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import COMMENT, CONTENT, HEARTBEAT, Chunk


class Crossings:
    """The pending chunks of one stage: those that no chunk of the next stage has claimed yet, in order.

    A chunk downstream claims the upstream chunks that it was made from. If it equals the oldest pending one, it claims
    that. If it equals a later one, the stage has skipped those before it. If it equals a chunk that was claimed or
    skipped a moment ago, it repeats that chunk or comes late. If it equals none, it was made anew from all that is
    pending. Memory is bounded: the oldest pending chunks are forgotten.

    Methods that claim write the numbers of the upstream chunks on the chunk. They return the time at which the last of
    these crossed, in nanoseconds; 0 where there is none.

    The upstream stage's thread adds, the downstream stage's thread claims. A deque allows that without a lock.

    Args:
        source: Which adapter or path feeds the stage, or "".
    """

    # A worked example. The upstream stage hands on a b c d e, its chunks 1 to 5; the next stage sends six chunks:
    #
    #   1  a   NEXT    claims 1
    #   2  c   NEAR    claims 3; chunk 2 is skipped and stands in `left`
    #   3  b   LATE    claims 2, which leaves `left`
    #   4  a   PASSED  claims 1, which downstream chunk 1 has claimed before: `again` is 1
    #   5  x   ANEW    equals none, so it claims all that is pending: 4 and 5
    #   6  e   LATE    claims 5

    __slots__ = ("_anew_until", "_passed", "_range", "_waiting", "add", "again", "left", "source")

    def __init__(self, source: str = "") -> None:
        self.source = source
        self._waiting: deque[Chunk] = deque(maxlen=limits.MAX_WAITING_CROSSINGS)
        # Each with the number of the chunk that claimed it; 0 where it was skipped.
        self._passed: deque[tuple[Chunk, int]] = deque(maxlen=limits.MAX_RECENT_CROSSINGS)
        self.left: deque[tuple[Chunk, int]] = deque(maxlen=limits.MAX_MISSING_NUMBERS)
        """Skipped content that has not come late, each with the number of the chunk that came instead."""
        self.again = 0
        """After `claim_behind`: the chunk that claimed the same before; 0 where that had been skipped."""
        self._range = (0, 0, 0)
        self._anew_until = 0
        self.add = self._waiting.append
        """Make a chunk pending: it has crossed the upstream stage."""

    def claim_next(self, chunk: Chunk) -> int:
        """Claim the oldest pending chunk, if this one equals it."""
        waiting = self._waiting
        if not waiting or waiting[0].digest != chunk.digest:
            return 0
        made_from = waiting.popleft()
        self._passed.append((made_from, chunk.seq))
        chunk.upstream_first = chunk.upstream_last = made_from.seq
        return made_from.time_ns

    def claim_alike(self, chunk: Chunk) -> int:
        """Claim the oldest pending chunk, if this one equals it and both or neither are known repeats."""
        waiting = self._waiting
        alike = bool(waiting) and is_repeat(waiting[0]) == is_repeat(chunk)
        return self.claim_next(chunk) if alike else 0

    def ahead(self, chunk: Chunk, most: int) -> int:
        """Return how many of the first `most` pending chunks stand before one that equals this one; -1 for none."""
        if chunk.kind in (COMMENT, HEARTBEAT):
            # Keep-alives all look the same, so one says nothing about the content that is pending before it.
            return -1
        waiting = enumerate(list(islice(self._waiting, most)))
        return next((at for at, crossing in waiting if crossing.digest == chunk.digest), -1)

    def claim_ahead(self, chunk: Chunk, count: int) -> int:
        """Skip `count` pending chunks and claim the one behind them."""
        self.left.extend((each, chunk.seq) for each in self._pass(count) if each.kind == CONTENT)
        return self.claim_next(chunk)

    def behind(self, chunk: Chunk) -> int:
        """Return how many chunks ago an equal one was claimed or skipped: 1 for the latest, -1 for none."""
        for back, (crossing, _) in enumerate(reversed(self._passed), 1):
            if crossing.digest == chunk.digest:
                return back
        return -1

    def claim_behind(self, chunk: Chunk, back: int) -> int:
        """Claim the chunk of so many chunks ago: a skipped one, which comes late, or one that is claimed again."""
        crossing, self.again = self._passed[-back]
        self._passed[-back] = (crossing, chunk.seq)
        if not self.again:
            self.left = deque((one for one in self.left if one[0] is not crossing), self.left.maxlen)
        chunk.upstream_first = chunk.upstream_last = crossing.seq
        return crossing.time_ns

    def claim_rest(self, chunk: Chunk) -> int:
        """Claim all pending chunks, if this one is content; where none is pending, the same as the last one claimed."""
        if chunk.kind != CONTENT:
            # A chunk without content that equals nothing (a keep-alive, an added end mark) was made from nothing.
            return 0
        first, last, time_ns = self._rest() if self._waiting else self._latest()
        chunk.upstream_first, chunk.upstream_last = first, last
        return time_ns

    def skip(self) -> int:
        """Drop the oldest pending content, because nothing is made of it; return its number, 0 for none."""
        waiting = self._waiting
        while waiting:
            gone = waiting.popleft()
            if gone.kind == CONTENT:
                return gone.seq
        return 0

    @property
    def latest(self) -> Chunk | None:
        """The chunk that was claimed last."""
        return self._passed[-1][0] if self._passed else None

    def holds(self, chunk: Chunk) -> bool:
        """Whether a chunk that equals this one is pending."""
        return any(crossing.digest == chunk.digest for crossing in list(self._waiting))

    def overdue(self, seq: int) -> list[tuple[Chunk, int]]:
        """Drop and return what was skipped so long before chunk `seq` of the next stage that it can't come late."""
        found = []
        while self.left and seq >= self.left[0][1] + limits.MAX_LATE_CHUNKS:
            found.append(self.left.popleft())
        return found

    @property
    def recent_channels(self) -> frozenset[str]:
        """The channels of the latest claimed chunks."""
        return frozenset(chunk.channel for chunk, seq in list(self._passed) if seq)

    @property
    def waits(self) -> bool:
        """Whether any chunk is pending."""
        return bool(self._waiting)

    def waits_since(self, time_ns: int) -> bool:
        """Whether any chunk that crossed at `time_ns` or later is pending."""
        waiting = self._waiting
        return bool(waiting) and waiting[-1].time_ns >= time_ns

    @property
    def in_pieces(self) -> bool:
        """Whether the latest claim was of a chunk made anew: the next one may be a further piece of the same."""
        return bool(self._passed) and self._passed[-1][0].seq == self._anew_until

    def _rest(self) -> tuple[int, int, int]:
        found = self._pass(len(self._waiting))
        self._anew_until = found[-1].seq
        content = [crossing for crossing in found if crossing.kind == CONTENT] or found
        self._range = (content[0].seq, content[-1].seq, content[-1].time_ns)
        return self._range

    def _latest(self) -> tuple[int, int, int]:
        if self.in_pieces or not self._passed:
            return self._range
        latest, _ = self._passed[-1]
        return (latest.seq, latest.seq, latest.time_ns)

    def _pass(self, count: int) -> list[Chunk]:
        found = [self._waiting.popleft() for _ in range(count)]
        self._passed.extend((each, 0) for each in found)
        return found


def claim(
    chunk: Chunk, upstream: Crossings, others: Sequence[Crossings], rewrites: bool, *, repeats: bool = False
) -> tuple[Crossings, int, str]:
    """Find the upstream chunks of a chunk that is not simply the next one, and write their numbers on it.

    Args:
        chunk: The chunk.
        upstream: The source that its stage has taken chunks from so far.
        others: Other sources that the stage may take chunks from.
        rewrites: Whether the stage may change content. Then a chunk is likelier to be made anew from pending chunks,
            or to be a further piece of the last ones, than to repeat an equal one.
        repeats: Whether the chunk is a known repeat. It then claims the next pending chunk, which may repeat it too, or
            an earlier one, and never one further ahead.

    Returns:
        The source; when the last claimed chunk crossed there, in nanoseconds, 0 for none; and how it was claimed, one
        of `NEXT`, `LATE`, `NEAR`, `PASSED`, `FAR`, `ANEW`.
    """
    # A chunk without content (an end mark) looks the same in every source, so it does not say which one it is from.
    every = (upstream, *others) if chunk.kind == CONTENT else (upstream,)
    for crossings in every:
        if time_ns := crossings.claim_alike(chunk):
            return crossings, time_ns, NEXT
    if repeats:
        back = upstream.behind(chunk)
        return upstream, upstream.claim_behind(chunk, back) if back > 0 else 0, PASSED
    if near := _nearest(chunk, upstream, every, rewrites):
        return near
    for crossings in every:
        if (count := crossings.ahead(chunk, limits.MAX_WAITING_CROSSINGS)) >= 0:
            return crossings, crossings.claim_ahead(chunk, count), FAR
    return upstream, upstream.claim_rest(chunk), ANEW


def _nearest(
    chunk: Chunk, upstream: Crossings, every: Sequence[Crossings], rewrites: bool
) -> tuple[Crossings, int, str] | None:
    """Claim the equal chunk that is fewest chunks away; at equal distance a pending one before an earlier one."""
    found: list[tuple[int, bool, int, Crossings]] = []
    for at, crossings in enumerate(every):
        if (count := crossings.ahead(chunk, limits.MAX_RECENT_CROSSINGS)) >= 0:
            found.append((count, False, at, crossings))
        if not (rewrites and (upstream.waits or upstream.in_pieces)) and (back := crossings.behind(chunk)) > 0:
            found.append((back, True, at, crossings))
    if not found:
        return None
    count, is_behind, _, crossings = min(found, key=_distance)
    if not is_behind:
        return crossings, crossings.claim_ahead(chunk, count), NEAR
    time_ns = crossings.claim_behind(chunk, count)
    return crossings, time_ns, PASSED if crossings.again else LATE


def _distance(found: tuple[int, bool, int, Crossings]) -> tuple[int, bool, int]:
    return found[:3]


def is_repeat(chunk: Chunk) -> bool:
    """Whether a detector has found that a chunk repeats an earlier one."""
    return any(finding.family == kinds.DUPLICATE for finding in chunk.findings)


NEXT: Final = "next"
"""The oldest pending chunk."""
LATE: Final = "late"
"""A chunk that was skipped a moment ago."""
NEAR: Final = "near"
"""A pending chunk a few chunks ahead; those before it are skipped."""
PASSED: Final = "passed"
"""A chunk that was claimed a moment ago, so that it is claimed twice."""
FAR: Final = "far"
"""A pending chunk further ahead."""
ANEW: Final = "anew"
"""All pending chunks: it equals none of them."""
