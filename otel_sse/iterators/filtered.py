"""Iterators whose chunks pass through a filter: in all else they are the stream that they wrap."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from otel_sse.iterators.filter_pass import Begin, filter_async, filter_sync
from otel_sse.iterators.proxy import AsyncPassProxy, PassProxy, SyncPassProxy


class _Filtered(PassProxy):
    """What is the same for both kinds. What is sent to a generator, or thrown into it, only asks for the next chunk."""

    def __init__(self, stream: Any, begin: Begin) -> None:
        super().__init__(stream)
        self._self_filter = begin

    def _self_closing(self, name: str, close: Any) -> Any:
        if self._self_pass is None or not hasattr(self.__wrapped__, self._SEND):
            return close
        # A generator's own closing would leave the filter's open, and the chunks that wait there would be lost in
        # silence.
        return getattr(self._self_pass, name)


class FilteredAsyncIterator(_Filtered, AsyncPassProxy):
    """An async iterator or iterable behind a filter.

    Args:
        stream: What is iterated.
        begin: Begins a pass.
    """

    def _self_begin(self, iterator: Any) -> AsyncIterator[Any]:
        return filter_async(iterator, self._self_filter)


class FilteredIterator(_Filtered, SyncPassProxy):
    """A sync iterator or iterable behind a filter.

    Args:
        stream: What is iterated.
        begin: Begins a pass.
    """

    def _self_begin(self, iterator: Any) -> Iterator[Any]:
        return filter_sync(iterator, self._self_filter)
