"""A flow by digests: equal contents in the same order are the same chunks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from otel_sse.diagnosis.alignment.by_range import cut_anew, is_cut_anew
from otel_sse.diagnosis.alignment.flow import (
    ADDED,
    AGAIN,
    CHANGED,
    MOVED,
    REFRAMED,
    REPLACED,
    SAME,
    Flow,
    Passage,
    Piece,
)
from otel_sse.diagnosis.alignment.lcs import Pairs, pairs

_NEAREST: Final = 64
"""Places upstream, back from where the answer has come to, at which a repetition is looked for."""

_EARLIEST: Final = 16
"""The same, from the answer's beginning."""


_NEAR: Final = 16
"""Chunks that a second path may lag behind, likewise."""


def by_digests(up: Sequence[Piece], down: Sequence[Piece]) -> Flow:
    """Return the flow that equal contents tell of.

    Args:
        up: Content upstream, in order.
        down: Content downstream, in order.
    """
    ups, downs = [piece.digest for piece in up], [piece.digest for piece in down]
    matched = pairs(ups, downs)
    found = {j: Passage(down[j].seq, SAME, up[i].seq, up[i].seq) for i, j in matched}
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
    """What lies unmatched between two neighbouring matches, on both sides."""
    up = down = 0
    for i, j in [*matched, (ups, downs)]:
        if i > up or j > down:
            yield range(up, i), range(down, j)
        up, down = i + 1, j + 1


def _remade(up: Sequence[Piece], down: Sequence[Piece]) -> list[Passage]:
    """What the chunks in one gap are, where they were made from those on the other side of it; [] for none."""
    if not up or not down:
        return []
    if len(up) == len(down):
        return [Passage(new.seq, CHANGED, old.seq, old.seq) for old, new in zip(up, down, strict=True)]
    if (ranges := cut_anew(up, down)) and is_cut_anew(up, down):
        return [Passage(piece.seq, REFRAMED, *ranges.get(piece.seq, (up[0].seq, up[-1].seq))) for piece in down]
    known = {piece.digest for piece in up}
    if any(piece.digest in known for piece in down) or len(down) > 2 * len(up):
        return []
    return [Passage(piece.seq, REPLACED, up[0].seq, up[-1].seq) for piece in down]


def _moved(
    up: Sequence[Piece], down: Sequence[Piece], found: dict[int, Passage], lost: Sequence[int], put_in: Sequence[int]
) -> list[int]:
    """Tie what is missing at one place and too many at another; return what is still missing."""
    waiting: dict[str, list[int]] = {}
    for j in reversed(put_in):
        waiting.setdefault(down[j].digest, []).append(j)
    left: list[int] = []
    for i in lost:
        if places := waiting.get(up[i].digest):
            j = places.pop()
            of = down[j - 1].seq if j else down[1].seq
            found[j] = Passage(down[j].seq, MOVED, up[i].seq, up[i].seq, of)
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
    """Says of chunks that were put in what they repeat, if anything that had been handed on before."""

    def __init__(self, up: Sequence[Piece], down: Sequence[Piece], matched: Pairs) -> None:
        self._up, self._down = up, down
        self._emitted = dict(matched)
        self._ends = [j for _, j in matched]
        self._matched = matched
        self._places: dict[str, list[int]] = {}
        for i, _ in matched:
            self._places.setdefault(up[i].digest, []).append(i)

    def explain(self, start: int, end: int) -> dict[int, Passage]:
        """Return what the chunks of one run are."""
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
        return Passage(self._down[j].seq, AGAIN, again, again, self._down[self._emitted[i]].seq)

    def _early(self, j: int, handed_on: int) -> Passage:
        """What repeats nothing that was handed on before may be the first of two, of which the second was matched."""
        following = (i for i, _ in self._matched[handed_on : handed_on + _NEAR])
        same = next((i for i in following if self._up[i].digest == self._down[j].digest), None)
        return Passage(self._down[j].seq, ADDED) if same is None else self._again(j, same)

    def _longest(self, start: int, end: int, latest: int) -> tuple[int, int]:
        """The longest beginning of the run that was handed on before, and where it begins upstream."""
        best = (0, 0)
        places = self._places.get(self._down[start].digest, [])
        handed_on = bisect_right(places, latest)
        # The nearest are likeliest for a chunk, and the first ones for an answer that is handed on again.
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
