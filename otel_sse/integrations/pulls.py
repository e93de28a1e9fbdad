"""One pass over an iterator that is watched: whatever way it ends, the stage ends, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import wrapt

from otel_sse.integrations.outcomes import error_type, outcome_of
from otel_sse.stream import outcome as outcomes
from otel_sse.telemetry.clock import now_ns
from otel_sse.telemetry.recorder import StageRecord

_UNASKED_NS: Final = 1_000_000
"""Pauses between two pulls that are left out of the source's silence; shorter ones add up to nothing that matters."""

AnyProxy: Final[type[Any]] = getattr(wrapt, "BaseObjectProxy", wrapt.ObjectProxy)
"""What each proxy of wrapt is one of, ours and others'."""

if TYPE_CHECKING:
    ObjectProxy: TypeAlias = wrapt.ObjectProxy[Any]
    BaseObjectProxy: TypeAlias = wrapt.BaseObjectProxy[Any]
else:
    # Before wrapt 2.2 a proxy's class takes no subscript. Before 2.0 every proxy has `__iter__`, whatever it wraps: an
    # async stream passes for one that can be iterated both ways, and one that can be is iterated past its watcher.
    ObjectProxy = wrapt.ObjectProxy
    BaseObjectProxy = AnyProxy if hasattr(wrapt, "BaseObjectProxy") else type("Base", (AnyProxy,), {"__iter__": None})

OpenStage: TypeAlias = "Callable[[], StageRecord | None]"


class StageCursor:
    """One stage that an iterator feeds: begun at the first pull, ended once.

    Args:
        open_stage: Begins the stage; None from it means that there is nothing to observe.
    """

    __slots__ = ("_cancelled", "_open", "given_ns", "observe", "record")

    def __init__(self, open_stage: OpenStage) -> None:
        self._open = open_stage
        self.record: StageRecord | None = None
        self.observe: Callable[[Any, int], None] = _look_away
        """What pulls call with each object and the time; what it raises is for `failed`."""
        self.given_ns = 0
        """When the latest object was handed on, on `clock.now_ns`; 0 while the next one is waited for."""
        self._cancelled = False

    def begin(self) -> None:
        """Begin the stage, the first time."""
        if self.record is None:
            self._begin()

    def _begin(self) -> None:
        self.record = self._open()
        self._look()
        if self.record is not None:
            self.record.leave = self.end

    def unasked(self, time_ns: int) -> None:
        """Take note that nobody has asked since the latest object: that pause is no silence of the source."""
        if self.given_ns and self.record is not None:
            self.record.monitor.unasked(time_ns - self.given_ns)

    def again(self) -> StageCursor:
        """Return a cursor for one more pass over what can be iterated anew: another stage of the same name."""
        return StageCursor(self._open)

    def take(self, item: Any, time_ns: int) -> None:
        """Observe one object that has crossed."""
        try:
            self.observe(item, time_ns)
        except Exception as error:
            self.failed(error)

    def failed(self, error: Exception) -> None:
        """Take note of an internal error; after a few the stage stops observing."""
        if self.record is not None:
            self.record.recorder.failed(self.record, error)
            self._look()

    def _look(self) -> None:
        if self.record is not None:
            # A cursor with a way of its own to read has a `take` of its own; without one, a call is saved.
            own = type(self).take is not StageCursor.take
            self.observe = self.take if own else self.record.take

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        """End the stage, the first time."""
        record = self.record
        if record is None or record.ended:
            return
        self.observe = _look_away
        record.leave = None
        if self._cancelled and outcome in (outcomes.COMPLETED, outcomes.ABANDONED):
            outcome = outcomes.CANCELLED
        name = error_type(error) if error is not None and outcome == outcomes.FAILED else ""
        try:
            self.unasked(now_ns())
            record.recorder.close(record, outcome, name)
        except Exception as internal:
            record.recorder.errors.report("close", internal)

    def end_by(self, error: BaseException) -> None:
        """End the stage as the exception says that leaves the iterator."""
        self.end(outcome_of(error), error)

    def raised(self, error: BaseException, *, awaited: bool = False) -> None:
        """Take note of an exception from an iterator that may go on all the same: one that is no generator.

        The stage ends; what comes all the same is another stage of the same name. Only a pull that was cancelled leaves
        it open: `asyncio.wait_for` cancels one to send a heartbeat, and pulls again. It ends as cancelled if nothing
        comes any more until it is closed or dropped.

        Args:
            error: The exception.
            awaited: Whether the pull could be cancelled.
        """
        if self.record is None or self.record.ended:
            return
        if awaited and outcome_of(error) == outcomes.CANCELLED:
            self._cancelled = True
        else:
            self.end_by(error)
        self.observe = self._go_on

    def _go_on(self, item: Any, time_ns: int) -> None:
        self._cancelled = False
        if self.record is not None and self.record.ended:
            self._begin()
        self._look()
        self.observe(item, time_ns)

    def drop(self) -> None:
        """Let the stage end as abandoned, because nobody can pull any more. To be called by destructors."""
        if self.record is not None and not self.record.ended:
            self.record.recorder.drop(partial(self.end, outcomes.ABANDONED))


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
        """Close what is iterated, where it can be closed, and end the stage."""
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
        """Close what is iterated, where it can be closed, and end the stage."""
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
    """Close what is watched, and end its stage as abandoned where it had not come to its end.

    Args:
        cursor: The stage's.
        close: Closes; may return an awaitable, as may this function then.
        *args: What `close` is called with.
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


def _look_away(item: Any, time_ns: int) -> None:
    """Stand in for observing where there is nothing to observe."""


def _nothing() -> None:
    """Stand in for closing what can't be closed."""
