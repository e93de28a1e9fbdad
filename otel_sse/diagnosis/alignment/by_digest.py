"""A flow by digests: equal contents in the same order are the same chunk."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from otel_sse.diagnosis.alignment.by_range import cut_anew, is_cut_anew
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Passage, Piece
from otel_sse.lineage.lcs import Pairs, pairs

_NEAREST: Final = 64
"""Matched chunks that are tried as the origin of a repetition, counted back from the latest one."""

_EARLIEST: Final = 16
"""Matched chunks that are tried as well, counted from the answer's beginning."""

_NEAR: Final = 16
"""Matched chunks behind a repetition that may be its original. A second path may overtake the first by so many."""


# Worked example. Upstream 1-8 are `a b c d e f g h`, downstream 1-9 are `a c b d e d e X g`.
#
#   matched   a 1 = 1, c 3 = 2, d 4 = 4, e 5 = 5, g 7 = 9: the longest common subsequence
#   gaps      2 against nothing; nothing against 3; 6 against 6-8; 8 against nothing
#   remade    none: three chunks are too many to replace `f`. lost is [2, 6, 8], put_in is [3, 6, 7, 8]
#   moved     2 is lost and 3 put in, and both are `b`: 3 is 2 MOVED, behind 2. lost is [6, 8]
#   repeats   6-8 is one run; its `d e` was handed on as 4-5: 6 is 4 DOUBLED, 7 is 5 DOUBLED, 8 `X` is ADDED
#
# Out: 1 SAME, 2 SAME, 3 MOVED, 4 SAME, 5 SAME, 6 DOUBLED of 4, 7 DOUBLED of 5, 8 ADDED, 9 SAME; lost [6, 8].


def by_digests(up: Sequence[Piece], down: Sequence[Piece]) -> Flow:
    """Return the flow that equal contents show.

    Args:
        up: Content upstream, in order.
        down: Content downstream, in order.
    """
    ups, downs = [piece.digest for piece in up], [piece.digest for piece in down]
    matched = pairs(ups, downs)
    found = {j: Passage(down[j].seq, Fate.SAME, up[i].seq, up[i].seq) for i, j in matched}
    lost: list[int] = []
    put_in: list[int] = []
    for left_up, left_down in _gaps(matched, len(up), len(down)):
        remade = _remade(up[left_up.start : left_up.stop], down[left_down.start : left_down.stop])
        if remade:
            found.update(zip(left_down, remade, strict=True))
        else:
            lost += left_up
            put_in += left_down
    lost = _moved(up, down, found, lost, put_in)
    repeats = _Repeats(up, down, matched)
    for start, end in _runs([j for j in put_in if j not in found]):
        found.update(repeats.explain(start, end))
    return Flow([found[j] for j in range(len(down))], [up[i].seq for i in lost], recorded=False)


def _gaps(matched: Pairs, ups: int, downs: int) -> Iterator[tuple[range, range]]:
    """Yield the positions on both sides that lie unmatched between two neighbouring matches."""
    up = down = 0
    for i, j in [*matched, (ups, downs)]:
        if i > up or j > down:
            yield range(up, i), range(down, j)
        up, down = i + 1, j + 1


def _remade(up: Sequence[Piece], down: Sequence[Piece]) -> list[Passage]:
    """Return what the chunks in one gap are, if the chunks upstream in it were remade into them; else []."""
    if not up or not down:
        return []
    if len(up) == len(down):
        return [Passage(new.seq, Fate.CHANGED, old.seq, old.seq) for old, new in zip(up, down, strict=True)]
    if (ranges := cut_anew(up, down)) and is_cut_anew(up, down):
        return [Passage(piece.seq, Fate.REFRAMED, *ranges.get(piece.seq, (up[0].seq, up[-1].seq))) for piece in down]
    known = {piece.digest for piece in up}
    if any(piece.digest in known for piece in down) or len(down) > 2 * len(up):
        return []
    return [Passage(piece.seq, Fate.REPLACED, up[0].seq, up[-1].seq) for piece in down]


def _moved(
    up: Sequence[Piece], down: Sequence[Piece], found: dict[int, Passage], lost: Sequence[int], put_in: Sequence[int]
) -> list[int]:
    """Record a chunk as moved that is missing at one place and put in at another; return the rest of the missing."""
    waiting: dict[str, list[int]] = {}
    for j in reversed(put_in):
        waiting.setdefault(down[j].digest, []).append(j)
    left: list[int] = []
    for i in lost:
        if places := waiting.get(up[i].digest):
            j = places.pop()
            of = down[j - 1].seq if j else down[1].seq
            found[j] = Passage(down[j].seq, Fate.MOVED, up[i].seq, up[i].seq, of)
        else:
            left.append(i)
    return left


def _runs(positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for n, position in enumerate(positions):
        if n + 1 == len(positions) or positions[n + 1] != position + 1:
            yield positions[start], position + 1
            start = n + 1


class _Repeats:
    """Finds which earlier chunks a run of chunks repeats."""

    def __init__(self, up: Sequence[Piece], down: Sequence[Piece], matched: Pairs) -> None:
        self._up, self._down = up, down
        self._emitted = dict(matched)
        self._ends = [j for _, j in matched]
        self._matched = matched
        self._places: dict[str, list[int]] = {}
        for i, _ in matched:
            self._places.setdefault(up[i].digest, []).append(i)

    def explain(self, start: int, end: int) -> dict[int, Passage]:
        """Return what the chunks of one run are, by position; the run ends before `end`."""
        found: dict[int, Passage] = {}
        handed_on = bisect_left(self._ends, start)
        latest = self._matched[handed_on - 1][0] if handed_on else -1
        while start < end:
            size, at = self._longest(start, end, latest)
            for n in range(size):
                found[start + n] = self._again(start + n, at + n)
            if not size:
                found[start] = self._early(start, handed_on)
            start += max(size, 1)
        return found

    def _again(self, j: int, i: int) -> Passage:
        again = self._up[i].seq
        return Passage(self._down[j].seq, Fate.DOUBLED, again, again, self._down[self._emitted[i]].seq)

    def _early(self, j: int, handed_on: int) -> Passage:
        """A chunk that repeats no earlier one may be the first of two, if the matching took the second."""
        following = (i for i, _ in self._matched[handed_on : handed_on + _NEAR])
        same = next((i for i in following if self._up[i].digest == self._down[j].digest), None)
        return Passage(self._down[j].seq, Fate.ADDED) if same is None else self._again(j, same)

    def _longest(self, start: int, end: int, latest: int) -> tuple[int, int]:
        """Return how many chunks of the run's beginning were handed on before, and where they begin upstream."""
        best = (0, 0)
        places = self._places.get(self._down[start].digest, [])
        handed_on = bisect_right(places, latest)
        # A chunk most likely repeats a near one. An answer that is handed on again repeats its beginning.
        for at in dict.fromkeys(
            [*places[max(handed_on - _NEAREST, 0) : handed_on][::-1], *places[: min(handed_on, _EARLIEST)]]
        ):
            size = 0
            while start + size < end and at + size <= latest and self._is(at + size, start + size):
                size += 1
            best = max(best, (size, at))
            if start + size == end:
                break
        return best

    def _is(self, i: int, j: int) -> bool:
        return i in self._emitted and self._up[i].digest == self._down[j].digest
