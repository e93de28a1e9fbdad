"""Numbers that must count 1, 2, 3 …: repeated, skipped, out of order."""

from __future__ import annotations

from typing import Final

from otel_sse.stream.chunk import CERTAIN, Finding

_MAX_MISSING: Final = 256
"""Missing numbers that are remembered, so that a late one is called reordered and not repeated."""


class SequenceDetector:
    """Checks one run of numbers, each of which must be the one before plus one.

    Args:
        stage: The stage's name, for findings.
        what: What the numbers are, for the evidence: `sequence_number`, `id`.
    """

    __slots__ = ("_first", "_last", "_last_seq", "_missing", "_stage", "_what")

    def __init__(self, stage: str, what: str) -> None:
        self._stage = stage
        self._what = what
        self._first: int | None = None
        self._last = 0
        self._last_seq = 0
        self._missing: dict[int, None] = {}

    def restart(self) -> None:
        """Forget the run: the next number may be any."""
        self._first = None
        self._missing.clear()

    def check(self, seq: int, number: int) -> Finding | None:
        """Return what is wrong with `number` at chunk `seq`, or None where it follows the one before."""
        if self._first is None:
            self._first = number
        elif number == self._last + 1:
            pass
        elif number > self._last:
            return self._skipped(seq, number)
        else:
            return self._back(seq, number)
        self._last, self._last_seq = number, seq
        return None

    def _skipped(self, seq: int, number: int) -> Finding:
        lost = number - self._last - 1
        evidence = f"{self._what} {self._last} then {number}"
        finding = Finding("gap/sequence", CERTAIN, self._stage, seq, self._last_seq, evidence, lost)
        for missing in range(self._last + 1, number)[:_MAX_MISSING]:
            self._missing[missing] = None
        while len(self._missing) > _MAX_MISSING:
            del self._missing[next(iter(self._missing))]
        self._last, self._last_seq = number, seq
        return finding

    def _back(self, seq: int, number: int) -> Finding:
        evidence = f"{self._what} {self._last} then {number}"
        late = number in self._missing or (self._first is not None and number < self._first)
        self._missing.pop(number, None)
        if late:
            return Finding("reorder/sequence", CERTAIN, self._stage, seq, self._last_seq, evidence)
        return Finding("duplicate/replayed", CERTAIN, self._stage, seq, self._known_seq(seq, number), evidence)

    def _known_seq(self, seq: int, number: int) -> int:
        # The chunk that had this number, where the run since then was unbroken enough to tell.
        if self._missing:
            return 0
        return max(self._last_seq - (self._last - number), 0)
