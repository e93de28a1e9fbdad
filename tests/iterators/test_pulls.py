"""The pulls of one pass: what comes, is sent and is raised passes untouched, and the stage sees it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import pytest

from otel_sse.iterators import cursor as cursor_module
from otel_sse.iterators import pulls
from otel_sse.iterators.cursor import StageCursor
from otel_sse.iterators.observed import ObservedAsyncIterator, ObservedIterator
from otel_sse.recording import stage_record
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.recorder import Recorder
from otel_sse.stream.stage import StageSpec
from tests.integrations.pipeline import ended, produced
from tests.integrations.seen import Telemetry
from tests.iterators.made import AsyncBody, AsyncSource, Clock, OneStage, Source, Watch, answering

ENDS = [
    (ValueError("mine"), "failed"),
    (asyncio.CancelledError(), "cancelled"),
    (KeyboardInterrupt(), "failed"),
    (GeneratorExit(), "abandoned"),
]


@pytest.mark.parametrize(("error", "outcome"), ENDS, ids=[type(error).__name__ for error, _ in ENDS])
async def test_exception_of_an_async_iterator_is_untouched(
    error: BaseException, outcome: str, watch: Watch, stage: OneStage
) -> None:
    """The very exception comes out, without a new cause or context, and says how the stage ended."""

    class Failing(AsyncSource):
        async def __anext__(self) -> Any:
            raise error

    with pytest.raises(type(error)) as caught:
        await anext(watch(Failing("")))
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    # A pull that was cancelled may be repeated for as long as somebody holds the iterator.
    del caught
    error.__traceback__ = None
    assert stage().outcome == outcome
    assert stage().attributes.get("error.type") == (type(error).__name__ if outcome == "failed" else None)


@pytest.mark.parametrize(("error", "outcome"), ENDS, ids=[type(error).__name__ for error, _ in ENDS])
def test_exception_of_an_iterator_is_untouched(
    error: BaseException, outcome: str, watch: Watch, stage: OneStage
) -> None:
    """Likewise without async."""

    class Failing(Source):
        def __next__(self) -> Any:
            raise error

    with pytest.raises(type(error)) as caught:
        next(watch(Failing("")))
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    assert stage().outcome == outcome


async def test_iterator_that_goes_on_after_an_exception_does(watch: Watch, telemetry: Telemetry) -> None:
    """An iterator that may be pulled again after it raised still gives what it has, as another stage."""

    class Stuttering(AsyncSource):
        async def __anext__(self) -> Any:
            item = await super().__anext__()
            if item == "x":
                raise TimeoutError
            return item

    watched = watch(Stuttering("axb"))
    taken = [await anext(watched)]
    with pytest.raises(TimeoutError):
        await anext(watched)
    taken += [item async for item in watched]
    assert taken == ["a", "b"]
    assert [(each.outcome, len(each.chunks)) for each in ended(telemetry, 2)] == [("failed", 1), ("completed", 1)]


def test_iterator_that_goes_on_after_an_exception_does_without_async(watch: Watch, telemetry: Telemetry) -> None:
    """Likewise without async."""

    class Stuttering(Source):
        def __next__(self) -> Any:
            item = super().__next__()
            if item == "x":
                raise TimeoutError
            return item

    watched = watch(Stuttering("axb"))
    taken = [next(watched)]
    with pytest.raises(TimeoutError):
        next(watched)
    taken += list(watched)
    assert taken == ["a", "b"]
    assert [(each.outcome, len(each.chunks)) for each in ended(telemetry, 2)] == [("failed", 1), ("completed", 1)]


async def test_aclose_of_the_loops_own_iterator(watch: Watch, stage: OneStage) -> None:
    """What a loop iterates, `aiter()` of the watched, can be closed as well, where that makes sense or not."""
    iterator = aiter(watch(produced()))
    await anext(iterator)
    await iterator.aclose()
    assert stage().outcome == "abandoned"
    await aiter(watch(AsyncBody("a"))).aclose()
    await aiter(watch(AsyncSource("a"))).aclose()


def test_close_of_a_generator_runs_its_cleanup(watch: Watch, stage: OneStage) -> None:
    """Closing the loop's own iterator closes the generator behind it."""
    closed: list[str] = []

    def source() -> Iterator[str]:
        try:
            yield "a"
        finally:
            closed.append("yes")

    iterator = iter(watch(source()))
    next(iterator)
    iterator.close()
    assert closed == ["yes"]
    assert stage().outcome == "abandoned"
    iter(watch([1])).close()


