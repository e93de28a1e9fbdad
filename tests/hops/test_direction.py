"""One direction of a stream: its stage begins with the first message and ends with the one that says so."""

from __future__ import annotations

import pytest

from otel_sse.hops.direction import Direction
from otel_sse.hops.messages import Hooks, MessageReader, Read
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.recorder import Recorder
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry.clock import now_ns
from tests.hops.ends import Ends
from tests.integrations.websockets.peers import Stages, chunk, end, start


def test_a_start_without_an_end_is_incomplete(ends: Ends, stages: Stages) -> None:
    """The next START ends the stream before as incomplete."""
    for message in (start(), chunk("a"), start(), end()):
        ends.cross(message)
    ends.end()
    assert [stage.outcome for stage in stages.named("ws.send")] == ["incomplete", "completed"]


def test_an_error_ends_a_stream_as_failed(ends: Ends, stages: Stages) -> None:
    """With its code, at both ends."""
    for message in (start(), '{"type": "ERROR", "code": "overloaded"}'):
        ends.cross(message)
    ends.end()
    assert [(stage.outcome, stage.attributes["error.type"]) for stage in stages] == [("failed", "overloaded")] * 2


def test_a_send_that_raised_in_a_stage_leaves_it_as_it_was(ends: Ends, stages: Stages) -> None:
    """The stage has had a message before."""
    ends.cross(start())
    _, leaving = ends.client.seal(chunk("lost"))
    ends.client.unsent(leaving, OSError())
    ends.end()
    assert [len(stage.chunks) for stage in stages.named("ws.send")] == [1]


def test_an_idle_socket_is_no_stall(recorder: Recorder, stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no START has said that an answer is under way, silence is no finding."""
    clock = iter(range(10**12, 10**15, 60 * 10**9))
    monkeypatch.setattr("otel_sse.hops.hop.now_ns", lambda: next(clock))
    ends = Ends(recorder)
    for message in ("a", "b", "c"):
        ends.cross(message)
    ends.end()
    assert [stage.findings for stage in stages] == [[], []]


def test_words_before_a_start_are_of_its_stream(recorder: Recorder, stages: Stages) -> None:
    """The stream goes on, is incomplete without its END, and silence in it is a stall."""
    ends = Ends(recorder)
    for message in ("hello", start(), chunk("a")):
        ends.cross(message)
    ends.end()
    assert [(stage.outcome, len(stage.chunks)) for stage in stages] == [("incomplete", 3)] * 2


def test_silence_behind_a_start_is_a_stall(recorder: Recorder, stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where words went before it, after however long a silence."""
    clock = iter(range(10**12, 10**15, 60 * 10**9))
    monkeypatch.setattr("otel_sse.hops.hop.now_ns", lambda: next(clock))
    ends = Ends(recorder)
    for message in ("hello", start(), chunk("a")):
        ends.cross(message)
    ends.end()
    assert ("stall/content", 3, "certain") in stages.one("ws.receive").findings


@pytest.fixture
def direction(recorder: Recorder) -> Direction:
    """One direction of a stream of its own."""
    stream = Stream(recorder, now_ns())
    return Direction(stream, lambda: stream.stage(StageSpec("ws.send")))


def read(message: str) -> Read:
    """What a message says."""
    return MessageReader(Hooks(), 1_000).read(message)


def crossing(direction: Direction, *messages: str) -> None:
    """Let messages cross."""
    for message in messages:
        record = direction.begin(read(message), now_ns())
        assert record is not None
        direction.cross(record, read(message), now_ns())


def test_a_stage_is_the_same_until_another_start(direction: Direction, stages: Stages) -> None:
    """Which ends it as incomplete, where no END has come before."""
    crossing(direction, start(), chunk("a"))
    first = direction.record
    crossing(direction, chunk("b"), start())
    assert first is not direction.record is direction.latest
    direction.close("completed")
    assert [(stage.outcome, len(stage.chunks)) for stage in stages] == [("incomplete", 3), ("incomplete", 1)]


def test_a_start_that_comes_again_begins_nothing(direction: Direction) -> None:
    """A sender that sends again what was lost sends its START again too."""
    crossing(direction, start(), chunk("a"))
    first = direction.record
    assert direction.begin(read(start()), now_ns(), again=True) is first
    direction.close("completed")


def test_an_end_makes_it_complete_however_the_connection_ends(direction: Direction, stages: Stages) -> None:
    """The outcome of the connection is not that of what was complete before."""
    crossing(direction, start(), chunk("a"), end())
    direction.close("disconnected", "ConnectionError")
    direction.close("failed", "a second call")
    assert [(stage.outcome, stage.attributes.get("error.type")) for stage in stages] == [("completed", None)]


def test_all_bytes_of_a_message_have_crossed(direction: Direction) -> None:
    """Also where a dialect is given but a part of it, the chunk that the message carries."""
    message = '{"type": "CHUNK", "data": {"choices": [{"index": 0, "delta": {"content": "a"}}]}, "trace": "x"}'
    crossing(direction, message)
    assert direction.record is not None
    assert direction.record.monitor.totals.bytes == len(message)
    direction.close("completed")


def test_a_broken_object_is_a_finding_of_its_chunk(direction: Direction, stages: Stages) -> None:
    """The message is a chunk all the same."""
    crossing(direction, "{broken")
    direction.close("completed")
    assert [finding[:2] for finding in stages.one("ws.send").findings] == [("protocol/json_error", 1)]
    assert len(stages.one("ws.send").chunks) == 1


def test_messages_under_way_keep_a_stage_that_nothing_has_crossed(direction: Direction, stages: Stages) -> None:
    """Of two sends that raise, the second one takes the stage back."""
    record = direction.begin(read(start()), now_ns())
    assert record is not None
    direction.under_way = 2
    direction.failed(record)
    assert direction.is_open
    direction.failed(record)
    assert (direction.is_open, direction.latest) == (False, None)
    assert stages.all() == []


def test_nothing_begins_where_nothing_is_recorded_any_more(direction: Direction, recorder: Recorder) -> None:
    """A message that crosses after `shutdown` belongs to no stage."""
    recorder.shutdown()
    assert direction.begin(read(chunk("a")), now_ns()) is None
