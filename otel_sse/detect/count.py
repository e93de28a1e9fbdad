"""Numbers in frames of an application's own (`seq`): judged only once they have proved to count."""

from __future__ import annotations

from collections.abc import Sequence

from otel_sse import limits
from otel_sse.detect.sequence import SequenceDetector
from otel_sse.stream.chunk import Finding


class CountDetector:
    """Reports numbers that repeat, skip or go back in a run that counts.

    No protocol says what an application means by `seq`. The first `limits.MAX_LEARNT_IDS` numbers have to be dense, at
    most one of them missing; and a number that comes again with other content (a count for each channel, or the number
    of a message) ends all judging. A number at or below the run's first begins another run: whether the answer began
    again, its content says.

    Args:
        stage: The stage's name, for findings.
    """

    __slots__ = ("_anew", "_counter", "_first", "_learnt", "_means_nothing", "_stage")

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._anew = False
        self._learnt: list[tuple[int, int, str]] = []
        self._counter: SequenceDetector | None = None
        self._first = 0
        self._means_nothing = False

    def check(self, seq: int, number: int, digest: str) -> Sequence[Finding]:
        """Return what is wrong with the number, and, once the run has proved to count, with those before.

        Args:
            seq: The chunk.
            number: Its number, 0 or more.
            digest: Its digest.
        """
        if self._means_nothing:
            return ()
        if self._anew:
            self._anew = False
            if self._counter is not None and not self._counter.goes_on(number):
                return [*self.restart(), *self.check(seq, number, digest)]
            if any(number <= before for _, before, _ in self._learnt):
                self._learnt.clear()
        if self._counter is None:
            return self._learn(seq, number, digest)
        if self._counter.last >= 0 and number <= self._first:
            found = self._counter.restart()
            self._first = number
            return [*found, *self._counter.check(seq, number, digest)]
        if self._counter.is_taken(number, digest):
            self._means_nothing = True
            return ()
        return self._counter.check(seq, number, digest)

    def begin(self) -> None:
        """Take note that another answer begins, which may be numbered anew, or go on with the numbers."""
        self._anew = True

    def restart(self) -> Sequence[Finding]:
        """Forget the run, because another answer begins or all has ended; return the gaps that nothing has filled."""
        self._learnt.clear()
        counter, self._counter = self._counter, None
        return () if counter is None or self._means_nothing else counter.restart()

    def _learn(self, seq: int, number: int, digest: str) -> Sequence[Finding]:
        self._means_nothing = any(before == number and known != digest for _, before, known in self._learnt)
        if self._means_nothing or len(self._learnt) >= 2 * limits.MAX_LEARNT_IDS:
            self._means_nothing = True
            return ()
        self._learnt.append((seq, number, digest))
        numbers = {each for _, each, _ in self._learnt}
        if len(numbers) < limits.MAX_LEARNT_IDS:
            return ()
        self._first = min(numbers)
        if max(numbers) - self._first > len(numbers):
            self._means_nothing = True
            return ()
        self._counter = SequenceDetector(self._stage, "seq", certain=self._first < 2)
        learnt, self._learnt = self._learnt, []
        return [finding for one in learnt for finding in self._counter.check(*one)]
