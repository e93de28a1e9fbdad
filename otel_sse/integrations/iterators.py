"""Iterators that are watched: the very same objects come out, and whatever way it ends the stage ends, once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import wrapt

from otel_sse.integrations.outcomes import error_type, outcome_of
from otel_sse.stream import outcome as outcomes
from otel_sse.telemetry.clock import now_ns
from otel_sse.telemetry.recorder import StageRecord

OpenStage = Callable[[], StageRecord]


class StageCursor:
    """One stage that an iterator feeds: begun at the first pull, ended once.

    Args:
        open_stage: Begins the stage.
    """

    __slots__ = ("_open", "record")

    def __init__(self, open_stage: OpenStage) -> None:
        self._open = open_stage
        self.record: StageRecord | None = None

    def begin(self) -> None:
        """Begin the stage, the first time."""
        if self.record is None:
            self.record = self._open()

    def take(self, item: object, time_ns: int) -> None:
        """Observe one object that has crossed."""
        record = self.record
        if record is None or record.ended:
            return
        try:
            record.take(item, time_ns)
        except Exception as error:
            record.recorder.failed(record, error)

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        """End the stage, the first time."""
        record = self.record
        if record is None or record.ended:
            return
        name = error_type(error) if error is not None and outcome == outcomes.FAILED else ""
        try:
            record.recorder.close(record, outcome, name)
        except Exception as internal:
            record.recorder.errors.report("close", internal)

    def end_by(self, error: BaseException) -> None:
        """End the stage as the exception says that leaves the iterator."""
        self.end(outcome_of(error), error)


class ObservedAsyncIterator(wrapt.ObjectProxy):  # type: ignore[misc]
    """An async iterator that is watched; in all else the object it wraps."""

    def __init__(self, iterable: Any, cursor: StageCursor) -> None:
        super().__init__(iterable)
        self._self_cursor = cursor
        self._self_iterator: AsyncIterator[Any] | None = None

    def __aiter__(self) -> ObservedAsyncIterator:
        return self

    async def __anext__(self) -> Any:
        cursor: StageCursor = self._self_cursor
        iterator = self._self_iterator
        if iterator is None:
            cursor.begin()
            self._self_iterator = iterator = self.__wrapped__.__aiter__()
        try:
            item = await iterator.__anext__()
        except StopAsyncIteration:
            cursor.end(outcomes.COMPLETED)
            raise
        except BaseException as error:
            cursor.end_by(error)
            raise
        cursor.take(item, now_ns())
        return item

    async def aclose(self) -> None:
        """Close what is wrapped, and end the stage as abandoned where it had not come to its end."""
        try:
            await _aclose(self._self_iterator or self.__wrapped__)
        finally:
            self._self_cursor.end(outcomes.ABANDONED)

    async def __aenter__(self) -> ObservedAsyncIterator:
        await self.__wrapped__.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> Any:
        try:
            return await self.__wrapped__.__aexit__(*raised)
        finally:
            self._self_cursor.end(outcomes.ABANDONED)

    def __del__(self) -> None:
        _dropped(self)


class ObservedIterator(wrapt.ObjectProxy):  # type: ignore[misc]
    """A sync iterator that is watched; in all else the object it wraps."""

    def __init__(self, iterable: Any, cursor: StageCursor) -> None:
        super().__init__(iterable)
        self._self_cursor = cursor
        self._self_iterator: Iterator[Any] | None = None

    def __iter__(self) -> ObservedIterator:
        return self

    def __next__(self) -> Any:
        cursor: StageCursor = self._self_cursor
        iterator = self._self_iterator
        if iterator is None:
            cursor.begin()
            self._self_iterator = iterator = iter(self.__wrapped__)
        try:
            item = next(iterator)
        except StopIteration:
            cursor.end(outcomes.COMPLETED)
            raise
        except BaseException as error:
            cursor.end_by(error)
            raise
        cursor.take(item, now_ns())
        return item

    def close(self) -> None:
        """Close what is wrapped, and end the stage as abandoned where it had not come to its end."""
        try:
            close = getattr(self._self_iterator or self.__wrapped__, "close", None)
            if close is not None:
                close()
        finally:
            self._self_cursor.end(outcomes.ABANDONED)

    def __enter__(self) -> ObservedIterator:
        self.__wrapped__.__enter__()
        return self

    def __exit__(self, *raised: Any) -> Any:
        try:
            return self.__wrapped__.__exit__(*raised)
        finally:
            self._self_cursor.end(outcomes.ABANDONED)

    def __del__(self) -> None:
        _dropped(self)


async def _aclose(iterator: Any) -> None:
    close = getattr(iterator, "aclose", None) or getattr(iterator, "close", None)
    if close is not None:
        closing = close()
        if hasattr(closing, "__await__"):
            await closing


def _dropped(proxy: Any) -> None:
    # A loop that was left with `break` drops its iterator; a stage that is over, or never began, ignores this.
    try:
        cursor: StageCursor = proxy._self_cursor
    except (AttributeError, ValueError):
        return
    cursor.end(outcomes.ABANDONED)
