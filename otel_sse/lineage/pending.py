"""What has crossed one stage and waits to be claimed by the next: lineage as it happens, in one process."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import COMMENT, CONTENT, HEARTBEAT, Chunk


class Crossings:
    """The chunks of one stage that no chunk of the next stage has claimed yet, in order.

    A chunk downstream was made from what had been pulled when it was handed on. Where its digest is that of the
    oldest chunk that waits, it is that chunk. Else others were left out before it, or it repeats or catches up with one
    that was passed a moment ago, or it was made anew from all that waits. Memory is bounded: what waits too long is
    forgotten.

    Methods that claim write the numbers of the upstream chunks on the chunk, and return the time at which the last of
    them crossed; 0 where there is none.

    The upstream stage's thread adds, the downstream stage's thread claims; a deque lets them.

    Args:
        source: Which adapter or path feeds the stage, or "".
    """

    __slots__ = ("_anew_until", "_passed", "_range", "_waiting", "add", "again", "left", "source")

    def __init__(self, source: str = "") -> None:
        self.source = source
        self._waiting: deque[Chunk] = deque(maxlen=limits.MAX_WAITING_CROSSINGS)
        # Each with the number of the chunk that claimed it, 0 where it was left out.
        self._passed: deque[tuple[Chunk, int]] = deque(maxlen=limits.MAX_RECENT_CROSSINGS)
        self.left: deque[tuple[Chunk, int]] = deque(maxlen=limits.MAX_MISSING_NUMBERS)
        """Content that was left out and has not come late, each with the number of the chunk that came instead."""
        self.again = 0
        """After `claim_behind`: the chunk that had claimed the same before; 0 where it had been left out."""
        self._range = (0, 0, 0)
        self._anew_until = 0
        self.add = self._waiting.append
        """Take note of a chunk that has crossed the upstream stage."""

    def claim_next(self, chunk: Chunk) -> int:
        """Claim the oldest chunk that waits, if this one equals it."""
        waiting = self._waiting
        if not waiting or waiting[0].digest != chunk.digest:
            return 0
        made_from = waiting.popleft()
        self._passed.append((made_from, chunk.seq))
        chunk.upstream_first = chunk.upstream_last = made_from.seq
        return made_from.time_ns

    def claim_alike(self, chunk: Chunk) -> int:
        """Claim the oldest chunk that waits, if this one equals it and both or neither are known to be repeats."""
        waiting = self._waiting
        alike = bool(waiting) and is_repeat(waiting[0]) == is_repeat(chunk)
        return self.claim_next(chunk) if alike else 0

    def ahead(self, chunk: Chunk, most: int) -> int:
        """Return how many chunks wait before the first of `most` that equals this one, or -1."""
        if chunk.kind in (COMMENT, HEARTBEAT):
            # Keep-alives all look the same, so one says nothing about the content that waits before it.
            return -1
        waiting = enumerate(list(islice(self._waiting, most)))
        return next((at for at, crossing in waiting if crossing.digest == chunk.digest), -1)

    def claim_ahead(self, chunk: Chunk, count: int) -> int:
        """Claim the chunk that waits behind so many others, which were left out."""
        self.left.extend((each, chunk.seq) for each in self._pass(count) if each.kind == CONTENT)
        return self.claim_next(chunk)

    def behind(self, chunk: Chunk) -> int:
        """Return how many chunks ago one that equals this one was passed: 1 for the latest, -1 for none."""
        for back, (crossing, _) in enumerate(reversed(self._passed), 1):
            if crossing.digest == chunk.digest:
                return back
        return -1

    def claim_behind(self, chunk: Chunk, back: int) -> int:
        """Claim the chunk that was passed so many chunks ago: one that was left out, or one that is claimed again."""
        crossing, self.again = self._passed[-back]
        self._passed[-back] = (crossing, chunk.seq)
        if not self.again:
            self.left = deque((one for one in self.left if one[0] is not crossing), self.left.maxlen)
        chunk.upstream_first = chunk.upstream_last = crossing.seq
        return crossing.time_ns

    def claim_rest(self, chunk: Chunk) -> int:
        """Claim all that waits, if this one is content; what was claimed last, where nothing waits (a piece of it)."""
        if chunk.kind != CONTENT:
            # What carries no content and equals nothing (a keep-alive, an added end mark) was made from nothing.
            return 0
        first, last, time_ns = self._rest() if self._waiting else self._latest()
        chunk.upstream_first, chunk.upstream_last = first, last
        return time_ns

    def skip(self) -> int:
        """Take away the oldest content that waits, of which nothing will be made; return its number, 0 for none."""
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
        """Whether a chunk that equals this one waits to be claimed."""
        return any(crossing.digest == chunk.digest for crossing in list(self._waiting))

    def overdue(self, seq: int) -> list[tuple[Chunk, int]]:
        """Take away what was left out so long before chunk `seq` of the next stage that it will not come late."""
        found = []
        while self.left and seq >= self.left[0][1] + limits.MAX_LATE_CHUNKS:
            found.append(self.left.popleft())
        return found

    @property
    def recent_channels(self) -> frozenset[str]:
        """The channels of the chunks that were claimed a moment ago."""
        return frozenset(chunk.channel for chunk, seq in list(self._passed) if seq)

    @property
    def waits(self) -> bool:
        """Whether any chunk waits to be claimed."""
        return bool(self._waiting)

    def waits_since(self, time_ns: int) -> bool:
        """Whether any chunk that crossed at `time_ns` or later waits to be claimed."""
        waiting = self._waiting
        return bool(waiting) and waiting[-1].time_ns >= time_ns

    @property
    def in_pieces(self) -> bool:
        """Whether what was claimed last was made anew: what comes next may be a further piece of that."""
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
    """Write on a chunk what it was made from, where it is not the next one of its stage's upstream.

    Args:
        chunk: The chunk.
        upstream: What its stage took its chunks from so far.
        others: What it may have been taken from instead: a second source of the stream.
        rewrites: Whether its stage may change content. Then it is likelier that a chunk was made anew of what waits, or
            is one more piece of what was, than that it repeats an equal one.
        repeats: Whether it is known to repeat an earlier one. If it is not the next one that waits, which may repeat it
            too, it is none of those behind that.

    Returns:
        What it was taken from; when the last of the chunks that it was made from crossed there, 0 for none; and how,
        one of `NEXT`, `LATE`, `NEAR`, `PASSED`, `FAR`, `ANEW`.
    """
    # What carries no content (an end mark) looks the same in every source, and says nothing of where it came from.
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
    """Claim the equal chunk that is fewest chunks away, one that waits rather than one that was passed."""
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
    """Whether a chunk is known to repeat an earlier one."""
    return any(finding.family == kinds.DUPLICATE for finding in chunk.findings)


NEXT: Final = "next"
LATE: Final = "late"
NEAR: Final = "near"
PASSED: Final = "passed"
FAR: Final = "far"
ANEW: Final = "anew"
