"""Iterators that are watched: the very same objects come out, and whatever way it ends the stage ends, once."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Any, Final

from otel_sse.integrations.pulls import (
    AnyProxy,
    AsyncGeneratorPulls,
    AsyncPulls,
    BaseObjectProxy,
    GeneratorPulls,
    OpenStage,
    Pulls,
    StageCursor,
    closing,
)
from otel_sse.integrations.recorders import StreamLater

__all__ = ["ObservedAsyncIterator", "ObservedIterator", "OpenStage", "StageCursor", "stream_around"]

_PULLING: Final = frozenset({"asend", "athrow", "send", "throw"})
_CLOSING: Final = frozenset({"aclose", "close"})


class _Observed(BaseObjectProxy):
    """What is the same for both kinds: the methods that pull or close are watched, where what is wrapped has them.

    An iterator is watched on one pass, however often a loop begins on it. What is no iterator but can be iterated anew
    is watched on each pass, as a stage each time.
    """

    _NEXT = ""
    """The method that makes an iterator one."""

    def __init__(self, iterable: Any, cursor: StageCursor, around: StreamLater | None = None) -> None:
        super().__init__(iterable)
        self._self_cursor = cursor
        self._self_around = around
        self._self_pulls: Any = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__wrapped__, name)
        if name in _PULLING:
            return getattr(self._self_going_on(), name, found)
        return partial(closing, self._self_cursor, found) if name in _CLOSING else found

    def __radd__(self, other: Any) -> Any:
        # `a_list += iterator` asks the iterator first; what it asks for is to be iterated, not to be added.
        return NotImplemented if self._self_is_iterator() else other + self.__wrapped__

    def _self_begin(self, iterator: Any) -> Any:
        raise NotImplementedError

    def _self_going_on(self) -> Any:
        """The pass under way; where there is none, one over what is wrapped itself."""
        if self._self_pulls is None:
            self._self_pulls = self._self_begin(self.__wrapped__)
        return self._self_pulls

    def _self_loop(self, iterate: Any) -> Any:
        """The pass of a loop that begins."""
        if self._self_pulls is None:
            self._self_pulls = self._self_begin(iterate(self.__wrapped__))
        elif getattr(self.__wrapped__, "otel_sse_single_pass", False) is True:
            # A guard inside (`single_pass`) raises where this is a second iteration; else the pass goes on.
            iterate(self.__wrapped__)
        elif not self._self_is_iterator():
            self._self_cursor = self._self_cursor.again()
            self._self_pulls = self._self_begin(iterate(self.__wrapped__))
        return self._self_pulls

    def _self_is_iterator(self) -> bool:
        wrapped = self.__wrapped__
        while isinstance(wrapped, _Observed):
            wrapped = wrapped.__wrapped__
        return hasattr(wrapped, self._NEXT)


class ObservedAsyncIterator(_Observed):
    """An async iterator or iterable that is watched; in all else the object it wraps.

    Args:
        iterable: What is iterated.
        cursor: Its stage.
        around: The stream that its stage belongs to, which what is watched around it shares.
    """

    _NEXT = "__anext__"

    def __aiter__(self) -> AsyncPulls:
        pulls: AsyncPulls = self._self_loop(_aiter)
        return pulls

    def __anext__(self) -> Awaitable[Any]:
        pulls: AsyncPulls = self._self_going_on()
        return pulls.__anext__()

    async def __aenter__(self) -> ObservedAsyncIterator:
        await self.__wrapped__.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> Any:
        return await closing(self._self_cursor, self.__wrapped__.__aexit__, *raised)

    def _self_begin(self, iterator: Any) -> AsyncPulls:
        kind = AsyncGeneratorPulls if hasattr(iterator, "asend") else AsyncPulls
        return kind(iterator, self._self_cursor)


class ObservedIterator(_Observed):
    """A sync iterator or iterable that is watched; in all else the object it wraps.

    Args:
        iterable: What is iterated.
        cursor: Its stage.
        around: The stream that its stage belongs to, which what is watched around it shares.
    """

    _NEXT = "__next__"

    def __iter__(self) -> Pulls:
        pulls: Pulls = self._self_loop(iter)
        return pulls

    def __next__(self) -> Any:
        pulls: Pulls = self._self_going_on()
        return pulls.__next__()

    def __enter__(self) -> ObservedIterator:
        self.__wrapped__.__enter__()
        return self

    def __exit__(self, *raised: Any) -> Any:
        return closing(self._self_cursor, self.__wrapped__.__exit__, *raised)

    def _self_begin(self, iterator: Any) -> Pulls:
        kind = GeneratorPulls if hasattr(iterator, "send") else Pulls
        return kind(iterator, self._self_cursor)


def stream_around(iterable: Any) -> StreamLater:
    """Return the stream that a stage around `iterable` belongs to: that of the stage it is, where it is one."""
    return stage_inside(iterable) or StreamLater()


def stage_inside(iterable: Any) -> StreamLater | None:
    """Return the stream of the stage that `iterable` is, or that guards stand around; None where it is none."""
    while isinstance(iterable, AnyProxy):
        if isinstance(iterable, _Observed) and iterable._self_around is not None:
            return iterable._self_around
        iterable = iterable.__wrapped__
    return None


def _aiter(iterable: Any) -> Any:
    return iterable.__aiter__()
