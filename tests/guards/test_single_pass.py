"""A stream is iterated once; whoever begins again is told so, and where the first was."""

from __future__ import annotations

import asyncio
import inspect
import logging
import pickle
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

import pytest

import otel_sse
from otel_sse.errors import StreamReusedError
from otel_sse.guards import single_pass
from tests.integrations.seen import Telemetry

TEXTS = ["He", "llo", "!"]


async def answer() -> AsyncIterator[str]:
    """Yields like a model."""
    for text in TEXTS:
        yield text


def answer_at_once() -> Iterator[str]:
    """The same without awaiting."""
    yield from TEXTS


class Body:
    """Can be iterated anew each time, both ways, and is no iterator."""

    status = 200

    def __iter__(self) -> Iterator[str]:
        return iter(TEXTS)

    async def __aiter__(self) -> AsyncIterator[str]:
        for text in TEXTS:
            yield text


async def log_chunks(stream: Any) -> list[str]:
    """The first consumer: a function that logs."""
    return [text async for text in stream]


async def send_chunks(stream: Any) -> list[str]:
    """The second consumer: the response."""
    return [text async for text in stream]


async def test_second_loop_raises_and_names_both_places() -> None:
    """A second `async for` raises where it begins, and says where the first is: file, line, function."""
    stream = single_pass(answer())
    assert await log_chunks(stream) == TEXTS
    with pytest.raises(StreamReusedError) as raised:
        await send_chunks(stream)
    first, second = (inspect.getsourcelines(each)[1] + 2 for each in (log_chunks, send_chunks))
    assert raised.value.first.startswith(f"{__file__}:{first} in log_chunks")
    assert raised.value.second.startswith(f"{__file__}:{second} in send_chunks")
    assert str(raised.value).startswith("stream must be iterated once, got a second iteration at ")
    assert raised.value.first in str(raised.value)


def test_second_loop_over_a_sync_iterator_raises() -> None:
    """A `for` is guarded like an `async for`."""
    stream = single_pass(answer_at_once())
    assert list(stream) == TEXTS
    with pytest.raises(StreamReusedError, match="test_second_loop_over_a_sync_iterator_raises"):
        list(stream)


async def test_loop_that_was_left_cannot_be_begun_again() -> None:
    """After `break` the next loop is a second iteration."""
    stream = single_pass(answer())
    async for _ in stream:
        break
    with pytest.raises(StreamReusedError):
        await send_chunks(stream)


async def test_loops_over_the_one_iterator_go_on() -> None:
    """Who takes the iterator once may loop over it as often as it yields: that is one iteration."""
    chunks = aiter(single_pass(answer()))
    got: list[str] = []
    async for text in chunks:
        got.append(text)
        break
    async for text in chunks:
        got.append(text)
    assert got == TEXTS


async def test_chunks_taken_before_the_loop_belong_to_it() -> None:
    """A peek with `anext`, wherever it is made, and the loop after it are one iteration."""
    stream = single_pass(answer())

    async def peek() -> str:
        return await anext(stream)

    assert [await peek(), *await send_chunks(stream)] == TEXTS


def test_chunks_taken_before_a_sync_loop_belong_to_it() -> None:
    """The same with `next` and `for`."""
    stream = single_pass(answer_at_once())
    assert [next(stream), *stream] == TEXTS


async def test_empty_stream_may_be_looked_at_first() -> None:
    """A peek that finds the stream empty has read nothing, so the loop may still begin."""

    async def nothing() -> AsyncIterator[str]:
        return
        yield

    stream = single_pass(nothing())
    assert await anext(stream, None) is None
    assert await log_chunks(stream) == []


async def test_loop_after_all_was_taken_raises() -> None:
    """A stream that was read to its end with `anext` can't be looped over."""
    stream: Any = single_pass(answer())

    async def take_all() -> None:
        while await anext(stream, None) is not None:
            pass

    await take_all()
    with pytest.raises(StreamReusedError, match="take_all"):
        await send_chunks(stream)
    with pytest.raises(StreamReusedError, match="take_all"):
        await anext(stream)


