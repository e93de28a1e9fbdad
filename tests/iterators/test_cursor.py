"""The stage that an iterator feeds ends once, whatever way the iterator is left."""

from __future__ import annotations

import asyncio
import gc
from functools import partial
from typing import Any

import pytest

from otel_sse import limits
from otel_sse.iterators.cursor import StageCursor
from otel_sse.iterators.observed import ObservedAsyncIterator
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.integrations.pipeline import TEXTS, ended, produced
from tests.integrations.seen import Telemetry
from tests.iterators.made import AsyncSource, OneStage, Watch


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


def test_stage_begins_once_and_ends_once(recorder: Recorder, stage: OneStage) -> None:
    """However often it is told to; what comes after the end is not observed."""
    stream = Stream(recorder, now_ns())
    opened: list[StageRecord] = []

    def open_stage() -> StageRecord:
        opened.append(stream.stage(StageSpec("emit")))
        return opened[-1]

    cursor = StageCursor(open_stage)
    cursor.end("abandoned")
    cursor.begin()
    cursor.begin()
    cursor.observe("a", now_ns())
    cursor.end("completed")
    cursor.end("failed", ValueError("late"))
    cursor.observe("b", now_ns())
    assert len(opened) == 1
    assert (stage().outcome, len(stage().chunks), stage().attributes.get("error.type")) == ("completed", 1, None)


def test_one_more_pass_is_another_stage(recorder: Recorder, telemetry: Telemetry) -> None:
    """It is begun in the same way, and the first one stays as it is."""
    first = StageCursor(partial(Stream(recorder, now_ns()).stage, StageSpec("emit")))
    second = first.again()
    for cursor in (first, second):
        cursor.begin()
        cursor.end_by(GeneratorExit())
    assert [(each.attributes["sse.stage"], each.outcome) for each in ended(telemetry, 2)] == [("emit", "abandoned")] * 2


async def test_who_waits_for_a_chunk_pulls(watch: Watch) -> None:
    """From a pull to its chunk somebody waits; not between pulls, and not once a pull was cancelled."""
    watched = watch(Pausing("abc"))
    assert await anext(watched) == "a"
    record = watched._self_cursor.record
    assert not record.is_pulled()
    pull = asyncio.ensure_future(anext(watched))
    await asyncio.sleep(0)
    assert record.is_pulled()
    pull.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pull
    assert not record.is_pulled()
