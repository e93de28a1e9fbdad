"""Which chunks upstream a chunk downstream was made from, as numbers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Ranges = dict[int, tuple[int, int]]
"""Number of a chunk downstream → first and last number of the chunks upstream that it was made from."""


class Intervals:
    """Numbers that lie in one of several ranges, however wide these are.

    Args:
        ranges: First and last number of each, in any order.
    """

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted(ranges):
            if self._lasts and first <= self._lasts[-1]:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]
