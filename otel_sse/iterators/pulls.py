"""One pass over an iterator that is watched: each object is observed as it comes, and handed on as it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from otel_sse.iterators.cursor import StageCursor
from otel_sse.stream import outcome as outcomes
from otel_sse.telemetry.clock import now_ns

_UNASKED_NS: Final = 1_000_000
"""Shortest pause between two pulls that is taken from the source's silence; shorter ones add up to too little."""


class AsyncPulls:
    """The pulls of one pass over an async iterator."""

    __slots__ = ("_begun", "_cursor", "_iterator", "_next")

    def __init__(self, iterator: Any, cursor: StageCursor) -> None:
        self._cursor = cursor
        self._begun = False
        self._iterator = iterator
        self._next: Callable[[], Awaitable[Any]] = iterator.__anext__

    def __aiter__(self) -> AsyncPulls:
        return self

    async def __anext__(self) -> Any:
        cursor = self._cursor
        if not self._begun:
            self._begun = True
            cursor.begin()
        if cursor.given_ns and now_ns() - cursor.given_ns >= _UNASKED_NS:
            cursor.unasked(now_ns())
        cursor.given_ns = 0
        try:
            item = await self._next()
        except StopAsyncIteration:
            cursor.end(outcomes.COMPLETED)
            raise
        except BaseException as error:
            self._broken(error)
            raise
        cursor.given_ns = time_ns = now_ns()
        try:
            cursor.observe(item, time_ns)
        except Exception as error:
            cursor.failed(error)
        return item

    def _broken(self, error: BaseException) -> None:
        self._cursor.raised(error, awaited=True)

    def aclose(self) -> Awaitable[Any]:
        """Close the iterator, where it can be closed, and end the stage."""
        return _awaited(self._cursor, getattr(self._iterator, "aclose", _nothing)())

    def __del__(self) -> None:
        self._cursor.drop()


class AsyncGeneratorPulls(AsyncPulls):
    """The pulls of an async generator, which can be sent to."""

    __slots__ = ()

    def _broken(self, error: BaseException) -> None:
        # A generator that has raised is at its end.
        self._cursor.end_by(error)

    def asend(self, value: Any) -> Awaitable[Any]:
        """Resume the generator with a value."""
        return self._through(partial(self._iterator.asend, value))

    def athrow(self, *error: Any) -> Awaitable[Any]:
        """Resume the generator with an exception."""
        return self._through(partial(self._iterator.athrow, *error))

    async def _through(self, pull: Callable[[], Awaitable[Any]]) -> Any:
        self._next = pull
        try:
            return await self.__anext__()
        finally:
            self._next = self._iterator.__anext__


class Pulls:
    """The pulls of one pass over a sync iterator."""

    __slots__ = ("_begun", "_cursor", "_iterator", "_next")

    def __init__(self, iterator: Any, cursor: StageCursor) -> None:
        self._cursor = cursor
        self._begun = False
        self._iterator = iterator
        self._next: Callable[[], Any] = iterator.__next__

    def __iter__(self) -> Pulls:
        return self

    def __next__(self) -> Any:
        cursor = self._cursor
        if not self._begun:
            self._begun = True
            cursor.begin()
        if cursor.given_ns and now_ns() - cursor.given_ns >= _UNASKED_NS:
            cursor.unasked(now_ns())
        cursor.given_ns = 0
        try:
            item = self._next()
        except StopIteration:
            cursor.end(outcomes.COMPLETED)
            raise
        except BaseException as error:
            self._broken(error)
            raise
        cursor.given_ns = time_ns = now_ns()
        try:
            cursor.observe(item, time_ns)
        except Exception as error:
            cursor.failed(error)
        return item

    def _broken(self, error: BaseException) -> None:
        self._cursor.raised(error)

    def close(self) -> None:
        """Close the iterator, where it can be closed, and end the stage."""
        closing(self._cursor, getattr(self._iterator, "close", _nothing))

    def __del__(self) -> None:
        self._cursor.drop()


class GeneratorPulls(Pulls):
    """The pulls of a generator, which can be sent to."""

    __slots__ = ()

    def _broken(self, error: BaseException) -> None:
        self._cursor.end_by(error)

    def send(self, value: Any) -> Any:
        """Resume the generator with a value."""
        return self._through(partial(self._iterator.send, value))

    def throw(self, *error: Any) -> Any:
        """Resume the generator with an exception."""
        return self._through(partial(self._iterator.throw, *error))

    def _through(self, pull: Callable[[], Any]) -> Any:
        self._next = pull
        try:
            return self.__next__()
        finally:
            self._next = self._iterator.__next__


def closing(cursor: StageCursor, close: Callable[..., Any], *args: Any) -> Any:
    """Close an observed iterator, and end its stage as abandoned, unless the stage has ended before.

    Args:
        cursor: Cursor of the stage.
        close: Closes the iterator. Where it returns an awaitable, so does this function.
        *args: Arguments of `close`.
    """
    awaits = False
    try:
        closed = close(*args)
        awaits = hasattr(closed, "__await__")
        return _awaited(cursor, closed) if awaits else closed
    finally:
        if not awaits:
            cursor.end(outcomes.ABANDONED)


async def _awaited(cursor: StageCursor, closed: Awaitable[Any] | None) -> Any:
    try:
        return None if closed is None else await closed
    finally:
        cursor.end(outcomes.ABANDONED)


def _nothing() -> None:
    """Stand in for the method of an iterator that can't be closed."""
