"""One pass of a stream through a filter: what the filter withholds stays out, and what it breaks on is handed on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, Protocol

from otel_sse.recording.guard_tally import GuardTally
from otel_sse.telemetry.clock import now_ns


class Filter(Protocol):
    """Decides what of one pass over a stream is handed on."""

    def feed(self, item: Any, time_ns: int) -> Sequence[Any]:
        """Return what is to be handed on now that `item` has come."""

    def end(self) -> Sequence[Any]:
        """Return what has waited, now that nothing more will come."""

    def close(self) -> None:
        """Tell what has not been told yet, now that nothing more will be handed on."""


class FilterPass:
    """One pass of a stream through its filter. Where the filter raises, that is counted, and from then on all passes.

    Args:
        made: The filter.
        tally: Counts for its guard.
    """

    __slots__ = ("_filter", "_tally")

    def __init__(self, made: Filter, tally: GuardTally) -> None:
        self._filter: Filter | None = made
        self._tally = tally

    def feed(self, item: Any) -> Sequence[Any]:
        """Return what is to be handed on now that `item` has come."""
        if self._filter is None:
            return (item,)
        try:
            return self._filter.feed(item, now_ns())
        except Exception as error:
            waiting, self._filter = self._rest(), None
            self._tally.failed(error)
            return [*waiting, item]

    def end(self) -> Sequence[Any]:
        """Return what has waited, now that the stream has come to its end."""
        waiting, self._filter = self._rest(), None
        return waiting

    def close(self) -> None:
        """Hand over the counts, however the pass ended."""
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
    """Yield what a filter lets pass of an async iterator.

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
    """Yield what a filter lets pass of a sync iterator.

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
        # Of others, such as files, nobody expects that the end of a loop closes them.
        if hasattr(iterator, "send"):
            iterator.close()
