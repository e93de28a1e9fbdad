"""Upstream chunks that did not go on, or went on late: a fault once that is sure, if their channel does go on."""

from __future__ import annotations

from collections.abc import Sequence

from otel_sse import limits
from otel_sse.lineage.matching import Moved
from otel_sse.lineage.pending import Passed
from otel_sse.lineage.shares import Shares
from otel_sse.stream.chunk import Chunk


class Missing:
    """The chunks of one edge that are missing, until they are lost, come late, or were meant to be left out.

    Those that have come late wait as well: their channel may turn out to be left out, so that they are none of it.
    """

    __slots__ = ("_doubtful", "_moved", "_waiting", "shares")

    def __init__(self) -> None:
        self._waiting: list[tuple[Chunk, int]] = []
        self._moved: list[Moved] = []
        self._doubtful = False
        self.shares = Shares()
        """What goes on of each channel."""

    def __bool__(self) -> bool:
        return bool(self._waiting or self._moved)

    def add(self, missing: Sequence[tuple[Chunk, int]]) -> None:
        """Add chunks, each with the number of the chunk that came instead; `limits.MAX_MISSING_NUMBERS` are kept."""
        self._waiting += missing
        del self._waiting[: -limits.MAX_MISSING_NUMBERS]

    def add_moved(self, moved: Sequence[Moved]) -> None:
        """Add chunks that came late; `limits.MAX_MISSING_NUMBERS` are kept."""
        self._moved += moved
        del self._moved[: -limits.MAX_MISSING_NUMBERS]

    def moved(self, seq: int) -> list[Moved]:
        """Forget and return the chunks that came late so long before chunk `seq` that it is sure."""
        if not self._moved:
            return []
        sure = [one for one in self._moved if seq >= one[1].seq + limits.MAX_LATE_CHUNKS]
        self._moved = self._moved[len(sure) :]
        return [one for one in sure if not self._doubtful and not self.is_left_out(one[0])]

    def take_back(self, before: Sequence[Passed]) -> set[int]:
        """Forget the chunks among the latest ones, because they are judged anew; return their identities."""
        known = {id(up) for up, down in before if down is None}
        found = {id(chunk) for chunk, _ in self._waiting if id(chunk) in known}
        self._waiting = [one for one in self._waiting if id(one[0]) not in found]
        return found

    def doubt(self, *, is_unclear: bool) -> None:
        """Take note that a chunk may have come from another source than was recorded: then no loss is sure."""
        self._doubtful |= is_unclear

    def is_left_out(self, chunk: Chunk) -> bool:
        """Whether nothing or almost nothing of a chunk's channel goes on."""
        return self.shares.is_left_out(chunk.channel)

    def overdue(self, seq: int) -> list[tuple[Chunk, int]]:
        """Forget and return what is missing so long before chunk `seq` of the next stage that it can't come late."""
        late = [one for one in self._waiting if seq >= one[1] + limits.MAX_LATE_CHUNKS]
        if late:
            self._waiting = self._waiting[len(late) :]
        return self._lost(late)

    def rest(self) -> list[tuple[Chunk, int]]:
        """Forget and return all that is missing: the stage has ended."""
        rest, self._waiting = self._waiting, []
        return self._lost(rest)

    def _lost(self, missing: Sequence[tuple[Chunk, int]]) -> list[tuple[Chunk, int]]:
        if self._doubtful:
            return []
        return [one for one in missing if not self.is_left_out(one[0])]
