"""Iterators whose chunks pass through a filter: in all else they are the stream that they wrap."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from otel_sse.integrations.pulls import BaseObjectProxy
from otel_sse.telemetry.clock import now_ns
from otel_sse.telemetry.guards import GuardTally


class Filter(Protocol):
    """Decides what of one pass over a stream is handed on."""

    def feed(self, item: Any, time_ns: int) -> Sequence[Any]:
        """Return what is to be handed on now that `item` has come."""

    def end(self) -> Sequence[Any]:
        """Return what has waited, now that nothing more will come."""

    def close(self) -> None:
        """Tell what has not been told yet, now that nothing more will be handed on."""


class NetPass:
    """One pass of a stream through its filter. What the filter itself gets wrong costs nobody a chunk.

    Args:
        made: The filter.
        tally: Its guard's.
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
        """Hand over what was counted, however the pass ended."""
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


_PULLING: Final = frozenset({"asend", "athrow", "send", "throw"})
_CLOSING: Final = frozenset({"aclose", "close"})

Begin = Callable[[], NetPass]
"""Begins a pass."""


class _Filtered(BaseObjectProxy):
    """What is the same for both kinds. What is sent to a generator, or thrown into it, only asks for the next chunk."""

    _NEXT = _SEND = ""

    def __init__(self, stream: Any, begin: Begin) -> None:
        super().__init__(stream)
        self._self_begin = begin
        self._self_pass: Any = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__wrapped__, name)
        if name in _PULLING and hasattr(self.__wrapped__, self._SEND):
            return getattr(self._self_going_on(), name)
        if name in _CLOSING and self._self_pass is not None and hasattr(self.__wrapped__, self._SEND):
            # A generator's own closing would leave the filter's open, and what waits there would be lost in silence.
            return getattr(self._self_pass, name)
        return found

    def _self_filter(self, iterator: Any) -> Any:
        raise NotImplementedError

    def _self_going_on(self) -> Any:
        if self._self_pass is None:
            self._self_pass = self._self_filter(self.__wrapped__)
        return self._self_pass

    def _self_loop(self, iterate: Callable[[Any], Any]) -> Any:
        wrapped = self.__wrapped__
        if self._self_pass is None:
            self._self_pass = self._self_filter(iterate(wrapped))
        elif getattr(wrapped, "otel_sse_single_pass", False) is True:
            # A guard inside raises where this is a second iteration; else the pass goes on.
            iterate(wrapped)
        elif not hasattr(wrapped, self._NEXT):
            self._self_pass = self._self_filter(iterate(wrapped))
        return self._self_pass


class FilteredAsyncIterator(_Filtered):
    """An async iterator or iterable behind a filter.

    Args:
        stream: What is iterated.
        begin: Begins a pass.
    """

    _NEXT, _SEND = "__anext__", "asend"

    def __aiter__(self) -> AsyncIterator[Any]:
        found: AsyncIterator[Any] = self._self_loop(_aiter)
        return found

    def __anext__(self) -> Awaitable[Any]:
        found: Awaitable[Any] = self._self_going_on().__anext__()
        return found

    async def __aenter__(self) -> Any:
        entered = await self.__wrapped__.__aenter__()
        return self if entered is self.__wrapped__ else entered

    async def __aexit__(self, *raised: Any) -> Any:
        return await self.__wrapped__.__aexit__(*raised)

    def _self_filter(self, iterator: Any) -> AsyncIterator[Any]:
        return _filter_async(iterator, self._self_begin)


class FilteredIterator(_Filtered):
    """A sync iterator or iterable behind a filter.

    Args:
        stream: What is iterated.
        begin: Begins a pass.
    """

    _NEXT, _SEND = "__next__", "send"

    def __iter__(self) -> Iterator[Any]:
        found: Iterator[Any] = self._self_loop(iter)
        return found

    def __next__(self) -> Any:
        return next(self._self_going_on())

    def __enter__(self) -> Any:
        entered = self.__wrapped__.__enter__()
        return self if entered is self.__wrapped__ else entered

    def __exit__(self, *raised: Any) -> Any:
        return self.__wrapped__.__exit__(*raised)

    def _self_filter(self, iterator: Any) -> Iterator[Any]:
        return _filter(iterator, self._self_begin)


async def _filter_async(iterator: Any, begin: Begin) -> AsyncIterator[Any]:
    net = begin()
    try:
        while True:
            try:
                item = await iterator.__anext__()
            except StopAsyncIteration:
                break
            for piece in net.feed(item):
                yield piece
        for piece in net.end():
            yield piece
    finally:
        net.close()
        if hasattr(iterator, "asend"):
            await iterator.aclose()


def _filter(iterator: Any, begin: Begin) -> Iterator[Any]:
    net = begin()
    try:
        while True:
            try:
                item = next(iterator)
            except StopIteration:
                break
            yield from net.feed(item)
        yield from net.end()
    finally:
        net.close()
        # Of others, such as files, nobody expects that the end of a loop closes them.
        if hasattr(iterator, "send"):
            iterator.close()


def _aiter(stream: Any) -> Any:
    return stream.__aiter__()
