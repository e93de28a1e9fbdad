"""The proxies around an iterator. But for its pulls a proxy is the wrapped object: type, attributes, equality, length.

`IteratorProxy` is the base of all. `PassProxy` is the base of proxies whose pulls go through a pass of their own. Each
has two kinds, for async and for sync iterators; a class for objects that are both takes both kinds as bases.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Final

import msgspec

from otel_sse.errors import must
from otel_sse.iterators.object_proxy import AnyProxy, BaseObjectProxy

PULLING: Final = frozenset({"asend", "athrow", "send", "throw"})
"""A generator's methods that ask for its next chunk."""

CLOSING: Final = frozenset({"aclose", "close"})
"""Methods that close an iterator: a generator's, a file's, `openai.AsyncStream.close`."""


class Loops(msgspec.Struct, frozen=True):
    """The ways in which a stream can be iterated: one of them, or both (LiteLLM's streams).

    Args:
        by_async: By `async for`.
        by_sync: By `for`, or by `next` alone.
    """

    by_async: bool
    by_sync: bool


def loops_of(stream: Any) -> Loops:
    """Return the ways in which `stream` can be iterated.

    Raises:
        TypeError: There is none.
    """
    # Before wrapt 2.0 a proxy around an async stream has `__iter__`; ours has None there.
    by_sync = getattr(stream, "__iter__", None) is not None or hasattr(stream, "__next__")
    loops = Loops(hasattr(stream, "__aiter__"), by_sync)
    if not (loops.by_async or loops.by_sync):
        advice = "Pass what you iterate, such as the SDK's stream object."
        raise TypeError(must("stream", "be an iterator", stream, advice))
    return loops


def layers(stream: Any) -> Iterator[Any]:
    """Yield the proxies around an object, from outside in: those of this module, and those of other libraries."""
    while isinstance(stream, AnyProxy):
        yield stream
        stream = stream.__wrapped__


class IteratorProxy(BaseObjectProxy):
    """A proxy around an iterator or iterable.

    Attributes that begin with `_self_` are the proxy's own; all others are those of the wrapped object.
    """

    _NEXT = ""
    """The method that makes an iterator one."""
    _SEND = ""
    """The method that makes an iterator a generator."""

    def __radd__(self, other: Any) -> Any:
        # Python tries this first for `a_list += iterator`; NotImplemented makes it iterate.
        return NotImplemented if self._self_is_iterator() else other + self.__wrapped__

    def _self_is_iterator(self) -> bool:
        """Whether the innermost object is an iterator. Each proxy around it looks like one."""
        wrapped = self.__wrapped__
        while isinstance(wrapped, IteratorProxy):
            wrapped = wrapped.__wrapped__
        return hasattr(wrapped, self._NEXT)

    def _self_entered(self, entered: Any) -> Any:
        """Return the value of the `with` statement.

        Args:
            entered: The value that the wrapped object's own context manager gives.
        """
        return self if entered is self.__wrapped__ else entered

    def _self_left(self, leave: Callable[..., Any], *raised: Any) -> Any:
        """Leave the context manager; return the result of `leave`, an awaitable for the async kind.

        Args:
            leave: `__exit__` or `__aexit__` of the wrapped object.
            *raised: Its arguments.
        """
        return leave(*raised)


class AsyncIteratorProxy(IteratorProxy):
    """The kind for `async for`."""

    _NEXT, _SEND = "__anext__", "asend"

    async def __aenter__(self) -> Any:
        return self._self_entered(await self.__wrapped__.__aenter__())

    async def __aexit__(self, *raised: Any) -> Any:
        return await self._self_left(self.__wrapped__.__aexit__, *raised)


class SyncIteratorProxy(IteratorProxy):
    """The kind for `for`."""

    _NEXT, _SEND = "__next__", "send"

    def __enter__(self) -> Any:
        return self._self_entered(self.__wrapped__.__enter__())

    def __exit__(self, *raised: Any) -> Any:
        return self._self_left(self.__wrapped__.__exit__, *raised)


class PassProxy(IteratorProxy):
    """A proxy whose loops and pulls go through a pass, which is an iterator over the wrapped object.

    An iterator has one pass, however many loops begin on it. An iterable that is no iterator, such as a list, has a
    pass for each loop. A loop gets the pass itself, so the proxy costs nothing for a chunk.

        stream = observe(generator, "provider")
        await anext(stream)              # begins the pass
        async for chunk in stream: ...   # goes on with it

    Args:
        iterable: The iterator or iterable.
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
        """Prepare one more pass over an iterable."""

    def _self_closing(self, name: str, close: Any) -> Any:
        """Return the function to call in place of `close`, the wrapped object's method of this name."""
        raise NotImplementedError

    def _self_going_on(self) -> Any:
        """Return the present pass, begun over the wrapped object where there is none."""
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
    """The kind for `async for`."""

    def __aiter__(self) -> AsyncIterator[Any]:
        found: AsyncIterator[Any] = self._self_loop(_aiter)
        return found

    def __anext__(self) -> Awaitable[Any]:
        # One attribute alone is read for a chunk: each costs a tenth of a microsecond on a proxy.
        found: Awaitable[Any] = (self._self_pass or self._self_going_on()).__anext__()
        return found


class SyncPassProxy(PassProxy, SyncIteratorProxy):
    """The kind for `for`."""

    def __iter__(self) -> Iterator[Any]:
        found: Iterator[Any] = self._self_loop(iter)
        return found

    def __next__(self) -> Any:
        return (self._self_pass or self._self_going_on()).__next__()


def _aiter(iterable: Any) -> Any:
    # Not the built-in function, which checks what it returns: the loop does that, in its own words.
    return iterable.__aiter__()
