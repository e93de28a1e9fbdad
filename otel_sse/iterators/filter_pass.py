"""One pass of a stream through a filter. A filter that raises is taken out, and loses no chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Protocol

from otel_sse.recording.guard_tally import GuardTally
from otel_sse.telemetry.clock import now_ns


class Filter(Protocol):
    """Decides which chunks of one pass over a stream are handed on."""

    def feed(self, item: Any, time_ns: int) -> Sequence[Any]:
        """Return the chunks to hand on, in order, after `item` has come at `time_ns`."""

    def end(self) -> Sequence[Any]:
        """Return the pending chunks, at the end of the stream."""

    def close(self) -> None:
        """Report what is not reported yet, where the pass is left before the end of the stream."""


class FilterPass:
    """One pass of a stream through its filter. After an exception of the filter all chunks are handed on.

    Args:
        made: The filter.
        tally: Counts for its guard.
    """

    __slots__ = ("_filter", "_tally")

    def __init__(self, made: Filter, tally: GuardTally) -> None:
        self._filter: Filter | None = made
        self._tally = tally

    def feed(self, item: Any) -> Sequence[Any]:
        """Return the chunks to hand on, in order, after `item` has come."""
        if self._filter is None:
            return (item,)
        try:
            return self._filter.feed(item, now_ns())
        except Exception as error:
            waiting, self._filter = self._rest(), None
            self._tally.failed(error)
            return [*waiting, item]

    def end(self) -> Sequence[Any]:
        """Return the pending chunks, at the end of the stream."""
        waiting, self._filter = self._rest(), None
        return waiting

    def close(self) -> None:
        """Report what the filter did, however the pass has ended. A second call changes nothing."""
        if self._filter is not None:
            self._filter.close()
        self._filter = None
        self._tally.end()

    def _rest(self) -> Sequence[Any]:
        try:
            return () if self._filter is None else self._filter.end()
        except Exception as error:
            self._filter = None
            self._tally.failed(error)
            return ()


Begin = Callable[[], FilterPass]
"""Begins a pass."""


async def filter_async(iterator: Any, begin: Begin) -> AsyncIterator[Any]:
    """Yield the chunks of an async iterator that a filter hands on.

    Args:
        iterator: What is iterated.
        begin: Begins the pass, with the first pull.
    """
    one = begin()
    try:
        while True:
            try:
                item = await iterator.__anext__()
            except StopAsyncIteration:
                break
            for piece in one.feed(item):
                yield piece
        for piece in one.end():
            yield piece
    finally:
        one.close()
        if hasattr(iterator, "asend"):
            await iterator.aclose()


def filter_sync(iterator: Any, begin: Begin) -> Iterator[Any]:
    """Yield the chunks of a sync iterator that a filter hands on.

    Args:
        iterator: What is iterated.
        begin: Begins the pass, with the first pull.
    """
    one = begin()
    try:
        while True:
            try:
                item = next(iterator)
            except StopIteration:
                break
            yield from one.feed(item)
        yield from one.end()
    finally:
        one.close()
        # A loop does not close other iterators at its end, such as files.
        if hasattr(iterator, "send"):
            iterator.close()
