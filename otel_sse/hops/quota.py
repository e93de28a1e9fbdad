"""The quota of streams that peers may begin in this process, over all connections."""

from __future__ import annotations

import itertools
import logging
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import Final

from otel_sse import limits
from otel_sse.recording import fork
from otel_sse.recording.stage_record import StageRecord

logger = logging.getLogger("otel_sse")

_LOOKED_AT: Final = 16


class Place:
    """The place of one stream in the quota. The garbage collector gives it back where nobody else does.

    A place works while a stage of its stream is open, and rests while none is. A resting place may be reclaimed for
    another stream. A place that is left comes back once all stages of its stream are written.

    Args:
        number: A number that no other place has.
        quota: The quota that it was taken from.
    """

    __slots__ = ("__weakref__", "_left", "_number", "_quota", "_reclaim")

    def __init__(self, number: int, quota: Quota) -> None:
        self._number = number
        self._quota = quota
        self._left = False
        self._reclaim: Callable[[], None] | None = None

    def works(self) -> None:
        """Mark the place as working: a stage of its stream is about to begin."""
        self._quota.resting.pop(self._number, None)

    def rests(self, reclaim: Callable[[], None]) -> None:
        """Mark the place as resting: no stage of its stream is open, though its connection is.

        Args:
            reclaim: Forgets the stream; called where another stream needs the place. It must not hold the stream.
        """
        if not self._left:
            self._reclaim = reclaim
            self._quota.resting[self._number] = weakref.ref(self)

    def leave(self, records: Sequence[StageRecord]) -> None:
        """Give the place back, as soon as the recorder has written the stages of the stream.

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
        # The garbage collector may run at any moment, also within a method of `Quota`, so this takes no lock.
        if not self._left:
            self._quota.dropped(self._number)


class Quota:
    """The places of a process: `limits.MAX_PEER_STREAMS`."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._taken: set[int] = set()
        self.resting: OrderedDict[int, weakref.ref[Place]] = OrderedDict()
        """Resting places, the one that rests longest first."""
        self.leaving: deque[tuple[int, Sequence[StageRecord]]] = deque()
        """Places that were left, with the stages that are still to be written."""
        self._told = False
        fork.watch(self)

    def __len__(self) -> int:
        """Return how many places are taken."""
        return len(self._taken)

    def take(self) -> Place | None:
        """Return a place, or None where all are taken.

        A full quota reclaims the place that rests longest. That comes back only once its stages are written.
        """
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
        """Give back the place of a stream that was never ended, as the garbage collector finds it."""
        self.resting.pop(number, None)
        self._taken.discard(number)

    def after_fork(self) -> None:
        """Forget all places, because the parent's streams are not this process's."""
        self._taken.clear()
        self.resting.clear()
        self.leaving.clear()

    def _give_back(self) -> None:
        # A few at a time, so that it stays quick. A stage that is never written must not hold back those behind it.
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
    # Stages refer to one another in circles. Left to the garbage collector, many short streams pile up megabytes.
    for record in records:
        record.monitor.edge = None
        record.upstreams.clear()


peer_streams: Final = Quota()
