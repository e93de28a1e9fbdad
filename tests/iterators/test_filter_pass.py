"""One pass through a filter: nothing is lost where the filter itself breaks, and what it did is told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from otel_sse import guards
from otel_sse.iterators.filter_pass import FilterPass, filter_async, filter_sync
from otel_sse.recording.guard_tally import GuardTally
from otel_sse.telemetry import internal
from tests.guards.made import OPENING, produced, produced_at_once


def test_filter_that_breaks_costs_no_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the guard's own is counted, and from then on everything passes, what was held first."""
    monkeypatch.setattr(internal, "reraise", False)
    calls: list[Any] = []

    def broken(self: Any, unit: Any) -> None:
        calls.append(unit)
        raise RuntimeError("broken")

    stream = guards.trim_restarts(produced_at_once([*OPENING, OPENING[0], "x", "y"]), min_chars=16)
    out = [next(stream) for _ in OPENING]
    monkeypatch.setattr("otel_sse.guards.units.UnitReader.read", broken)
    assert [*out, *stream] == [*OPENING, OPENING[0], "x", "y"]
    assert len(calls) == 1


async def test_who_stops_within_a_repetition_has_its_chunks_counted(caplog: pytest.LogCaptureFixture) -> None:
    """A stream that is closed while the net withholds tells what was withheld, and releases nothing."""
    stream: Any = guards.trim_restarts(produced([*OPENING, *OPENING, *["x"] * 9]), min_chars=16)

    async def first(count: int) -> None:
        for _ in range(count):
            await anext(stream)

    await first(len(OPENING))
    with caplog.at_level(logging.DEBUG, "otel_sse.guard"):
        await first(1)
        await stream.aclose()
    assert [record.getMessage() for record in caplog.records] == ["TRIM_RESTARTS trimmed seq=17-32"]

    held: Any = guards.trim_restarts(produced_at_once([*OPENING, OPENING[0], "x"]), min_chars=16)
    for _ in OPENING:
        next(held)
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "otel_sse.guard"):
        held.close()
    assert caplog.records == []


class Pairs:
    """A filter that lets chunks pass two by two, and takes note of how its pass ends."""

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.closed = 0

    def feed(self, item: str, time_ns: int) -> Sequence[str]:
        if item == "broken":
            raise RuntimeError("ours")
        self.waiting.append(item)
        return self.end() if len(self.waiting) == 2 else ()

    def end(self) -> Sequence[str]:
        waiting, self.waiting = self.waiting, []
        return waiting

    def close(self) -> None:
        self.closed += 1


Begun = tuple[Pairs, Callable[[], FilterPass]]


@pytest.fixture
def begun() -> Begun:
    """A filter, and what begins a pass through it."""
    pairs = Pairs()
    return pairs, lambda: FilterPass(pairs, GuardTally("pairs", None))


def test_each_chunk_comes_when_the_filter_lets_it(begun: Begun) -> None:
    """What waits comes with the next one, or at the stream's end."""
    pairs, begin = begun
    one = begin()
    assert [list(one.feed(item)) for item in "abc"] == [[], ["a", "b"], []]
    assert list(one.end()) == ["c"]
    one.close()
    assert pairs.closed == 0


def test_pass_that_is_left_closes_its_filter_once(begun: Begun) -> None:
    """Then what waits stays where it is."""
    pairs, begin = begun
    one = begin()
    one.feed("a")
    one.close()
    one.close()
    assert (pairs.closed, pairs.waiting) == (1, ["a"])


def test_filter_that_breaks_gives_what_waits_and_lets_all_pass(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost and the order is kept."""
    monkeypatch.setattr(internal, "reraise", False)
    _, begin = begun
    assert list(filter_sync(iter(["a", "broken", "b", "broken"]), begin)) == ["a", "broken", "b", "broken"]


def test_filter_that_breaks_at_the_end_costs_what_it_held(begun: Begun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream ends in order all the same."""
    monkeypatch.setattr(internal, "reraise", False)
    pairs, begin = begun

    def broken() -> Sequence[str]:
        raise RuntimeError("ours")

    pairs.end = broken  # type: ignore[method-assign]
    assert list(filter_sync(iter("a"), begin)) == []


async def test_generators_are_closed_behind_the_pass_and_others_are_not(begun: Begun) -> None:
    """A file that a loop is done with is still open."""

    class Lines:
        """An iterator that can be closed and is no generator."""

        closed = 0

        def __next__(self) -> str:
            raise StopIteration

        async def __anext__(self) -> str:
            raise StopAsyncIteration

        def close(self) -> None:
            self.closed += 1

    _, begin = begun
    lines, at_once, later = Lines(), produced_at_once("ab"), produced("ab")
    assert list(filter_sync(lines, begin)) == [item async for item in filter_async(lines, begin)] == []
    sync_pass, async_pass = filter_sync(at_once, begin), filter_async(later, begin)
    assert (next(sync_pass), await anext(async_pass)) == ("a", "a")
    sync_pass.close()  # type: ignore[attr-defined]
    await async_pass.aclose()  # type: ignore[attr-defined]
    assert [lines.closed, list(at_once), [item async for item in later]] == [0, [], []]
