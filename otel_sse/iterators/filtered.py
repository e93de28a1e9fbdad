"""Iterators whose chunks pass through a filter: in all else they are the stream that they wrap."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from otel_sse.iterators.filter_pass import Begin, filter_async, filter_sync
from otel_sse.iterators.proxy import AsyncPassProxy, PassProxy, SyncPassProxy


class _Filtered(PassProxy):
    """What both kinds share. A value or exception for a generator goes to the pass, and only pulls the next chunk."""

    def __init__(self, stream: Any, begin: Begin) -> None:
        super().__init__(stream)
        self._self_filter = begin

    def _self_closing(self, name: str, close: Any) -> Any:
        if self._self_pass is None or not hasattr(self.__wrapped__, self._SEND):
            return close
        # Closing the generator alone would leave the pass open, and its pending chunks would be lost without a report.
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
