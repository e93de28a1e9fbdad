"""The proxies around an iterator: what is watched, filtered or guarded is in all else the very object inside.

`IteratorProxy` is what all have in common, `PassProxy` what those have whose pulls go through a pass of their own. Of
each there are two kinds, for async and for sync iterators; for an object that is both, a class takes both as bases.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final, NamedTuple

from wrapt import BaseObjectProxy

from otel_sse.errors import must

PULLING: Final = frozenset({"asend", "athrow", "send", "throw"})
"""A generator's methods that ask for its next chunk."""

CLOSING: Final = frozenset({"aclose", "close"})
"""Methods that close an iterator: a generator's, a file's, `openai.AsyncStream.close`."""


class Loops(NamedTuple):
    """How a stream can be iterated; some can both ways (LiteLLM's).

    Args:
        by_async: By `async for`.
        by_sync: By `for`, or by `next` alone.
    """

    by_async: bool
    by_sync: bool


def loops_of(stream: Any) -> Loops:
    """Return how `stream` can be iterated.

    Raises:
        TypeError: It can't be, in either way.
    """
    loops = Loops(hasattr(stream, "__aiter__"), hasattr(stream, "__iter__") or hasattr(stream, "__next__"))
    if not any(loops):
        advice = "Pass what you iterate, such as the SDK's stream object."
        raise TypeError(must("stream", "be an iterator", stream, advice))
    return loops


def layers(stream: Any) -> Iterator[Any]:
    """Yield `stream` and what it wraps, the outermost first, while that is a proxy: one of these, or anybody's."""
    while isinstance(stream, BaseObjectProxy):
        yield stream
        stream = stream.__wrapped__


class IteratorProxy(BaseObjectProxy[Any]):
    """What stands around an iterator or iterable.

    Names that begin with `_self_` are the proxy's own; all others are those of what it wraps.
    """

    _NEXT = ""
    """The method that makes an iterator one."""
    _SEND = ""
    """The method that makes an iterator a generator."""

    def __radd__(self, other: Any) -> Any:
        # `a_list += iterator` asks the iterator first; what it asks for is to be iterated, not to be added.
        return NotImplemented if self._self_is_iterator() else other + self.__wrapped__

    def _self_is_iterator(self) -> bool:
        """Whether what is inside all of these proxies, which look like iterators themselves, is one."""
        wrapped = self.__wrapped__
        while isinstance(wrapped, IteratorProxy):
            wrapped = wrapped.__wrapped__
        return hasattr(wrapped, self._NEXT)

    def _self_entered(self, entered: Any) -> Any:
        """Return what the context manager gives, which has given `entered` itself."""
        return self if entered is self.__wrapped__ else entered

    def _self_left(self, leave: Callable[..., Any], *raised: Any) -> Any:
        """Leave the context manager by calling `leave`; return what that returns, an awaitable of it where async."""
        return leave(*raised)


class AsyncIteratorProxy(IteratorProxy):
    """The kind for what is iterated by `async for`."""

    _NEXT, _SEND = "__anext__", "asend"

    async def __aenter__(self) -> Any:
        return self._self_entered(await self.__wrapped__.__aenter__())

    async def __aexit__(self, *raised: Any) -> Any:
        return await self._self_left(self.__wrapped__.__aexit__, *raised)


class SyncIteratorProxy(IteratorProxy):
    """The kind for what is iterated by `for`."""

    _NEXT, _SEND = "__next__", "send"

    def __enter__(self) -> Any:
        return self._self_entered(self.__wrapped__.__enter__())

    def __exit__(self, *raised: Any) -> Any:
        return self._self_left(self.__wrapped__.__exit__, *raised)


class PassProxy(IteratorProxy):
    """A proxy whose loops and pulls go through a pass: an iterator of its own over what is wrapped.

    An iterator has one pass, however often a loop begins on it. What is no iterator but can be iterated anew has one
    for each loop. A loop is handed the pass itself, so that the proxy costs nothing for a chunk.

    Args:
        iterable: What is iterated.
    """

    def __init__(self, iterable: Any) -> None:
        super().__init__(iterable)
        self._self_pass: Any = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__wrapped__, name)
        if name in PULLING and hasattr(self.__wrapped__, self._SEND):
            return getattr(self._self_going_on(), name, found)
        return self._self_closing(name, found) if name in CLOSING else found

    def _self_begin(self, iterator: Any) -> Any:
        """Return a new pass over an iterator."""
        raise NotImplementedError

    def _self_begin_anew(self) -> None:
        """Make ready for one more pass over what can be iterated anew."""

    def _self_closing(self, name: str, close: Any) -> Any:
        """Return what is to be called in place of `close`, a method of what is wrapped that has this name."""
        raise NotImplementedError

    def _self_going_on(self) -> Any:
        """Return the pass under way; where there is none, one over what is wrapped itself."""
        if self._self_pass is None:
            self._self_pass = self._self_begin(self.__wrapped__)
        return self._self_pass

    def _self_loop(self, iterate: Callable[[Any], Any]) -> Any:
        """Return the pass of a loop that begins.

        Args:
            iterate: `iter` or `aiter`.
        """
        if self._self_pass is None:
            self._self_pass = self._self_begin(iterate(self.__wrapped__))
        elif getattr(self.__wrapped__, "otel_sse_single_pass", False) is True:
            # A guard inside (`single_pass`) raises where this is a second iteration; else the pass goes on.
            iterate(self.__wrapped__)
        elif not self._self_is_iterator():
            self._self_begin_anew()
            self._self_pass = self._self_begin(iterate(self.__wrapped__))
        return self._self_pass


class AsyncPassProxy(PassProxy, AsyncIteratorProxy):
    """The kind for what is iterated by `async for`."""

    def __aiter__(self) -> AsyncIterator[Any]:
        found: AsyncIterator[Any] = self._self_loop(_aiter)
        return found

    def __anext__(self) -> Awaitable[Any]:
        found: Awaitable[Any] = self._self_going_on().__anext__()
        return found


class SyncPassProxy(PassProxy, SyncIteratorProxy):
    """The kind for what is iterated by `for`."""

    def __iter__(self) -> Iterator[Any]:
        found: Iterator[Any] = self._self_loop(iter)
        return found

    def __next__(self) -> Any:
        return self._self_going_on().__next__()


def _aiter(iterable: Any) -> Any:
    # The built-in function would refuse what only an `async for` may refuse.
    return iterable.__aiter__()
