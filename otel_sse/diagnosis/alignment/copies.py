"""Chunks that came again, told from chunks of a stage's own that equal one by chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Passage

_RUN: Final = 3
"""Copies of neighbours, in their order, from which no chance makes them."""

_LONG_RUN: Final = 8
"""The same where they stand among chunks of the stage's own."""

_SHARE: Final = 3
"""Of how many chunks one must have come again, for that to be no chance wherever it stands."""

_MOST_BLOCKS: Final = 2
"""Blocks of a stage's own text beside which one chunk that follows its equal is still a copy: a beginning and an end.
Where a stage says more between chunks, a word of it soon stands beside an equal one."""

_MOSTLY: Final = 0.6
"""Share of a block that one run of copies must have."""


# Worked example. Upstream 1-6 are `The fog and the bell .`; downstream `Note: the bell . The fog fog and the bell .`
#
#   blocks    1-4 `Note: the bell .`: added, 4 DOUBLED of upstream 4, 5 and 6; and 7, `fog`, DOUBLED of upstream 2
#   1-4       has a chunk of the stage's own, `Note:`, and no run of 8 copies: all four are added
#   7         stands alone, right behind the chunk that it equals: a copy. It is unsure, because the stage says words of
#             its own elsewhere
#
# Out: 1-4 ADDED, 7 DOUBLED; unsure {7}.


def cut_twice(flow: Flow, digests: Mapping[int, str]) -> Flow:
    """Return a flow in which a piece that was cut anew and comes at once again is a copy.

    Args:
        flow: The flow.
        digests: Digests downstream, by number.
    """
    passages = list(flow.passages)
    unsure: set[int] = set()
    for n, (one, two) in enumerate(pairwise(flow.passages), 1):
        if {one.fate, two.fate} == {Fate.REFRAMED, Fate.ADDED} and digests[one.seq] == digests[two.seq]:
            cut = one if one.fate == Fate.REFRAMED else two
            passages[n - 1] = cut._replace(seq=one.seq)
            passages[n] = Passage(two.seq, Fate.DOUBLED, cut.first, cut.last, one.seq)
            unsure.add(two.seq)
    return msgspec.structs.replace(flow, passages=passages, unsure=flow.unsure | unsure) if unsure else flow


def told_apart(flow: Flow, upstream: Sequence[int], digests: Mapping[int, str]) -> Flow:
    """Return a flow in which what only equals a chunk by chance is added.

    A copy follows its original, or is one of a run of copies whose originals follow one another. A chunk elsewhere that
    equals an earlier one is text of the stage's own.

    Args:
        flow: The flow.
        upstream: Numbers of the content upstream, in order.
        digests: Digests upstream, by number.
    """
    if any(passage.fate == Fate.DOUBLED for passage in flow.passages):
        places = {seq: place for place, seq in enumerate(upstream)}
        passages, unsure = _Copies(flow.passages, places, digests).told()
        return msgspec.structs.replace(flow, passages=passages, unsure=flow.unsure | unsure)
    return flow


class _Copies:
    def __init__(self, passages: Sequence[Passage], places: dict[int, int], digests: Mapping[int, str]) -> None:
        self._passages = list(passages)
        self._places, self._digests = places, digests
        self._blocks = list(_blocks(passages))
        self._own = sum(self._has_own(block) for block in self._blocks)
        self._at = {passage.seq: n for n, passage in enumerate(passages)}
        self._lagging = self._behind()

    def told(self) -> tuple[list[Passage], frozenset[int]]:
        many = self._are_many()
        unsure: set[int] = set()
        for block in self._blocks:
            doubled = [n for n in block if self._passages[n].fate == Fate.DOUBLED]
            if not doubled or (many and not self._has_own(block)):
                continue
            if not self._is_copy(block):
                for n in doubled:
                    self._passages[n] = Passage(self._passages[n].seq, Fate.ADDED)
            elif self._has_own(block) or (self._own and not self._lagging.issuperset(doubled)):
                unsure.update(self._passages[n].seq for n in doubled)
        return self._passages, frozenset(unsure)

    def _are_many(self) -> bool:
        """Whether so many chunks came again that it is no chance, wherever they stand."""
        pure = [block for block in self._blocks if not self._has_own(block)]
        count = sum(map(len, pure))
        if count < _RUN or count * _SHARE < len(self._places) or self._own > 1:
            return False
        return count >= _MOSTLY * len(self._places) or len(pure) >= _RUN

    def _has_own(self, block: range) -> bool:
        return any(self._passages[n].fate == Fate.ADDED for n in block)

    def _is_copy(self, block: range) -> bool:
        longest = max(self._runs(block), key=len)
        if self._has_own(block):
            return len(longest) >= _LONG_RUN and self._is_varied(longest)
        if len(longest) < _MOSTLY * len(block):
            return False
        if self._lagging.issuperset(longest):
            return True
        if self._follows(longest):
            return self._own <= _MOST_BLOCKS
        return len(longest) >= _RUN + bool(self._own) and self._is_varied(longest)

    def _follows(self, run: Sequence[int]) -> bool:
        """Whether a run of copies stands right behind, or right before, the chunks that it repeats."""
        first = self._passages[run[0]]
        return abs(run[0] - self._at.get(first.of, -len(self._at))) == len(run)

    def _is_varied(self, run: Sequence[int]) -> bool:
        return len({self._digests[self._passages[n].first] for n in run}) > 1

    def _runs(self, block: range) -> Iterator[list[int]]:
        """The runs of copies of neighbours in a block."""
        run: list[int] = []
        for n in block:
            if run and self._is_next(run[-1], n):
                run.append(n)
                continue
            if run:
                yield run
            run = [n] if self._passages[n].fate == Fate.DOUBLED else []
        yield run

    def _is_next(self, before: int, after: int) -> bool:
        one, two = self._passages[before], self._passages[after]
        return two.fate == Fate.DOUBLED and self._places[two.first] == self._places[one.first] + 1

    def _behind(self) -> set[int]:
        """The copies of a second path: of neighbours, in their order, at the same distance, between other chunks."""
        found: set[int] = set()
        chain: list[int] = []
        for n in (n for n, passage in enumerate(self._passages) if passage.fate == Fate.DOUBLED):
            if chain and not (self._is_next(chain[-1], n) and self._lag(n) == self._lag(chain[-1])):
                chain = []
            chain.append(n)
            if len(chain) >= _RUN and self._is_varied(chain):
                found.update(chain)
        return found

    def _lag(self, n: int) -> int:
        return n - self._at.get(self._passages[n].of, n)


def _blocks(passages: Sequence[Passage]) -> Iterator[range]:
    """The runs of neighbouring chunks that were added or came again."""
    start = None
    for n, passage in enumerate([*passages, Passage(0, Fate.SAME)]):
        if passage.fate in (Fate.ADDED, Fate.DOUBLED):
            start = n if start is None else start
        elif start is not None:
            yield range(start, n)
            start = None
