"""Every chunk n times: A A B B where two paths push each chunk, A B A C B C where the second one lags."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from operator import eq
from typing import Final

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding

_MOSTLY_DIFFERENT: Final = 0.6
"""Share of different contents in a look above which no second path can lag behind the first among them."""

_EQUAL_NEIGHBOURS: Final = 3
"""Neighbours in a look that are equal before it is looked at more closely: most looks have none."""

_LONGEST_GROUP: Final = 16
"""Equal neighbours that are counted as one group; a longer one counts as so many."""

_ENOUGH: Final = 32
"""Chunks in which a run shows; fewer are looked at together with those before them."""


class DoubledDetector:
    """Finds runs in which every chunk has a twin, by content alone.

    Models repeat tokens all the time; what they do not do is to say each one twice over a whole run of different ones.
    A run is judged by how many different contents came in pairs without one between them that came once. Of three equal
    neighbours in a run of threes two are copies: how many copies there are is the least that all contents have.

    Content alone makes certain only where the whole stream so far is one such run, in the dialect of a model's vendor.

    A look at many chunks costs little where hardly any equals its neighbour and they are mostly different, as they
    nearly always are; only where they are not is each one looked at.

    Args:
        stage: The stage's name, for findings.
        told: Chunks that are known to be duplicates already, which are not told again.
    """

    __slots__ = ("_before", "_calm", "_first", "_runs", "_stage", "_told", "sure")

    def __init__(self, stage: str, told: Collection[int] = ()) -> None:
        self._stage = stage
        self._told = told
        self.sure = True
        """Whether pairs are proof from some number on; else they are only suspected, however many there are."""
        self._first = 0
        """The stream's first chunk with content."""
        self._before: tuple[Sequence[int], Sequence[int]] = ((), ())
        self._runs: tuple[_AdjacentRun, _LaggedRun] | None = None
        self._calm = 0

    @property
    def active(self) -> bool:
        """Whether a run has been told, so that the next chunk may belong to it."""
        runs = self._runs
        return runs is not None and (runs[0].is_suspicious or runs[1].is_suspicious)

    @property
    def is_paired(self) -> bool:
        """Whether each chunk so far came more than once, as the next one shows of the latest."""
        if self._runs is not None:
            return self._runs[0].first == self._first
        keys, seqs = self._before
        return not keys or (seqs[0] == self._first and list(keys[:-1:2]) == list(keys[1::2]))

    def look(self, keys: Sequence[int], seqs: Sequence[int]) -> list[Finding]:
        """Return findings about chunks that came twice.

        Args:
            keys: What tells contents apart, of the chunks since the last look.
            seqs: Their numbers.
        """
        self._first = self._first or next(iter(seqs), 0)
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
        times = "twice" if run.copies == 2 else f"{run.copies} times each"
        evidence = f"{run.pairs} chunks in a row came {times}, {run.contents} different ones, from chunk {run.first} on"
        everything = run.first == self._first and run.contents >= limits.EVERY_CHUNK_CONTENTS
        certainty = CERTAIN if self.sure and everything else SUSPECTED
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
        if len(self._distinct) < limits.EVERY_CHUNK_CONTENTS:
            self._distinct.add(key)
        return of

    def _break(self) -> None:
        self.pairs = self._untold = 0
        self._distinct.clear()


class _AdjacentRun(_Run):
    """Groups of equal neighbours, one behind the other."""

    # A worked example, each chunk three times, A A A B B B C C C D D D:
    #
    #   A A A     copies of A, how many is not known before the group is whole
    #   B         that was a group of three: `copies` is 3, and the group holds two
    #   B B ...   each but the first of three is a copy
    #   D D       four groups: told, with all seven copies so far
    #
    # What a model says twice itself (B B) comes six times then, and the first and the fourth are no copies.

    __slots__ = ("_count", "_key", "_lengths", "_of", "_said", "copies")

    def __init__(self) -> None:
        super().__init__()
        self._key: int | None = None
        self._count = self._of = self._said = 0
        self._lengths: dict[int, int] = {}
        self.copies = 0
        """How often each content came: as often as the least of the whole groups; 0 before the first."""

    @property
    def is_suspicious(self) -> bool:
        return self.pairs >= limits.SUSPECTED_PAIRS and len(self._distinct) >= limits.SUSPECTED_PAIR_CONTENTS

    def tell(self) -> int:
        untold = max(self._copied() - self._said, 0)
        self._said += untold
        return untold

    def step(self, key: int, seq: int) -> int:
        """Return the number of the chunk that this one is a copy of, or 0."""
        if key != self._key:
            self._end_group()
            self._key, self._count, self._of = key, 1, seq
            return 0
        self._count += 1
        place = (self._count - 1) % self.copies if self.copies else self._count - 1
        if not place:
            self._of = seq
            return 0
        return self._pair(key, self._of) if place == 1 else self._of

    def _end_group(self) -> None:
        if self._count == 1:
            self._break()
        elif self._count:
            length = min(self._count, _LONGEST_GROUP)
            self._lengths[length] = self._lengths.get(length, 0) + 1
            self.copies = min(self.copies or length, length)

    def _copied(self) -> int:
        """Return how many of all chunks of the run are copies."""
        copies = self.copies or _LONGEST_GROUP
        lengths = [*self._lengths.items(), (self._count, 1)]
        return sum(times * (length - -(-length // copies)) for length, times in lengths)

    def _break(self) -> None:
        super()._break()
        self._lengths.clear()
        self.copies = self._said = 0


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
