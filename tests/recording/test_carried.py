"""The streams that a handle names."""

from __future__ import annotations

import gc

import pytest

from otel_sse import limits
from otel_sse.recording.carried import CarriedStreams
from otel_sse.recording.live_stream import Stream
from tests.recording.made import Bench


def test_a_stream_is_found_as_long_as_somebody_holds_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The very object; past the latest few, which are held, the list keeps none alive."""
    monkeypatch.setattr(limits, "MAX_HELD_STREAMS", 2)
    carried = CarriedStreams()
    stream = Stream(bench.recorder, 1, stream_id="mine")
    carried.add(stream)
    assert carried.find("mine") is stream
    assert stream.carried
    assert carried.find("another") is None
    del stream
    gc.collect()
    assert carried.find("mine") is not None
    for number in range(2):
        assert carried.find("mine") is not None
        carried.add(Stream(bench.recorder, 1, stream_id=f"s{number}"))
    gc.collect()
    assert carried.find("mine") is None
    assert carried.find("s0") is not None


def test_streams_of_a_recorder_that_is_closed_are_not_held(bench: Bench) -> None:
    """Their application is gone."""
    carried = CarriedStreams()
    carried.add(Stream(bench.recorder, 1, stream_id="mine"))
    bench.recorder.shutdown()
    carried.add(Stream(bench.recorder, 1, stream_id="next"))
    gc.collect()
    assert carried.find("mine") is None


def test_the_oldest_is_forgotten_first(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the cap all are known, one past it the oldest is not; a stream that is added again is the latest."""
    monkeypatch.setattr(limits, "MAX_CARRIED_STREAMS", 3)
    carried = CarriedStreams()
    streams = [Stream(bench.recorder, 1, stream_id=f"s{number}") for number in range(4)]
    for stream in streams[:3]:
        carried.add(stream)
    assert [carried.find(stream.id) for stream in streams] == [*streams[:3], None]
    carried.add(streams[0])
    carried.add(streams[3])
    assert [carried.find(stream.id) for stream in streams] == [streams[0], None, *streams[2:]]
    assert len(carried) == 3


def test_a_forked_child_knows_none_of_its_parents(bench: Bench) -> None:
    """Their stages are recorded in the parent."""
    carried = CarriedStreams()
    stream = Stream(bench.recorder, 1, stream_id="mine")
    carried.add(stream)
    carried.after_fork()
    assert carried.find("mine") is None
