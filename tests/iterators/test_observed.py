"""Iterators that are watched behave as if they were not."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest
import wrapt

from otel_sse import guards
from otel_sse.integrations.verbs.observe import observe
from otel_sse.iterators.cursor import StageCursor
from otel_sse.iterators.observed import ObservedAsyncIterator, ObservedIterator, stage_inside, stream_around
from tests.integrations.pipeline import TEXTS, ended, items, produced, produced_at_once
from tests.integrations.seen import Telemetry
from tests.iterators.made import AsyncBody, AsyncSource, OneStage, Source, Watch, fail


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


def test_stage_around_a_stage_is_of_the_same_stream() -> None:
    """Also with guards, or another library's proxy, between the two; what is no stage has a stream of its own."""
    inner = observe(["a"], "provider")
    stream = stage_inside(inner)
    for around in (inner, guards.single_pass(inner), wrapt.ObjectProxy(inner), observe(guards.deduplicate(inner), "x")):
        assert stream is stage_inside(around) is stream_around(around)
    assert stream is not None
    assert stage_inside(guards.deduplicate(["a"])) is None
    assert stream_around(["a"]) is not stream_around(["a"])
