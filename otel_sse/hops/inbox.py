"""The numbers of received messages: which came twice, which are missing, which came late.

All findings are certain, because the sender has counted.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence

import msgspec

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, Finding

_WINDOW = limits.MAX_RECENT_NUMBERS


class _Hole(msgspec.Struct):
    """Neighbouring numbers that have not come.

    Args:
        first: The first of them.
        last: The last of them.
        seq: The chunk behind them.
        of: The chunk before them; 0 where it is not known.
        count: Messages that had come when the hole was noticed.
        lost: Numbers of the hole that are still missing.
        told: Whether the loss was reported.
    """

    first: int
    last: int
    seq: int
    of: int
    count: int
    lost: int
    told: bool = False


class Inbox:
    """Checks the numbers of one stream in one direction of a hop, over all of its connections.

    A skipped number is pending for `limits.MAX_LATE_CHUNKS` messages, or until the connection ends. Then it is reported
    as lost. A number that comes after its report is reported as late, never as repeated.

    Args:
        stage: The receiving stage's name, for findings.
    """

    # Numbers 1 2 5 4 4 6, and then one after the other, each a chunk of its own:
    #
    #     number    chunk
    #     1, 2      1, 2     in order
    #     5         3        3 and 4 are skipped: a hole, nothing is reported yet
    #     4         4        reorder/hop, of chunk 3; the hole lacks only 3 now
    #     4         5        duplicate/resent, of chunk 4
    #     6         6        in order: the next one after 5
    #     19        19       MAX_LATE_CHUNKS (16) messages have come since the 5: gap/hop at chunk 3, 1 lost
    #     3         20       reorder/hop, after it was called lost
    #
    # `_missing` has a number's hole for as long as the number is remembered; `_forgotten` is the highest number that is
    # not remembered any more. A number up to there is never called repeated, because nobody knows whether it came.

    __slots__ = ("_chunks", "_count", "_first", "_forgotten", "_holes", "_missing", "_stage", "last")

    def __init__(self, stage: str) -> None:
        self.last = 0
        """The highest number so far; 0 before the first."""
        self._stage = stage
        self._count = 0
        self._first = 1
        self._forgotten = 0
        self._holes: deque[_Hole] = deque()
        self._missing: dict[int, _Hole] = {}
        # The chunks of the last numbers, by number modulo the window: 2 KiB, however long the stream is.
        self._chunks = array("q", bytes(8 * _WINDOW))

    def check(self, seq: int, number: int, opens: bool = False) -> Sequence[Finding]:
        """Return the findings about the message `number` at chunk `seq`, and about losses that are certain now.

        Args:
            seq: The chunk.
            number: Its number on the hop, 1 or more.
            opens: Whether the sender says that its stage begins here. A stream that is new to this process lacks
                nothing before that: its earlier numbers went to another process.
        """
        self._count += 1
        if number == self.last + 1:
            self.last = number
            self._chunks[number % _WINDOW] = seq
            return self._overdue() if self._holes else ()
        if number <= self.last:
            return [self._back(seq, number), *self._overdue()]
        if self.last == 0 and opens:
            self._first = number
        else:
            self._skip(seq, number)
        self.last = number
        self._chunks[number % _WINDOW] = seq
        return self._overdue()

    @property
    def waits(self) -> bool:
        """Whether a number is pending."""
        return any(hole.lost for hole in self._holes)

    def close(self) -> Sequence[Finding]:
        """Return the losses that are not reported yet, as the connection ends. The next connection goes on counting."""
        return self._tell(len(self._holes))

    def _skip(self, seq: int, number: int) -> None:
        first = self.last + 1
        if number - first > limits.MAX_NUMBER_STEP:
            # A peer must not drive the count of lost chunks to any height: so wide a step counts as one loss.
            self._forgotten, first = number - 2, number - 1
        hole = _Hole(first, number - 1, seq, self._chunk(self.last), self._count, number - first)
        self._holes.append(hole)
        remembered = range(first, number)[-limits.MAX_MISSING_NUMBERS :]
        self._missing.update(dict.fromkeys(remembered, hole))
        if remembered[0] > first:
            self._forgotten = remembered[0] - 1
        while len(self._missing) > limits.MAX_MISSING_NUMBERS:
            self._forgotten = next(iter(self._missing))
            del self._missing[self._forgotten]

    def _back(self, seq: int, number: int) -> Finding:
        evidence = f"hop sequence {self.last} then {number}"
        hole = self._missing.pop(number, None)
        if hole is None and number > self._forgotten and number >= self._first:
            return Finding(kinds.RESENT, CERTAIN, self._stage, seq, self._chunk(number), evidence)
        of = self._chunk(self.last)
        if hole is not None:
            self._chunks[number % _WINDOW] = seq
            if hole.told:
                evidence += ", after it was called lost"
            else:
                hole.lost -= 1
        return Finding(kinds.REORDER_HOP, CERTAIN, self._stage, seq, of, evidence)

    def _chunk(self, number: int) -> int:
        return self._chunks[number % _WINDOW] if number > self.last - _WINDOW else 0

    def _overdue(self) -> Sequence[Finding]:
        holes, due = self._holes, self._count - limits.MAX_LATE_CHUNKS
        count = 0
        while count < len(holes) and (holes[count].count <= due or not holes[count].lost):
            count += 1
        return self._tell(count) if count else ()

    def _tell(self, count: int) -> Sequence[Finding]:
        holes = [self._holes.popleft() for _ in range(count)]
        for hole in holes:
            hole.told = True
        return [self._gap(hole) for hole in holes if hole.lost]

    def _gap(self, hole: _Hole) -> Finding:
        evidence = f"hop sequence {hole.first - 1} then {hole.last + 1}, {hole.lost} did not come"
        return Finding(kinds.GAP_HOP, CERTAIN, self._stage, hole.seq, hole.of, evidence, hole.lost)
