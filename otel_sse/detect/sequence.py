"""Numbers that must count 1, 2, 3 …: repeated, skipped, out of order."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence

import msgspec

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding

_WINDOW = limits.MAX_RECENT_NUMBERS


class _Hole(msgspec.Struct):
    """Numbers between two neighbours that have not come yet."""

    after: int
    before: int
    seq: int
    of: int
    lost: int


class SequenceDetector:
    """Checks one run of numbers, each of which must be the one before plus one; it may begin anywhere.

    A number that is skipped may still come late, so a gap is told only `limits.MAX_LATE_CHUNKS` chunks later, or at
    the end, with the `seq` at which it arose. What came late in time is reordered and not missing.

    Args:
        stage: The stage's name, for findings.
        what: What the numbers are, for the evidence: `sequence number`, `id`.
        certain: Whether a skipped number proves a loss.
    """

    __slots__ = (
        "_anew", "_digests", "_first", "_forgotten", "_gap_certainty", "_holes", "_last_seq", "_missing", "_previous",
        "_repeated", "_seqs", "_stage", "_what", "last",
    )  # fmt: skip

    def __init__(self, stage: str, what: str, *, certain: bool = True) -> None:
        self.last = -1
        """The highest number so far, -1 before the first."""
        self._stage = stage
        self._what = what
        self._anew = False
        self._gap_certainty = CERTAIN if certain else SUSPECTED
        self._first = self._last_seq = self._repeated = 0
        self._previous = self._forgotten = -1
        self._holes: deque[_Hole] = deque()
        self._missing: dict[int, None] = {}
        # The last numbers' chunks and hashes of their digests, by number modulo the window: 4 KiB, however long
        # the stream is.
        self._seqs = array("q", bytes(8 * _WINDOW))
        self._digests = array("q", bytes(8 * _WINDOW))

    def check(self, seq: int, number: int, digest: str) -> Sequence[Finding]:
        """Return what is wrong with `number` at chunk `seq`, and the gaps before it that nothing has filled.

        Args:
            seq: The chunk.
            number: Its number, 0 or more.
            digest: Its digest, which tells an event that came twice from another event with its number.
        """
        begun: Sequence[Finding] = ()
        if self._anew:
            self._anew = False
            begun = () if self.goes_on(number) else self.restart()
        last, follows = self.last, number == self._previous + 1
        self._previous = number
        if last < 0:
            self._first = number
        elif number <= last:
            return [*self._back(seq, number, digest, follows), *self._overdue(seq)]
        elif number != last + 1:
            self._skip(seq, number)
        self.last, self._last_seq = number, seq
        self._keep(seq, number, digest)
        return self._overdue(seq) if self._holes else begun

    def begin(self) -> None:
        """Take note that another answer begins, which may be numbered anew, or go on with the numbers."""
        self._anew = True

    def goes_on(self, number: int) -> bool:
        """Return whether a number belongs to the run: the next one, or one behind a few that may have been lost."""
        return self.last < number <= self.last + limits.MAX_LATE_CHUNKS

    def restart(self) -> Sequence[Finding]:
        """Forget the run, so that the next number may be any; return the gaps that nothing has filled."""
        found = [self._gap(hole) for hole in self._holes if hole.lost]
        self._holes.clear()
        self._missing.clear()
        self.last = self._previous = self._forgotten = -1
        return found

    def is_shared(self, number: int, digest: str) -> bool:
        """Return whether the latest number comes once more, with other content: then it does not name one event."""
        return number == self.last and self._digests[number % _WINDOW] != hash(digest)

    def is_taken(self, number: int, digest: str) -> bool:
        """Return whether the number came before, as far as is remembered, with other content."""
        if number > self.last or number < self._first or number in self._missing or number <= self._forgotten:
            return False
        return not self._known(number, digest)[1]

    def _keep(self, seq: int, number: int, digest: str) -> None:
        if number > self.last - _WINDOW:
            slot = number % _WINDOW
            self._seqs[slot] = seq
            self._digests[slot] = hash(digest)

    def _skip(self, seq: int, number: int) -> None:
        lost = number - self.last - 1
        if lost > limits.MAX_NUMBER_STEP:
            # Another numbering has begun. Something is amiss, but nobody knows how much: counted as one.
            lost, self._forgotten = 1, number - 1
        else:
            self._miss(range(self.last + 1, number))
        self._holes.append(_Hole(self.last, number, seq, self._last_seq, lost))

    def _miss(self, numbers: range) -> None:
        remembered = numbers[-limits.MAX_MISSING_NUMBERS :]
        self._missing.update(dict.fromkeys(remembered))
        while len(self._missing) > limits.MAX_MISSING_NUMBERS:
            self._forgotten = next(iter(self._missing))
            del self._missing[self._forgotten]
        if len(remembered) < len(numbers):
            self._forgotten = remembered[0] - 1

    def _back(self, seq: int, number: int, digest: str, follows: bool) -> list[Finding]:
        evidence = f"{self._what} {self.last} then {number}"
        if number in self._missing:
            self._fill(number)
            self._keep(seq, number, digest)
        elif number > self._forgotten and number >= self._first:
            of, same = self._known(number, digest)
            if same:
                return [Finding(self._repeat(seq, of), CERTAIN, self._stage, seq, of, evidence)]
            evidence += ", with other content"
        # Where a run goes on behind a number that went back, that number alone was out of order.
        return [] if follows else [Finding(kinds.REORDER_SEQUENCE, CERTAIN, self._stage, seq, self._last_seq, evidence)]

    def _repeat(self, seq: int, of: int) -> str:
        # A second path that emits each event is a neighbour of the first, or takes turns with it. A replay goes on
        # until it has caught up.
        twin = of == seq - 1 or (
            0 < self._repeated < self._last_seq
            and seq - self._repeated <= limits.LAGGED_TWINS
            and seq - of <= limits.MAX_LAG_CHUNKS
        )
        self._repeated = seq
        return kinds.DOUBLED if twin else kinds.REPLAYED

    def _fill(self, number: int) -> None:
        del self._missing[number]
        for hole in self._holes:
            if hole.after < number < hole.before:
                hole.lost -= 1

    def _known(self, number: int, digest: str) -> tuple[int, bool]:
        """Return the chunk that had this number (0 where it is too long ago), and whether its content was the same."""
        if number <= self.last - _WINDOW:
            return 0, True
        slot = number % _WINDOW
        return self._seqs[slot], self._digests[slot] == hash(digest)

    def _overdue(self, seq: int) -> list[Finding]:
        found: list[Finding] = []
        while self._holes and (seq >= self._holes[0].seq + limits.MAX_LATE_CHUNKS or not self._holes[0].lost):
            hole = self._holes.popleft()
            if hole.lost:
                found.append(self._gap(hole))
        return found

    def _gap(self, hole: _Hole) -> Finding:
        evidence = f"{self._what} {hole.after} then {hole.before}, {hole.lost} did not come"
        return Finding(kinds.GAP_SEQUENCE, self._gap_certainty, self._stage, hole.seq, hole.of, evidence, hole.lost)
