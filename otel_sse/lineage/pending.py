"""Chunks that have crossed one stage and are pending until the next stage claims them: lineage as it happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.channels import compare
from otel_sse.stream.chunk import COMMENT, CONTENT, HEARTBEAT, Chunk

Passed = tuple[Chunk, Chunk | None]
"""A chunk that is pending no more, and the chunk of the next stage that claimed it; None where it was skipped."""


class Crossings:
    """The pending chunks of one stage: those that no chunk of the next stage has claimed yet, in order.

    A chunk downstream claims the upstream chunks that it was made from. If it equals the oldest pending one, it claims
    that. If it equals a later one, the stage has skipped those before it. If it equals a chunk that was claimed or
    skipped a moment ago, it repeats that chunk or comes late. If it equals none, it was made anew: merged from as many
    as have its size, or else from all that is pending. Memory is bounded: the oldest pending chunks are forgotten.

    Methods that claim write the numbers of the upstream chunks on the chunk. They return the time at which the last of
    these crossed, in nanoseconds; 0 where there is none.

    The upstream stage's thread adds, the downstream stage's thread claims. A deque allows that without a lock.

    Args:
        source: Which adapter or path feeds the stage, or "".
    """

    # A worked example. The upstream stage hands on a b c d e, its chunks 1 to 5; the next stage sends six chunks:
    #
    #   1  a   NEXT    claims 1
    #   2  c   NEAR    claims 3; chunk 2 is skipped
    #   3  b   LATE    claims 2, which had been skipped: `again` is None
    #   4  a   PASSED  claims 1, which downstream chunk 1 has claimed before: `again` is that chunk
    #   5  x   ANEW    equals none, so it claims all that is pending: 4 and 5
    #   6  e   LATE    claims 5

    __slots__ = (
        "_anew_until",
        "_channel",
        "_passed",
        "_range",
        "_waiting",
        "add",
        "again",
        "comes_again",
        "source",
        "taken",
    )

    def __init__(self, source: str = "") -> None:
        self.source = source
        self._waiting: deque[Chunk] = deque(maxlen=limits.MAX_WAITING_CROSSINGS)
        self._passed: deque[Passed] = deque(maxlen=limits.MAX_RECENT_CROSSINGS)
        self.again: Chunk | None = None
        """After `claim_behind`: the chunk that claimed the same before; None where that had been skipped."""
        self.taken: Sequence[Chunk] = ()
        """What the latest claim took off, skipped or claimed, but for `claim_next`, which takes the oldest alone."""
        self.comes_again = False
        """Whether the next stage knows these chunks as repeats by their numbers, though this stage has each one once:
        a second call that counts as the first one did."""
        self._range = (0, 0, 0)
        self._anew_until = 0
        self._channel: str | None = None
        self.add = self._waiting.append
        """Make a chunk pending: it has crossed the upstream stage."""

    def claim_next(self, chunk: Chunk) -> int:
        """Claim the oldest pending chunk, if this one equals it and no other channel begins with it.

        Where the stage leaves a model's reasoning out, its first word may well equal the answer's.
        """
        waiting = self._waiting
        if not waiting:
            return 0
        first = waiting[0]
        if first.digest != chunk.digest:
            return 0
        if first.channel != self._channel and first.channel != chunk.channel and first.kind == CONTENT:
            return 0
        # As `_claim_first`, without a call: nearly every chunk goes this way.
        waiting.popleft()
        self._passed.append((first, chunk))
        chunk.upstream_first = chunk.upstream_last = first.seq
        return first.time_ns

    def _claim_first(self, chunk: Chunk) -> int:
        made_from = self._waiting.popleft()
        self._passed.append((made_from, chunk))
        chunk.upstream_first = chunk.upstream_last = made_from.seq
        return made_from.time_ns

    def claim_alike(self, chunk: Chunk) -> int:
        """The same, if both or neither are known repeats."""
        waiting = self._waiting
        alike = bool(waiting) and (self.comes_again or is_repeat(waiting[0]) == is_repeat(chunk))
        return self.claim_next(chunk) if alike else 0

    def ahead(self, chunk: Chunk, most: int) -> tuple[int, int, int] | None:
        """Find a pending chunk that equals this one, in its own channel rather than in another.

        Args:
            chunk: The chunk.
            most: So many pending chunks are looked at.

        Returns:
            How the channels compare (`channels.compare`); how many chunks of its channel are pending before it; how
            many are in all. None if no chunk equals it.
        """
        if chunk.kind in (COMMENT, HEARTBEAT):
            # Keep-alives all look the same, so one says nothing about the content that is pending before it.
            return None
        waiting = list(islice(self._waiting, most))
        equal = [
            (compare(each.channel, chunk.channel), each.channel != self._channel, at)
            for at, each in enumerate(waiting)
            if _is(each, chunk)
        ]
        if not equal:
            return None
        strange, _, at = min(equal)
        return strange, sum(each.channel == waiting[at].channel for each in waiting[:at]), at

    def claim_ahead(self, chunk: Chunk, count: int) -> int:
        """Skip `count` pending chunks and claim the one behind them."""
        skipped = self._pass(count)
        time_ns = self._claim_first(chunk)
        made_from, _ = self._passed[-1]
        if made_from.kind == CONTENT:
            self._channel = made_from.channel
        self.taken = [*skipped, made_from]
        return time_ns

    def behind(self, chunk: Chunk) -> tuple[int, int] | None:
        """Find a chunk that equals this one and was claimed or skipped a moment ago.

        Returns:
            How the channels compare; how many chunks ago it was: 1 for the latest. None if none equals it.
        """
        passed = enumerate(reversed(self._passed), 1)
        equal = [(compare(each.channel, chunk.channel), back) for back, (each, _) in passed if _is(each, chunk)]
        return min(equal) if equal else None

    def is_only(self, chunk: Chunk) -> bool:
        """Whether one chunk alone equals this one, of those that are pending or have been claimed a moment ago."""
        return sum(_is(each, chunk) for each, _ in self._passed) == 1 and not self.holds(chunk)

    def claim_behind(self, chunk: Chunk, back: int) -> int:
        """Claim the chunk of so many chunks ago: a skipped one, which comes late, or one that is claimed again."""
        crossing, self.again = self._passed[-back]
        self._passed[-back] = (crossing, chunk)
        self.taken = ()
        chunk.upstream_first = chunk.upstream_last = crossing.seq
        return crossing.time_ns

    def take_back(self, chunk: Chunk) -> int:
        """Claim the first of several chunks that the latest claim took off, and make the others pending again.

        A stage's own words may equal a chunk far ahead, or none at all, so that pending chunks seemed to be skipped or
        merged. They were not if the first of them follows. `taken` still names them all afterwards.
        """
        taken, waiting = self.taken, self._waiting
        if len(taken) <= _SEVERAL or taken[0].digest != chunk.digest or self._passed[-1][0] is not taken[-1]:
            return 0
        if len(waiting) + len(taken) > limits.MAX_WAITING_CROSSINGS or self.ahead(chunk, len(taken)):
            return 0
        gone = {id(each) for each in taken}
        while self._passed and id(self._passed[-1][0]) in gone:
            self._passed.pop()
        waiting.extendleft(reversed(taken))
        return self._claim_first(chunk)

    def claim_sum(self, chunk: Chunk, size: int) -> int:
        """Claim neighbours of one channel that have as many bytes together as this chunk: it was merged from them.

        Args:
            chunk: The chunk.
            size: Bytes of its content; 0 where that is not known.
        """
        if not size or chunk.kind != CONTENT or not (found := self._sum(chunk.channel, size)):
            return 0
        at, channel = found
        return self._claim_all(chunk, self._pass(at + 1), channel)

    def sums_up_to(self, chunk: Chunk, size: int) -> bool:
        """Whether neighbours of one channel are pending that have as many bytes together as this chunk."""
        return chunk.kind == CONTENT and size > 0 and self._sum(chunk.channel, size) is not None

    def _sum(self, channel: str, size: int) -> tuple[int, str] | None:
        """Return the position of the last chunk of the sum, and its channel; the chunk's own channel goes first."""
        before = self._passed[-1][0].acc_len if self._passed else 0
        sums: dict[str, list[int]] = {}
        fits: list[tuple[int, int, str]] = []
        for at, each in enumerate(list(self._waiting)):
            if each.kind == CONTENT:
                so_far = sums.setdefault(each.channel, [0, 0])
                so_far[0] += each.acc_len - before
                so_far[1] += 1
                if so_far[0] == size and so_far[1] >= _SEVERAL:
                    fits.append((compare(each.channel, channel), at, each.channel))
            before = each.acc_len
        return min(fits)[1:] if fits else None

    def claim_rest(self, chunk: Chunk) -> int:
        """Claim all pending chunks, if this one is content; where none is pending, the same as the last one claimed."""
        if chunk.kind != CONTENT:
            # A chunk without content that equals nothing (a keep-alive, an added end mark) was made from nothing.
            return 0
        if self._waiting:
            return self._claim_all(chunk, self._pass(len(self._waiting)), None)
        self.taken = ()
        self._write(chunk, self._latest())
        return chunk.upstream_first and self._latest()[2]

    def skip(self) -> int:
        """Drop the oldest pending content, because nothing is made of it; return its number, 0 for none."""
        waiting = self._waiting
        while waiting:
            gone = waiting.popleft()
            if gone.kind == CONTENT:
                return gone.seq
        return 0

    @property
    def recent(self) -> list[Passed]:
        """The latest chunks that were claimed or skipped, in order."""
        return list(self._passed)

    @property
    def latest(self) -> Chunk | None:
        """The chunk that was claimed last."""
        return self._passed[-1][0] if self._passed else None

    @property
    def latest_claim(self) -> Chunk | None:
        """The chunk of the next stage that claimed the latest one, if it was not skipped."""
        return self._passed[-1][1] if self._passed else None

    @property
    def pending(self) -> list[Chunk]:
        """All pending chunks, in order."""
        return list(self._waiting)

    def holds(self, chunk: Chunk) -> bool:
        """Whether a chunk that equals this one is pending."""
        return any(crossing.digest == chunk.digest for crossing in list(self._waiting))

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

    def _claim_all(self, chunk: Chunk, taken: list[Chunk], channel: str | None) -> int:
        """Claim what was taken off, in one channel, or, for None, in those that compare best with the chunk's."""
        self.taken = taken
        self._anew_until = taken[-1].seq
        content = [each for each in taken if each.kind == CONTENT] or taken
        least = min(compare(each.channel, chunk.channel) for each in content)
        own = [
            each
            for each in content
            if (compare(each.channel, chunk.channel) == least if channel is None else each.channel == channel)
        ]
        self._range = (own[0].seq, own[-1].seq, own[-1].time_ns)
        self._write(chunk, self._range)
        return own[-1].time_ns

    def _latest(self) -> tuple[int, int, int]:
        if self.in_pieces or not self._passed:
            return self._range
        latest, _ = self._passed[-1]
        return (latest.seq, latest.seq, latest.time_ns)

    @staticmethod
    def _write(chunk: Chunk, made_of: tuple[int, int, int]) -> None:
        chunk.upstream_first, chunk.upstream_last, _ = made_of

    def _pass(self, count: int) -> list[Chunk]:
        found = [self._waiting.popleft() for _ in range(count)]
        self._passed.extend((each, None) for each in found)
        return found


_SEVERAL = 2
"""Chunks from which a sum is a sum, and from which chunks that were skipped wrongly are worth going back for."""


def _is(crossing: Chunk, chunk: Chunk) -> bool:
    return crossing.digest == chunk.digest


def is_repeat(chunk: Chunk) -> bool:
    """Whether a detector has found that a chunk repeats an earlier one."""
    return any(finding.family == kinds.DUPLICATE for finding in chunk.findings)
