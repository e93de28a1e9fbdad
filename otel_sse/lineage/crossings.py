"""What has crossed one stage and waits to be claimed by the next: lineage as it happens, in one process."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from otel_sse import limits


class Claim(NamedTuple):
    """What a chunk was made from.

    Args:
        first: First upstream `seq`; 0 where nothing upstream is known to be in the chunk.
        last: Last upstream `seq`; 0 likewise.
        time_ns: When the last of them crossed upstream, on the stages' common clock; 0 likewise.
    """

    first: int
    last: int
    time_ns: int


NOTHING: Final = Claim(0, 0, 0)

_Crossing = tuple[int, str, int]


class Crossings:
    """The chunks of one stage that no chunk of the next stage has claimed yet, in order.

    A chunk downstream was made from what had been pulled when it was handed on. Where its digest is that of the
    oldest chunk that waits, it is that chunk. Else it repeats one that was claimed a moment ago, or others were left
    out before it, or it was made anew from all that waits. Memory is bounded: what waits too long is forgotten.

    The upstream stage's thread adds, the downstream stage's thread claims; a deque lets them.
    """

    __slots__ = ("_last", "_recent", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[_Crossing] = deque(maxlen=limits.MAX_WAITING_CROSSINGS)
        self._recent: deque[_Crossing] = deque(maxlen=limits.MAX_RECENT_CROSSINGS)
        self._last = NOTHING

    def add(self, seq: int, digest: str, time_ns: int) -> None:
        """Take note that a chunk has crossed the upstream stage."""
        self._waiting.append((seq, digest, time_ns))

    def claim(self, digest: str, content: bool) -> Claim:
        """Return which upstream chunks a chunk with this digest was made from, and take them off.

        Args:
            digest: The downstream chunk's.
            content: Whether it carries content. What carries none and equals nothing upstream (a keep-alive, an added
                end mark) was made from nothing.
        """
        waiting = self._waiting
        if waiting and waiting[0][1] == digest:
            return self._take(waiting.popleft())
        return self._claim_other(digest, content)

    def _claim_other(self, digest: str, content: bool) -> Claim:
        for seq, recent, time_ns in reversed(self._recent):
            if recent == digest:
                return Claim(seq, seq, time_ns)
        for position, crossing in enumerate(list(self._waiting)):
            if crossing[1] == digest:
                return self._skip_to(position)
        if not content:
            return NOTHING
        return self._take_all() if self._waiting else self._last

    def _take(self, crossing: _Crossing) -> Claim:
        self._recent.append(crossing)
        seq, _, time_ns = crossing
        self._last = Claim(seq, seq, time_ns)
        return self._last

    def _skip_to(self, position: int) -> Claim:
        for _ in range(position):
            self._waiting.popleft()
        return self._take(self._waiting.popleft())

    def _take_all(self) -> Claim:
        first = self._waiting[0][0]
        for _ in range(len(self._waiting)):
            self._take(self._waiting.popleft())
        return self._last._replace(first=first)
