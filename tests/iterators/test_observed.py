"""Iterators that are watched behave as if they were not."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import aclosing
from functools import partial
from typing import Any

import pytest

from otel_sse import limits
from otel_sse.iterators import pulls
from otel_sse.iterators.observed import ObservedAsyncIterator, ObservedIterator, StageCursor
from otel_sse.recording import stage_record
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.recorder import Recorder
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.integrations.pipeline import TEXTS, ended, items, produced, produced_at_once, recorder_outside
from tests.integrations.seen import Stage, Telemetry


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


@pytest.fixture
def recorder(telemetry: Telemetry) -> Recorder:
    """Records what is watched here."""
    return recorder_outside(telemetry)


@pytest.fixture
def watch(recorder: Recorder) -> Callable[..., Any]:
    """Watches an iterator as the stage `emit` of a stream of its own."""

    def watching(iterable: Any) -> Any:
        stream = Stream(recorder, now_ns())
        kind = ObservedAsyncIterator if hasattr(iterable, "__aiter__") else ObservedIterator
        return kind(iterable, StageCursor(partial(stream.stage, StageSpec("emit"))))

    return watching


@pytest.fixture
def stage(telemetry: Telemetry) -> Callable[[], Stage]:
    """Waits for the one stage."""
    return lambda: ended(telemetry, 1)[0]


Watch = Callable[..., Any]
OneStage = Callable[[], Stage]


@pytest.mark.parametrize("kind", [produced, AsyncSource, AsyncBody])
async def test_the_very_same_objects_come_out_of_an_async_iterator(kind: Any, watch: Watch, stage: OneStage) -> None:
    """Every object is the one that was put in, in order, and each is a chunk."""
    given = items()
    taken = [item async for item in watch(kind(given))]
    assert [id(item) for item in taken] == [id(item) for item in given]
    assert len(stage().chunks) == len(given)
    assert stage().outcome == "completed"


@pytest.mark.parametrize("kind", [produced_at_once, Source, list, tuple, iter])
def test_the_very_same_objects_come_out_of_an_iterator(kind: Any, watch: Watch, stage: OneStage) -> None:
    """Likewise for generators, other iterators and what can be iterated."""
    given = items()
    taken = list(watch(kind(given)))
    assert [id(item) for item in taken] == [id(item) for item in given]
    assert len(stage().chunks) == len(given)
    assert stage().outcome == "completed"


def test_in_all_else_it_is_what_it_wraps(watch: Watch) -> None:
    """Type, attributes, length, equality and truth are those of the object that is wrapped."""
    source = AsyncSource("abc")
    watched = watch(source)
    assert isinstance(watched, AsyncSource)
    watched.closed = 5
    assert source.closed == 5
    assert inspect.isasyncgen(watch(produced()))
    assert inspect.isgenerator(watch(produced_at_once()))
    assert (len(watch([1, 2])), watch([1, 2]) == [1, 2], bool(watch([])), watch([1, 2])[1]) == (2, True, False, 2)


@pytest.mark.parametrize("name", ["asend", "athrow", "aclose", "send", "throw", "close", "read"])
@pytest.mark.parametrize("make", [produced, produced_at_once, list, lambda: AsyncSource(""), lambda: Source("")])
def test_it_has_the_methods_of_what_it_wraps_and_no_others(make: Any, name: str, watch: Watch) -> None:
    """Who asks whether an iterator can be closed or sent to gets the answer of the iterator."""
    iterable = make()
    assert hasattr(watch(iterable), name) == hasattr(iterable, name)


def test_what_is_never_pulled_is_no_stage(watch: Watch, telemetry: Telemetry) -> None:
    """An iterator that nobody begins on leaves no span."""
    watched = watch(iter("abc"))
    iter(watched)
    del watched
    assert ended(telemetry, 0) == []


async def test_pulls_and_loops_are_one_pass(watch: Watch, stage: OneStage) -> None:
    """Taking the first chunk by hand, breaking off and going on later are one stage."""
    watched = watch(produced())
    taken = [await watched.__anext__()]
    async for item in watched:
        taken.append(item)
        break
    taken += [item async for item in watched]
    assert taken == list(TEXTS)
    assert len(stage().chunks) == len(TEXTS)


def test_pulls_and_loops_are_one_pass_of_an_iterator(watch: Watch, stage: OneStage) -> None:
    """Likewise without async."""
    watched = watch(iter(TEXTS))
    taken = [next(watched), *zip(watched, range(2), strict=False)]
    assert [taken[0], *(item for item, _ in taken[1:]), *watched] == ["The", " cat", " sat", " the", " mat", "."]
    assert len(stage().chunks) == len(TEXTS)


@pytest.mark.parametrize("layers", [1, 2])
def test_list_can_be_iterated_again(layers: int, watch: Watch, telemetry: Telemetry) -> None:
    """What starts anew on each loop does so when it is watched, as a stage each time."""
    watched: Any = list(TEXTS)
    for _ in range(layers):
        watched = watch(watched)
    assert list(watched) == list(watched) == list(TEXTS)
    assert [len(each.chunks) for each in ended(telemetry, 2 * layers)] == [len(TEXTS)] * 2 * layers


async def test_async_body_can_be_iterated_again(watch: Watch, telemetry: Telemetry) -> None:
    """Likewise for what is async and no iterator."""
    watched = watch(AsyncBody(TEXTS))
    assert [item async for item in watched] == list(TEXTS)
    assert [item async for item in watched] == list(TEXTS)
    assert [each.outcome for each in ended(telemetry, 2)] == ["completed"] * 2


async def test_aclose_closes_what_is_wrapped(watch: Watch, stage: OneStage) -> None:
    """The generator's own cleanup runs, and the stage was abandoned."""
    closed: list[str] = []

    async def source() -> AsyncIterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            closed.append("yes")

    async with aclosing(watch(source())) as watched:
        async for _ in watched:
            break
    assert closed == ["yes"]
    assert stage().outcome == "abandoned"


