"""Iterators behind a net are in all else the stream."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import otel_sse
from otel_sse import guards
from otel_sse.errors import StreamReusedError
from tests.guards.made import ITEMS, NETS, OPENING, produced, produced_at_once

CASES = pytest.mark.parametrize(("net", "items"), list(zip(NETS, ITEMS, strict=True)), ids=["deduplicate", "trim"])


class Source:
    """An iterator that is no generator, in the way of an SDK's stream."""

    def __init__(self, items: Any) -> None:
        self.left = iter(items)
        self.closed = 0
        self.response = "the response"

    def __aiter__(self) -> Source:
        return self

    async def __anext__(self) -> Any:
        for item in self.left:
            return item
        raise StopAsyncIteration

    async def close(self) -> None:
        self.closed += 1

    async def __aenter__(self) -> Source:
        return self

    async def __aexit__(self, *raised: Any) -> None:
        self.closed += 1


@CASES
async def test_async_iterators_pass_the_net(net: Any, items: Any) -> None:
    """Generators and SDK streams come out without what the net withholds."""
    assert [item async for item in net(produced(items))] == OPENING
    assert [item async for item in net(Source(items))] == OPENING


@CASES
def test_sync_iterators_pass_the_net(net: Any, items: Any) -> None:
    """Generators, and what can be iterated anew: each pass has a memory of its own."""
    assert list(net(produced_at_once(items))) == OPENING
    again = net(items)
    assert [list(again), list(again)] == [OPENING, OPENING]


@CASES
async def test_chunks_taken_one_by_one_pass_the_net(net: Any, items: Any) -> None:
    """`anext` and `next`, and a loop after them, are one pass."""
    stream = net(produced(items))
    assert [await anext(stream), *[item async for item in stream]] == OPENING
    at_once = net(produced_at_once(items))
    assert [next(at_once), *at_once] == OPENING
    sent = net(produced(items))
    assert await sent.asend(None) == OPENING[0]


@CASES
async def test_iterator_is_in_all_else_the_stream(net: Any, items: Any) -> None:
    """Attributes, closing and the context manager are the stream's own."""
    source = Source(items)
    async with net(source) as stream:
        assert stream.response == "the response"
        await stream.close()
    assert source.closed == 2
    assert inspect.isasyncgen(net(produced(items)))


@CASES
async def test_closing_closes_the_generator_inside(net: Any, items: Any) -> None:
    """`aclose`, before and after the first chunk, reaches the generator; so does a sync `close`."""
    closed: list[str] = []

    async def watched() -> AsyncIterator[Any]:
        try:
            for item in items:
                yield item
        finally:
            closed.append("async")

    def watched_at_once() -> Iterator[Any]:
        try:
            yield from items
        finally:
            closed.append("sync")

    stream = net(watched())
    await anext(stream)
    await stream.aclose()
    at_once = net(watched_at_once())
    next(at_once)
    at_once.close()
    assert closed == ["async", "sync"]
    await net(watched()).aclose()


@CASES
async def test_exception_of_the_stream_comes_through(net: Any, items: Any) -> None:
    """What the stream raises leaves the net untouched."""

    async def broken() -> AsyncIterator[Any]:
        yield items[0]
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        [item async for item in net(broken())]


@CASES
async def test_single_pass_holds_inside_a_net(net: Any, items: Any) -> None:
    """A second loop over the net raises where the guard stands inside it, and with an observer around both."""
    for stream in (
        net(guards.single_pass(produced(items))),
        otel_sse.observe(net(guards.single_pass(produced(items))), "x"),
    ):
        assert [await anext(stream), *[item async for item in stream]] == OPENING
        with pytest.raises(StreamReusedError):
            [item async for item in stream]
