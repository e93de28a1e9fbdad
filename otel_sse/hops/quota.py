"""Places for the streams that peers begin: so many in the whole process, whoever begins them and on however many
connections."""

from __future__ import annotations

import itertools
import logging
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Final

from otel_sse import limits
from otel_sse.recording import fork
from otel_sse.recording.recorder import StageRecord

logger = logging.getLogger("otel_sse")

_LOOKED_AT: Final = 16


class Place:
    """The place of one stream. It is taken until it is given back, also by the garbage collector.

    Args:
        number: A number that no other place has.
        quota: Where it was taken.
    """

    __slots__ = ("__weakref__", "_left", "_number", "_quota", "_reclaim")

    def __init__(self, number: int, quota: Quota) -> None:
        self._number = number
        self._quota = quota
        self._left = False
        self._reclaim: Callable[[], None] | None = None

    def works(self) -> None:
        """Take note that something of the stream is open."""
        self._quota.resting.pop(self._number, None)

    def rests(self, reclaim: Callable[[], None]) -> None:
        """Take note that nothing of the stream is open, though its connection is: the place may go to another one.

        Args:
            reclaim: Called where it does, to forget the stream; it must not hold the stream.
        """
        if not self._left:
            self._reclaim = reclaim
            self._quota.resting[self._number] = weakref.ref(self)

    def leave(self, records: Sequence[StageRecord]) -> None:
        """Give the place back as soon as what the stream has recorded is written, which may take the recorder a while.

        Args:
            records: The stream's stages.
        """
        self.works()
        if not self._left:
            self._left = True
            self._quota.leaving.append((self._number, records))

    def reclaim(self) -> None:
        """Forget the stream, so that another can have its place."""
        if self._reclaim is not None:
            self._reclaim()

    def __del__(self) -> None:
        # A collection may come at any moment, also within a method of `Quota`: nothing here takes a lock.
        if not self._left:
            self._quota.dropped(self._number)


class Quota:
    """The places of a process, `limits.MAX_PEER_STREAMS` of them."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._taken: set[int] = set()
        self.resting: OrderedDict[int, weakref.ref[Place]] = OrderedDict()
        """Those whose streams have nothing open, the longest first."""
        self.leaving: deque[tuple[int, Sequence[StageRecord]]] = deque()
        """Those whose streams are over, until all of them is written."""
        self._told = False
        fork.watch(self)

    def __len__(self) -> int:
        """Return how many are taken."""
        return len(self._taken)

    def take(self) -> Place | None:
        """Return a place, or None where all are taken by streams of which something is open or unwritten."""
        self._give_back()
        if len(self._taken) >= limits.MAX_PEER_STREAMS:
            self._reclaim()
            if len(self._taken) >= limits.MAX_PEER_STREAMS:
                self._tell()
                return None
        number = next(self._numbers)
        self._taken.add(number)
        return Place(number, self)

    def dropped(self, number: int) -> None:
        """Give the place of a stream back that nobody holds any more and nobody has ended."""
        self.resting.pop(number, None)
        self._taken.discard(number)

    def after_fork(self) -> None:
        """Begin anew: the parent's streams are not this process's."""
        self._taken.clear()
        self.resting.clear()
        self.leaving.clear()

    def _give_back(self) -> None:
        # A few at a time: one that is never written is to keep no other waiting, and nobody is to wait for this.
        for _ in range(min(len(self.leaving), _LOOKED_AT)):
            number, records = self.leaving.popleft()
            if all(map(_is_written, records)):
                self._taken.discard(number)
                _take_apart(records)
            else:
                self.leaving.append((number, records))

    def _reclaim(self) -> None:
        try:
            number, found = self.resting.popitem(last=False)
        except KeyError:
            return
        place = found()
        if place is None:
            self._taken.discard(number)
        else:
            place.reclaim()
            self._give_back()

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            logger.warning(
                "peers have begun more than %d streams on WebSockets; further ones are passed on and not observed, "
                "and their messages counted in sse.recorder.dropped",
                limits.MAX_PEER_STREAMS,
            )


def _is_written(record: StageRecord) -> bool:
    return record.discarded or (record.ended and not record.span.is_recording())


def _take_apart(records: Sequence[StageRecord]) -> None:
    # They hold one another in circles, and would wait for the garbage collector: megabytes, where many come and go.
    for record in records:
        record.monitor.edge = None
        record.upstreams.clear()


peer_streams: Final = Quota()