async def test_look_ahead_within_the_loop_is_allowed_to_the_looping_function_alone() -> None:
    """The function that loops may take chunks in between; another one may not."""
    stream = single_pass(answer())

    async def other() -> str:
        return await anext(stream)

    async for first in stream:
        assert (first, await anext(stream)) == ("He", "llo")
        with pytest.raises(StreamReusedError, match="other"):
            await other()
        break


def test_look_ahead_within_a_sync_loop() -> None:
    """The same with `next`."""
    stream = single_pass(answer_at_once())
    for first in stream:
        assert (first, next(stream)) == ("He", "llo")
        with pytest.raises(StreamReusedError, match="take"):
            take(stream)
        break


def test_look_ahead_within_a_comprehension() -> None:
    """A comprehension is a part of its function, on every Python."""
    stream = single_pass(iter("abcd"))
    assert [(first, next(stream)) for first in stream] == [("a", "b"), ("c", "d")]


def take(stream: Iterator[str]) -> str:
    """Takes one chunk."""
    return next(stream)


async def test_two_tasks_cannot_iterate_one_stream() -> None:
    """Of two tasks that loop at once exactly one gets the chunks, and all of them."""

    class Slow:
        def __init__(self) -> None:
            self.left = iter(TEXTS)

        def __aiter__(self) -> Slow:
            return self

        async def __anext__(self) -> str:
            await asyncio.sleep(0)
            for text in self.left:
                return text
            raise StopAsyncIteration

    stream: Any = single_pass(Slow())
    got = await asyncio.gather(log_chunks(stream), send_chunks(stream), return_exceptions=True)
    assert got[0] == TEXTS
    assert isinstance(got[1], StreamReusedError)


async def test_two_tasks_cannot_take_at_once() -> None:
    """While one task waits for a chunk no other may ask for one, nor begin a loop; when it has it, they may."""
    come = asyncio.Event()

    class Waiting:
        def __aiter__(self) -> Waiting:
            return self

        async def __anext__(self) -> str:
            await come.wait()
            return "chunk"

    stream: Any = single_pass(Waiting())
    task = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    with pytest.raises(StreamReusedError):
        await anext(stream)
    come.set()
    assert await task == "chunk"
    assert await anext(stream) == "chunk"


async def test_cancelled_take_leaves_the_stream_free() -> None:
    """A time limit on one `anext` that runs out does not count as somebody reading."""

    class Never:
        def __aiter__(self) -> Never:
            return self

        async def __anext__(self) -> str:
            await asyncio.Event().wait()
            return ""

    stream: Any = single_pass(Never())
    for _ in range(2):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(stream), 0.01)


def test_of_two_threads_one_iterates() -> None:
    """Threads that begin at the same time get the stream once in all."""
    stream = single_pass(TEXTS)
    barrier = threading.Barrier(8)
    got: list[Any] = []

    def run() -> None:
        barrier.wait()
        try:
            got.append(list(stream))
        except StreamReusedError as error:
            got.append(error)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got.count(TEXTS) == 1
    assert sum(isinstance(each, StreamReusedError) for each in got) == 7


async def test_what_can_be_iterated_both_ways_is_iterated_once_in_all() -> None:
    """An `async for` after a `for` over the same object is a second iteration."""
    stream: Any = single_pass(Body())
    assert stream.status == 200
    assert list(stream) == TEXTS
    with pytest.raises(StreamReusedError):
        await log_chunks(stream)


async def test_very_same_objects_come_and_a_loop_gets_the_streams_own_iterator() -> None:
    """A loop runs over the generator itself, so that a chunk costs nothing."""
    generator = answer()
    assert aiter(single_pass(generator)) is generator
    objects = [object(), object()]
    assert all(one is other for one, other in zip(single_pass(objects), objects, strict=True))


