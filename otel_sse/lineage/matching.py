"""Two sequences of digests, matched in order: which element downstream is which upstream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

_ANCHOR: Final = 12
"""Equal neighbours that are taken as the same place at once. Fewer may be a coincidence: tokens repeat."""

_BAND: Final = 96
"""How far from the straight line between two anchors a match is looked for, in elements upstream."""

_MATCH, _AGAIN, _CHANGED, _LEFT_OUT, _ADDED = 4, 1, -1, -2, -2
"""What each step is worth: equal digests, a second emission, another digest in its place, dropped, put in."""

_Block = tuple[int, int, int, int]


def match(upstream: Sequence[str], downstream: Sequence[str]) -> dict[int, int]:
    """Return position downstream → position upstream, for elements that are equal and stand in the same order.

    An element may be matched several times: further emissions of it stand right after its first.

    Args:
        upstream: Digests in order.
        downstream: Likewise.
    """
    matched: dict[int, int] = {}
    for block in _blocks(upstream, downstream, matched):
        matched.update(_Grid(upstream, downstream, block).path())
    for j in range(len(downstream) - 2, -1, -1):
        if j not in matched and downstream[j] == downstream[j + 1] and j + 1 in matched:
            # The second emission was taken for the first.
            matched[j] = matched[j + 1]
    return dict(sorted(matched.items()))


def _blocks(upstream: Sequence[str], downstream: Sequence[str], matched: dict[int, int]) -> Iterator[_Block]:
    """What lies between anchors; the anchors themselves are put into `matched`."""
    i = j = 0
    for start_i, start_j, size in _anchors(upstream, downstream):
        yield i, start_i, j, start_j
        matched.update((start_j + n, start_i + n) for n in range(size))
        i, j = start_i + size, start_j + size


def _anchors(upstream: Sequence[str], downstream: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    head = _common(upstream, downstream)
    rest_up, rest_down = upstream[head:], downstream[head:]
    tail = _common(rest_up[::-1], rest_down[::-1])
    yield 0, 0, head
    middle_up, middle_down = rest_up[: len(rest_up) - tail], rest_down[: len(rest_down) - tail]
    for block in SequenceMatcher(None, middle_up, middle_down, autojunk=False).get_matching_blocks():
        if block.size >= _ANCHOR:
            yield head + block.a, head + block.b, block.size
    yield len(upstream) - tail, len(downstream) - tail, tail


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


class _Grid:
    """The best way through one block, by dynamic programming in a band along its diagonal.

    Args:
        upstream: All digests.
        downstream: All digests.
        block: Its first and past-the-last positions upstream, then downstream.
    """

    def __init__(self, upstream: Sequence[str], downstream: Sequence[str], block: _Block) -> None:
        self._up = upstream
        self._down = downstream
        self._i0, self._i1, self._j0, self._j1 = block

    def path(self) -> dict[int, int]:
        """Return the matches on the best way."""
        if self._i0 == self._i1 and not self._i0:
            return {}
        steps = [self._first_row()]
        scores = {i: _LEFT_OUT * (i - self._i0) for i in steps[0]}
        for j in range(self._j0, self._j1):
            scores, row = self._row(j, scores)
            steps.append(row)
        return self._back(steps)

    def _band(self, rows: int) -> range:
        height, width = self._j1 - self._j0, self._i1 - self._i0
        middle = self._i0 + (width * rows // height if height else 0)
        # The last row has to reach the corner, whatever the band.
        return range(max(self._i0, middle - _BAND), min(self._i1, middle + _BAND) + 1)

    def _first_row(self) -> dict[int, str]:
        return dict.fromkeys(self._band(0), "left out")

    def _row(self, j: int, above: dict[int, int]) -> tuple[dict[int, int], dict[int, str]]:
        up, digest, lowest = self._up, self._down[j], -(10**9)
        scores: dict[int, int] = {}
        row: dict[int, str] = {}
        left = lowest
        for i in self._band(j - self._j0 + 1):
            same_before = i > 0 and up[i - 1] == digest
            over, across = above.get(i, lowest), above.get(i - 1, lowest) if i > self._i0 else lowest
            best, step = over + (_AGAIN if same_before else _ADDED), "again" if same_before else "added"
            if (score := across + (_MATCH if same_before else _CHANGED)) > best:
                best, step = score, "match" if same_before else "changed"
            if (score := left + _LEFT_OUT) > best:
                best, step = score, "left out"
            scores[i] = left = best
            row[i] = step
        return scores, row

    def _back(self, steps: list[dict[int, str]]) -> dict[int, int]:
        found: dict[int, int] = {}
        i, j = self._i1, self._j1
        while j > self._j0 and i >= self._i0:
            step = steps[j - self._j0].get(i, "left out")
            if step in ("match", "again"):
                found[j - 1] = i - 1
            if step in ("match", "changed", "left out"):
                i -= 1
            if step != "left out":
                j -= 1
        return found