async def test_aclose_of_the_loops_own_iterator(watch: Watch, stage: OneStage) -> None:
    """What a loop iterates, `aiter()` of the watched, can be closed as well, where that makes sense or not."""
    iterator = aiter(watch(produced()))
    await anext(iterator)
    await iterator.aclose()
    assert stage().outcome == "abandoned"
    await aiter(watch(AsyncBody("a"))).aclose()
    await aiter(watch(AsyncSource("a"))).aclose()


async def test_closing_after_the_end_changes_nothing(watch: Watch, stage: OneStage) -> None:
    """A stage that has completed stays so."""
    watched = watch(produced())
    taken = [item async for item in watched]
    await watched.aclose()
    assert taken == list(TEXTS)
    assert stage().outcome == "completed"


async def test_close_that_is_async(watch: Watch, stage: OneStage) -> None:
    """`close()` as the SDKs have it is awaited, gives what it gives, and ends the stage."""
    source = AsyncSource(TEXTS)
    watched = watch(source)
    await watched.__anext__()
    assert await watched.close() == "closed"
    assert source.closed == 1
    assert stage().outcome == "abandoned"


def test_close_that_is_not(watch: Watch, stage: OneStage) -> None:
    """`close()` of a plain iterator is called and ends the stage."""
    source = Source(TEXTS)
    watched = watch(source)
    next(watched)
    assert watched.close() == "closed"
    assert source.closed == 1
    assert stage().outcome == "abandoned"


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


async def test_async_with(watch: Watch, stage: OneStage) -> None:
    """The context manager of what is wrapped is entered and left, may swallow an exception, and ends the stage."""
    source = AsyncSource(TEXTS)
    async with watch(source) as watched:
        await watched.__anext__()
        fail()
    assert source.closed == 1
    assert stage().outcome == "abandoned"


def test_with(watch: Watch, stage: OneStage) -> None:
    """Likewise without async."""
    source = Source(TEXTS)
    with watch(source) as watched:
        next(watched)
        fail()
    assert source.closed == 1
    assert stage().outcome == "abandoned"


def fail() -> None:
    """What an application may do with a stream open."""
    raise ValueError


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


class Pausing(AsyncSource):
    """Lets its second pull wait for ever, if it is not cancelled."""

    def __init__(self, each: Any) -> None:
        super().__init__(each)
        self.waits = iter([0, 60, 0, 0, 0, 0])

    async def __anext__(self) -> Any:
        await asyncio.sleep(next(self.waits))
        return await super().__anext__()


async def test_pull_that_was_cancelled_and_repeated_goes_on(watch: Watch, stage: OneStage) -> None:
    """A heartbeat by `asyncio.wait_for` around each pull is no end of the stage, and later chunks are seen."""
    watched = watch(Pausing("abc"))
    taken = [await anext(watched)]
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(anext(watched), 0.01)
    taken += [item async for item in watched]
    assert taken == ["a", "b", "c"]
    assert (stage().outcome, len(stage().chunks)) == ("completed", 3)


@pytest.mark.parametrize("how", ["dropped", "closed", "at its end"])
async def test_pull_that_was_cancelled_and_never_repeated_is_the_end(how: str, watch: Watch, stage: OneStage) -> None:
    """The stage was cancelled, however the iterator is left then."""
    watched = watch(Pausing("" if how == "at its end" else "ab"))
    if how != "at its end":
        await anext(watched)
    else:
        watched.waits = iter([60, 0])
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(anext(watched), 0.01)
    if how == "closed":
        await watched.close()
    elif how == "at its end":
        assert [item async for item in watched] == []
    del watched
    # From Python 3.12 on the loop holds the cancelled pull until its next turn.
    await asyncio.sleep(0)
    assert stage().outcome == "cancelled"


