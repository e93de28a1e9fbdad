"""Every chunk twice or more: A A B B where two paths push each chunk, A B A C B C where the second one lags."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from math import gcd
from operator import eq
from typing import Final

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding

_MOSTLY_DIFFERENT: Final = 0.6
"""Share of different contents in a look above which no second path can lag behind the first among them."""

_EQUAL_NEIGHBOURS: Final = 3
"""Neighbours in a look that are equal before it is looked at more closely: most looks have none."""

_TWICE: Final = 2

_GROUPS: Final = 3
"""Groups of equal neighbours from which it is no chance that all are as large, or a multiple of it."""

_ENOUGH: Final = 32
"""Chunks in which a run shows; fewer are looked at together with those before them."""


class DoubledDetector:
    """Finds runs in which every chunk has a twin, by content alone.

    Models repeat tokens all the time; what they do not do is to say each one twice over a whole run of different ones.
    A run is judged by how many different contents came in pairs without one between them that came once.

    A look at many chunks costs little where hardly any equals its neighbour and they are mostly different, as they
    nearly always are; only where they are not is each one looked at.

    Args:
        stage: The stage's name, for findings.
        told: Chunks that are known to be duplicates already, which are not told again.
    """

    __slots__ = ("_before", "_calm", "_runs", "_stage", "_told", "sure")

    def __init__(self, stage: str, told: Collection[int] = ()) -> None:
        self._stage = stage
        self._told = told
        self.sure = True
        """Whether pairs are proof from some number on; else they are only suspected, however many there are."""
        self._before: tuple[Sequence[int], Sequence[int]] = ((), ())
        self._runs: tuple[_AdjacentRun, _LaggedRun] | None = None
        self._calm = 0

    @property
    def active(self) -> bool:
        """Whether a run has been told, so that the next chunk may belong to it."""
        runs = self._runs
        return runs is not None and (runs[0].is_suspicious or runs[1].is_suspicious)

    def look(self, keys: Sequence[int], seqs: Sequence[int]) -> list[Finding]:
        """Return findings about chunks that came twice.

        Args:
            keys: What tells contents apart, of the chunks since the last look.
            seqs: Their numbers.
        """
        runs = self._runs
        if runs is None:
            before_keys, before_seqs = self._before
            if len(keys) < _ENOUGH:
                before_keys = keys = [*before_keys, *keys][-limits.LOOK_CHUNKS :]
                before_seqs = seqs = [*before_seqs, *seqs][-limits.LOOK_CHUNKS :]
                self._before = keys, seqs
            if self._is_calm(before_keys, keys):
                self._before = keys, seqs
                return []
            if before_keys is not keys:
                keys, seqs = [*before_keys, *keys], [*before_seqs, *seqs]
            self._before = (), ()
            self._runs = runs = (_AdjacentRun(), _LaggedRun())
        found = [finding for key, seq in zip(keys, seqs, strict=True) if (finding := self._step(*runs, key, seq))]
        self._rest(*runs, len(keys))
        return found

    @staticmethod
    def _is_calm(before: Sequence[int], keys: Sequence[int]) -> bool:
        equal = sum(map(eq, keys, islice(keys, 1, None))) + bool(before and before[-1] == keys[0])
        return equal < _EQUAL_NEIGHBOURS and len(set(keys)) > len(keys) * _MOSTLY_DIFFERENT

    def _step(self, adjacent: _AdjacentRun, lagged: _LaggedRun, key: int, seq: int) -> Finding | None:
        if seq in self._told:
            # As if it had not come: else the third of three equal chunks would make a pair with a later one.
            return None
        of, lagged_of = adjacent.step(key, seq), lagged.step(key, seq)
        if of and adjacent.is_suspicious:
            lagged.tell()
            return self._adjacent_finding(adjacent, seq, of)
        if lagged_of and lagged.is_suspicious:
            adjacent.tell()
            return self._lagged_finding(lagged, seq, lagged_of)
        return None

    def _rest(self, adjacent: _AdjacentRun, lagged: _LaggedRun, count: int) -> None:
        """Go back to looking at whole batches once nothing has been in pairs for a while."""
        in_run = adjacent.pairs >= 2 or lagged.pairs >= limits.SUSPECTED_PAIRS
        self._calm = 0 if in_run else self._calm + count
        if self._calm >= _ENOUGH:
            self._runs, self._calm = None, 0

    def _adjacent_finding(self, run: _AdjacentRun, seq: int, of: int) -> Finding:
        times = "twice" if run.times == _TWICE else f"{run.times} times"
        evidence = (
            f"{run.groups} chunks in a row came {times}, {run.contents} different ones, from chunk {run.first} on"
        )
        certainty = CERTAIN if self.sure and run.is_certain else SUSPECTED
        return Finding(kinds.DOUBLED, certainty, self._stage, seq, of, evidence, run.tell())

    def _lagged_finding(self, run: _LaggedRun, seq: int, of: int) -> Finding:
        evidence = f"each of {run.pairs} chunks came again within {limits.MAX_LAG_CHUNKS}, from chunk {run.first} on"
        return Finding(kinds.DOUBLED, SUSPECTED, self._stage, seq, of, evidence, run.tell())


class _Run:
    """How many chunks in a row came twice, and what of it has been told."""

    __slots__ = ("_distinct", "_untold", "first", "pairs")

    def __init__(self) -> None:
        self.first = 0
        """The first chunk that came twice."""
        self.pairs = 0
        self._distinct: set[int] = set()
        self._untold = 0

    @property
    def contents(self) -> int:
        """How many different contents came twice; counted up to what makes certain."""
        return len(self._distinct)

    def tell(self) -> int:
        """Return how many pairs have not been told, which are told now."""
        untold, self._untold = self._untold, 0
        return untold

    def _pair(self, key: int, of: int) -> int:
        if not self.pairs:
            self.first = of
        self.pairs += 1
        self._untold += 1
        if len(self._distinct) < limits.LAGGED_PAIR_CONTENTS:
            self._distinct.add(key)
        return of

    def _break(self) -> None:
        self.pairs = self._untold = 0
        self._distinct.clear()


class _AdjacentRun(_Run):
    """Copies of neighbours, one behind the other.

    All groups of equal neighbours are as large as the number of copies, or a multiple of it where the model says
    something twice. It is 2 until three groups show that it is more.
    """

    # A worked example: `a a a  b b b  c c c  d d d d d d`. Until the third group ends, one copy of each group counts:
    # 2, 5 and 8. Then it is clear that each chunk comes three times, and 3, 6 and 9 count as well. Of the six `d`, the
    # first and the fourth are the model's own.

    __slots__ = ("_count", "_fold", "_groups", "_in_groups", "_key", "_seq")

    def __init__(self) -> None:
        super().__init__()
        self._key: int | None = None
        self._count = self._seq = 0
        self._fold = self._groups = self._in_groups = 0

    @property
    def is_suspicious(self) -> bool:
        return self.groups >= limits.SUSPECTED_PAIRS and len(self._distinct) >= limits.SUSPECTED_PAIR_CONTENTS

    @property
    def is_certain(self) -> bool:
        return self.groups >= limits.CERTAIN_PAIRS and len(self._distinct) >= limits.CERTAIN_PAIR_CONTENTS

    @property
    def groups(self) -> int:
        """How many chunks came several times."""
        return self.pairs // (self.times - 1)

    @property
    def times(self) -> int:
        """How often each chunk comes, 2 or more."""
        return max(self._fold, _TWICE) if self._groups >= _GROUPS else _TWICE

    def step(self, key: int, seq: int) -> int:
        """Return the number of the chunk that this one is the twin of, or 0."""
        before, self._seq = self._seq, seq
        if key != self._key:
            if self._count == 1:
                self._break()
            elif self._count:
                self._end_group()
            self._key, self._count = key, 1
            return 0
        # What the model itself says twice comes four times, so each second one is a twin.
        self._count += 1
        return self._pair(key, before) if (self._count - 1) % self.times else 0

    def _end_group(self) -> None:
        times = self.times
        self._fold = gcd(self._fold, self._count)
        self._groups += 1
        self._in_groups += self._count
        if self.times > times:
            more = self._in_groups - self._in_groups // self.times - self.pairs
            self.pairs += more
            self._untold += more

    def _break(self) -> None:
        super()._break()
        self._fold = self._groups = self._in_groups = 0


class _LaggedRun(_Run):
    """Pairs with others between them, none of which came only once."""

    __slots__ = ("_position", "_waiting")

    def __init__(self) -> None:
        super().__init__()
        self._position = 0
        self._waiting: dict[int, tuple[int, int]] = {}

    @property
    def is_suspicious(self) -> bool:
        return self.pairs >= limits.LAGGED_PAIRS and len(self._distinct) >= limits.LAGGED_PAIR_CONTENTS

    def step(self, key: int, seq: int) -> int:
        """Return the number of the chunk that this one is the twin of, or 0."""
        self._position += 1
        waited = self._waiting.pop(key, None)
        of = 0 if waited is None else self._pair(key, waited[1])
        if waited is None:
            self._waiting[key] = (self._position, seq)
        if self._waiting:
            oldest = next(iter(self._waiting))
            if self._position - self._waiting[oldest][0] > limits.MAX_LAG_CHUNKS:
                del self._waiting[oldest]
                self._break()
                return 0
        return of
