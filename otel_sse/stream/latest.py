"""The latest few numbers of a kind that most streams have none of."""

from __future__ import annotations


class Latest(list[int]):
    """A list that `keep` adds to and holds to so many, the latest ones.

    Not a deque with a bound, which takes 600 bytes while it is empty: many streams may be open, and most never use it.

    Args:
        most: How many are kept, 1 or more.
    """

    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def keep(self, number: int) -> None:
        """Add a number, if it is not the latest one already; the oldest one goes where there are too many."""
        if self and self[-1] == number:
            return
        self.append(number)
        if len(self) > self._most:
            del self[0]