async def test_guarded_generator_is_closed_by_its_own_closing() -> None:
    """`aclose` and `isinstance` reach the generator."""
    closed = []

    async def watched() -> AsyncGenerator[str, None]:
        try:
            yield "He"
        finally:
            closed.append(True)

    stream = single_pass(watched())
    assert inspect.isasyncgen(stream)
    await anext(stream)
    await stream.aclose()
    assert closed == [True]


async def test_guard_holds_inside_what_is_observed() -> None:
    """`observe(single_pass(...))`: the second loop raises, and the first is one stage."""
    stream = otel_sse.observe(single_pass(answer()), "callback")
    assert [await anext(stream), *await log_chunks(stream)] == TEXTS
    with pytest.raises(StreamReusedError, match="send_chunks"):
        await send_chunks(stream)


def test_guard_holds_inside_what_is_observed_at_once() -> None:
    """The same with a sync iterator."""
    stream = otel_sse.observe(single_pass(answer_at_once()), "callback")
    assert list(stream) == TEXTS
    with pytest.raises(StreamReusedError):
        list(stream)


async def test_guard_holds_around_what_is_observed(telemetry: Telemetry) -> None:
    """`single_pass(observe(...))`: the second loop raises; stages around and below are of one stream."""
    app = telemetry.instrument(_app_that_iterates_twice)
    await _serve(app)
    stages = [telemetry.stage(name) for name in ("below", "above")]
    assert len({stage.stream_id for stage in stages}) == 1
    assert [len(stage.chunks) for stage in stages] == [3, 3]
    assert telemetry.value("sse.guard.actions", guard="single_pass", action="raised") == 1


async def _app_that_iterates_twice(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    stream = otel_sse.observe(single_pass(otel_sse.observe(answer(), "below")), "above")
    for text in await log_chunks(stream):
        await send({"type": "http.response.body", "body": f"data: {text}\n\n".encode(), "more_body": True})
    with pytest.raises(StreamReusedError):
        await send_chunks(stream)
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


async def _serve(app: Any) -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        pass

    await app(scope, receive, send)


async def test_stages_outside_of_a_request_share_a_stream_through_a_guard() -> None:
    """A guard between two stages does not part them."""
    from otel_sse.iterators.observed import stream_around

    inner = otel_sse.observe(answer(), "below")
    assert stream_around(single_pass(inner)) is stream_around(inner)


async def test_refusal_is_logged_with_both_places(caplog: pytest.LogCaptureFixture) -> None:
    """The logger `otel_sse.guard` gets one warning, with places and no content."""
    stream = single_pass(answer())
    await log_chunks(stream)
    with caplog.at_level(logging.INFO, "otel_sse.guard"), pytest.raises(StreamReusedError):
        await send_chunks(stream)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("SINGLE_PASS raised at ")
    assert "log_chunks" in record.getMessage()


def test_error_keeps_its_places_when_pickled() -> None:
    """A worker pool hands the error on whole."""
    error = pickle.loads(pickle.dumps(StreamReusedError("a.py:1 in f", "b.py:2 in g")))
    assert (error.first, error.second) == ("a.py:1 in f", "b.py:2 in g")


def test_what_cannot_be_iterated_is_refused() -> None:
    """Anything else is a TypeError at once."""
    with pytest.raises(TypeError, match="stream must be an iterator, got 3"):
        single_pass(3)  # type: ignore[call-overload]


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_context_managers_give_the_guard(kind: str) -> None:
    """An SDK's `with stream as chunks` hands out the guarded stream."""

    class Managed(Body):
        def __enter__(self) -> Managed:
            return self

        def __exit__(self, *raised: Any) -> None:
            return None

        async def __aenter__(self) -> Managed:
            return self

        async def __aexit__(self, *raised: Any) -> None:
            return None

    guarded: Any = single_pass(Managed())
    if kind == "async":
        async with guarded as stream:
            assert await log_chunks(stream) == TEXTS
    else:
        with guarded as stream:
            assert list(stream) == TEXTS
    with pytest.raises(StreamReusedError):
        list(guarded)