def test_generators_value_comes_through(watch: Watch, stage: OneStage) -> None:
    """What a generator returns is the value of `yield from`."""

    def source() -> Generator[str, None, str]:
        yield "a"
        return "all"

    def delegating() -> Generator[str, None, Any]:
        yield (yield from watch(source()))

    assert list(delegating()) == ["a", "all"]
    assert stage().outcome == "completed"


def answering() -> Generator[str, str, None]:
    """A generator that answers what it is sent or thrown."""
    said = "begun"
    while True:
        try:
            said = f"got {yield said}"
        except LookupError as error:
            said = f"caught {error}"


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


async def test_broken_off_loop_ends_the_stage(watch: Watch, stage: OneStage) -> None:
    """An iterator that is dropped in the middle was abandoned."""
    async for _ in watch(produced()):
        break
    assert stage().outcome == "abandoned"


def test_broken_off_loop_over_an_iterator_ends_the_stage(watch: Watch, stage: OneStage) -> None:
    """Likewise without async."""
    for _ in watch(iter("abc")):
        break
    assert stage().outcome == "abandoned"


def test_iterator_in_a_cycle_ends_when_it_is_collected(watch: Watch, stage: OneStage) -> None:
    """An iterator that only the garbage collector finds was abandoned too."""
    holder: list[Any] = [watch(iter("abc"))]
    holder.append(holder)
    next(holder[0])
    del holder
    gc.collect()
    assert stage().outcome == "abandoned"


def test_destructor_takes_no_lock(watch: Watch, recorder: Recorder, stage: OneStage) -> None:
    """The garbage collector may drop an iterator in the middle of the recorder's own work, on the same thread."""
    watched = watch(iter("abc"))
    next(watched)
    with recorder.background.writer.lock, recorder.background.writer.room.lock, recorder.background._start_lock:
        del watched
    assert stage().outcome == "abandoned"


def test_internal_error_is_not_the_applications(
    watch: Watch, recorder: Recorder, stage: OneStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where observing fails, every object still comes out; after MAX_STAGE_ERRORS failures nothing is observed."""
    monkeypatch.setattr(internal, "reraise", False)
    calls: list[str] = []

    def fail(item: Any, time_ns: int) -> None:
        calls.append(item)
        raise RuntimeError("ours")

    given = ["a"] * (limits.MAX_STAGE_ERRORS + 4)
    watched = watch(iter(given))
    taken = [next(watched)]
    cursor = watched._self_cursor
    cursor.record.take = fail
    cursor._look()
    taken += watched
    assert taken == given
    assert len(calls) == limits.MAX_STAGE_ERRORS
    assert stage().outcome == "unparsed"


async def test_nothing_to_observe_with(telemetry: Telemetry) -> None:
    """Where no stage can be begun, every object comes out all the same."""
    watched = ObservedAsyncIterator(produced(), StageCursor(lambda: None))
    assert [item async for item in watched] == list(TEXTS)
    assert ended(telemetry, 0) == []


@pytest.mark.parametrize("kind", [ObservedAsyncIterator, ObservedIterator])
def test_what_can_not_be_iterated_says_so_itself(kind: Any) -> None:
    """The error of pulling from what is no iterator is Python's own."""
    watched = kind(5, StageCursor(lambda: None))
    with pytest.raises((AttributeError, TypeError), match="int"):
        watched.__anext__() if kind is ObservedAsyncIterator else iter(watched)


LEFT_OPEN = """
    import asyncio
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    import otel_sse

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)

    async def source():
        while True:
            yield "a"
            await asyncio.sleep(0)

    @otel_sse.policy("judge")
    async def judge(chunks):
        async for chunk in chunks:
            yield chunk

    kept = []

    async def main():
        begun = asyncio.Event()
        async def run():
            async for _ in otel_sse.observe(judge(otel_sse.observe(source(), "provider")), "emit"):
                begun.set()
                await asyncio.sleep(%s)
        task = asyncio.create_task(run())
        kept.append(task)
        await begun.wait()

    asyncio.run(main())
    del kept
    otel_sse.shutdown()
    for span in exporter.get_finished_spans():
        if "sse.stream.outcome" in span.attributes:
            print(span.name, span.attributes["sse.stream.outcome"])
"""


@pytest.mark.parametrize("pause", ["0", "10"])
def test_loop_that_shuts_down_ends_every_stage_once(run_script: Callable[..., str], pause: str) -> None:
    """A chain that is still running when its loop ends has one outcome a stage, and no context is complained about."""
    lines = run_script(LEFT_OPEN % pause).split("\n")[:-1]
    names = sorted(line.rpartition(" ")[0] for line in lines)
    assert names == ["stream emit", "stream policy.judge", "stream policy.judge", "stream provider"]
    assert {line.rpartition(" ")[2] for line in lines} <= {"abandoned", "cancelled"}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.ns = 10**12

    def __call__(self) -> int:
        return self.ns

    def wait(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


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