def test_generators_value_comes_through(watch: Watch, stage: OneStage) -> None:
    """What a generator returns is the value of `yield from`."""

    def source() -> Generator[str, None, str]:
        yield "a"
        return "all"

    def delegating() -> Generator[str, None, Any]:
        yield (yield from watch(source()))

    assert list(delegating()) == ["a", "all"]
    assert stage().outcome == "completed"


def test_sending_and_throwing(watch: Watch, stage: OneStage) -> None:
    """What is sent or thrown arrives, and what is yielded in answer is a chunk."""
    watched = watch(answering())
    assert [next(watched), watched.send("this"), watched.throw(LookupError("that")), next(watched)] == [
        "begun",
        "got this",
        "caught that",
        "got None",
    ]
    watched.close()
    assert len(stage().chunks) == 4
    assert stage().outcome == "abandoned"


def test_sending_through_yield_from(watch: Watch, stage: OneStage) -> None:
    """A generator that delegates to a watched one hands on what it is sent and thrown."""

    def delegating() -> Generator[str, str, None]:
        yield from watch(answering())

    outer = delegating()
    assert [next(outer), outer.send("this"), outer.throw(LookupError("that"))] == ["begun", "got this", "caught that"]
    with pytest.raises(ZeroDivisionError):
        outer.throw(ZeroDivisionError())
    assert len(stage().chunks) == 3
    assert stage().attributes["error.type"] == "ZeroDivisionError"


async def test_sending_and_throwing_async(watch: Watch, stage: OneStage) -> None:
    """Likewise for async generators."""

    async def source() -> Any:
        said = "begun"
        while True:
            try:
                said = f"got {yield said}"
            except LookupError as error:
                said = f"caught {error}"

    watched = watch(source())
    assert [await watched.asend(None), await watched.asend("this"), await watched.athrow(LookupError("that"))] == [
        "begun",
        "got this",
        "caught that",
    ]
    with pytest.raises(ZeroDivisionError):
        await aiter(watched).athrow(ZeroDivisionError())
    assert len(stage().chunks) == 3
    assert stage().attributes["error.type"] == "ZeroDivisionError"


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(
    ("waits", "pauses", "stalls"),
    [((0, 0, 0), (20, 20), 0), ((0, 20, 0), (0, 0), 1), ((0, 8, 8), (20, 20), 0), ((0, 16, 16), (60, 0), 2)],
)
async def test_a_pause_in_which_nobody_asks_is_no_stall(
    kind: str, waits: tuple[int, ...], pauses: tuple[int, ...], stalls: int, recorder: Recorder, monkeypatch: Any
) -> None:
    """Only time within pulls counts as the source's silence: 15 s by default."""
    clock = Clock()
    monkeypatch.setattr(pulls, "now_ns", clock)
    monkeypatch.setattr(cursor_module, "now_ns", clock)
    monkeypatch.setattr(stage_record, "now_ns", clock)
    record = Stream(recorder, clock()).stage(StageSpec("provider"))
    cursor = StageCursor(lambda: record)

    def source() -> Iterator[str]:
        for number, seconds in enumerate(waits):
            clock.wait(seconds)
            yield f"word {number} "

    async def source_async() -> AsyncIterator[str]:
        for each in source():
            yield each

    taken = 0
    if kind == "sync":
        for _ in ObservedIterator(source(), cursor):
            clock.wait((*pauses, 0)[taken])
            taken += 1
    else:
        async for _ in ObservedAsyncIterator(source_async(), cursor):
            clock.wait((*pauses, 0)[taken])
            taken += 1
    assert record.monitor.totals.stalls == stalls


@pytest.mark.parametrize("pull_s", [0, 20])
def test_a_pause_before_the_iterator_is_left_is_no_stall(pull_s: int, recorder: Recorder, monkeypatch: Any) -> None:
    """Who stops pulling and closes later has not waited for the source; who waits in vain has."""
    clock = Clock()
    monkeypatch.setattr(pulls, "now_ns", clock)
    monkeypatch.setattr(cursor_module, "now_ns", clock)
    monkeypatch.setattr(stage_record, "now_ns", clock)
    record = Stream(recorder, clock()).stage(StageSpec("provider"))

    def source() -> Iterator[str]:
        yield "word "
        clock.wait(pull_s)
        raise ValueError("gone")

    watched = ObservedIterator(source(), StageCursor(lambda: record))
    next(watched)
    clock.wait(30)
    if pull_s:
        with pytest.raises(ValueError, match="gone"):
            next(watched)
    else:
        watched.close()
    assert record.monitor.totals.stalls == (1 if pull_s else 0)
