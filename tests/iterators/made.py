"""Iterators that are no generators, and what else several files of tests need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

from tests.integrations.seen import Stage

Watch = Callable[..., Any]
"""Watches an iterator as the stage `emit` of a stream of its own."""

OneStage = Callable[[], Stage]
"""Waits for the one stage."""


class AsyncSource:
    """An async iterator that is no generator."""

    def __init__(self, each: Any) -> None:
        self.each = iter(each)
        self.closed = 0

    def __aiter__(self) -> AsyncSource:
        return self

    async def __anext__(self) -> Any:
        await asyncio.sleep(0)
        for one in self.each:
            return one
        raise StopAsyncIteration

    async def close(self) -> str:
        """Close, in the way of `openai.AsyncStream`."""
        self.closed += 1
        return "closed"

    async def __aenter__(self) -> AsyncSource:
        return self

    async def __aexit__(self, *raised: Any) -> bool:
        self.closed += 1
        return True


class AsyncBody:
    """What can be iterated, anew each time, but is no iterator."""

    def __init__(self, each: Any) -> None:
        self.each = each

    async def __aiter__(self) -> AsyncIterator[Any]:
        for one in self.each:
            yield one


class Source:
    """An iterator that is no generator."""

    def __init__(self, each: Any) -> None:
        self.each = iter(each)
        self.closed = 0

    def __iter__(self) -> Source:
        return self

    def __next__(self) -> Any:
        return next(self.each)

    def close(self) -> str:
        self.closed += 1
        return "closed"

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *raised: Any) -> bool:
        self.closed += 1
        return True


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.ns = 10**12

    def __call__(self) -> int:
        return self.ns

    def wait(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


def fail() -> None:
    """What an application may do with a stream open."""
    raise ValueError


def answering() -> Generator[str, str, None]:
    """A generator that answers what it is sent or thrown."""
    said = "begun"
    while True:
        try:
            said = f"got {yield said}"
        except LookupError as error:
            said = f"caught {error}"
