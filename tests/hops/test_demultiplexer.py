"""Which stream a message belongs to, and how many of them a connection may have."""

from __future__ import annotations

import gc
import itertools
from typing import Any

import pytest

import otel_sse
from otel_sse import limits
from otel_sse.hops import demultiplexer
from otel_sse.hops.demultiplexer import Demultiplexer
from otel_sse.hops.envelope import Agreement, Envelope
from otel_sse.hops.messages import Hooks, MessageReader, Read
from otel_sse.recording.live_stream import Stream, enter, leave
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry.clock import now_ns
from tests.hops.ends import HELLO, Ends, later, opening, server, unobserved
from tests.integrations.seen import Telemetry
from tests.integrations.websockets.peers import Stages, answer, chunk, start

pytestmark = pytest.mark.usefixtures("taken")


def reading(message: str) -> Read:
    """What a message says."""
    return MessageReader(Hooks(), 1_000).read(message)


@pytest.mark.parametrize("key", ["", "a"])
def test_streams_may_follow_each_other(recorder: Recorder, stages: Stages, key: str) -> None:
    """A START behind an END is a new stream, with or without a key."""
    ends = Ends(recorder)
    for _ in range(2):
        for message in answer(2, key):
            ends.cross(message)
    ends.end()
    assert len({stage.stream_id for stage in stages}) == 2
    assert [stage.outcome for stage in stages] == ["completed"] * 4
    assert [stage.lineage for stage in stages.named("ws.receive")] == [[1, 2, 3, 4]] * 2


def test_a_mere_id_names_a_stream_only_where_it_starts_one(ends: Ends, stages: Stages) -> None:
    """Messages that each have an id of their own stay in one stream."""
    for n in range(5):
        ends.cross(f'{{"type": "CHUNK", "id": "message-{n}", "content": "a"}}')
    ends.end()
    assert [len(stage.chunks) for stage in stages] == [5, 5]


def test_messages_belong_to_the_stream_of_the_task_that_sends_them(recorder: Recorder, stages: Stages) -> None:
    """Without keys, requests that share a socket are told apart by their tasks."""
    ends = Ends(recorder)
    streams = [Stream(recorder, now_ns()) for _ in range(3)]
    for stream in streams * 2:
        token = enter(stream)
        ends.cross(chunk("a"))
        leave(token)
    ends.end()
    assert {stage.stream_id for stage in stages} == {stream.id for stream in streams}
    assert [len(stage.chunks) for stage in stages] == [2] * 6


def test_the_stages_end_with_the_request(recorder: Recorder, stages: Stages) -> None:
    """A request that is over takes its stages along, though the socket stays open."""
    ends = Ends(recorder)
    stream = Stream(recorder, now_ns())
    token = enter(stream)
    ends.cross(start())
    leave(token)
    stream.end("disconnected")
    assert stages.one("ws.send").outcome == "disconnected"
    ends.cross(chunk("too late"))
    ends.end()


@pytest.mark.parametrize("more", [0, 1])
def test_streams_of_a_connection_are_kept_up_to_a_cap(
    recorder: Recorder, monkeypatch: Any, stages: Stages, more: int
) -> None:
    """Past it the one that began first is ended as abandoned."""
    monkeypatch.setattr(limits, "MAX_HOP_STREAMS", 4)
    ends = Ends(recorder)
    for n in range(4 + more):
        ends.cross(start(f"stream-{n}"))
    assert [stage.outcome for stage in stages] == ["abandoned"] * 2 * more
    ends.end()


@pytest.mark.parametrize("more", [0, 1])
def test_a_connection_has_so_many_streams(
    recorder: Recorder, telemetry: Telemetry, stages: Stages, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    """At MAX_CONNECTION_STREAMS each is observed; one past it is not, nor is what follows of it called a loss."""
    monkeypatch.setattr(limits, "MAX_CONNECTION_STREAMS", 3)
    hop = server(recorder)
    for n in range(3 + more):
        assert hop.open(opening(f"{n}")) == HELLO
    for _ in range(2):
        assert hop.open(later(f"{2 + more}", 2)) == HELLO
    hop.ended("completed")
    assert unobserved(telemetry) == 3 * more
    assert [stage.outcome for stage in stages.named("ws.receive")] == ["completed"] * 3
    assert not any(finding[0].startswith("gap/") for stage in stages for finding in stage.findings)


def test_an_answer_is_sent_as_it_is_where_its_stream_has_no_place(
    recorder: Recorder, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What leaves for a stream that is not observed gets no envelope, and is counted."""
    monkeypatch.setattr(limits, "MAX_CONNECTION_STREAMS", 1)
    hop = server(recorder)
    for key in ("a", "b"):
        hop.open(f'{{"type": "START", "stream_id": "{key}"}}')
        sealed, leaving = hop.seal(message := f'{{"type": "START", "stream_id": "{key}"}}')
        hop.sent(leaving)
        assert (sealed == message) is (key == "b")
    assert (unobserved(telemetry), unobserved(telemetry, "ws.send")) == (1, 1)
    hop.ended("completed")


def test_a_stream_with_nothing_open_makes_room(
    recorder: Recorder, stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streams one after the other are all observed, on a connection that has room for one."""
    monkeypatch.setattr(limits, "MAX_CONNECTION_STREAMS", 2)
    monkeypatch.setattr(limits, "MAX_PEER_STREAMS", 1)
    hop = server(recorder)
    for n in range(6):
        hop.open(opening(f"{n}", '{"type": "START"}'))
        hop.open(later(f"{n}", 2, '{"type": "END"}'))
        otel_sse.flush()
    hop.ended("completed")
    assert [stage.outcome for stage in stages.named("ws.receive")] == ["completed"] * 6


def test_an_idle_stream_makes_room(recorder: Recorder, stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    """After IDLE_STREAM_NS without a message it is ended as abandoned; before, the new one is not observed."""
    monkeypatch.setattr(limits, "MAX_CONNECTION_STREAMS", 1)
    times = [0]
    monkeypatch.setattr(demultiplexer, "now_ns", lambda: times[0])
    hop = server(recorder)
    hop.open(opening("first"))
    times[0] = limits.IDLE_STREAM_NS - 1
    hop.open(opening("second"))
    times[0] = limits.IDLE_STREAM_NS
    hop.open(opening("third"))
    hop.ended("completed")
    assert [(stage.stream_id, stage.outcome) for stage in stages.named("ws.receive")] == [
        ("first", "abandoned"),
        ("third", "completed"),
    ]


def test_long_names_of_streams_are_not_kept(recorder: Recorder, stages: Stages) -> None:
    """Of what a peer calls a stream at most 64 characters are kept, and two long names are two streams."""
    hop = server(recorder)
    for name in ("x" * 900 + "a", "x" * 900 + "b"):
        hop.open(opening(name))
        hop.open(later(name, 2))
    assert max(map(len, hop._lanes._by_id)) <= limits.MAX_NAME_CHARS
    hop.ended("completed")
    assert [stage.lineage for stage in stages.named("ws.receive")] == [[1, 2], [1, 2]]


@pytest.mark.parametrize("envelope", ["", "otel-sse/1 same {number} 1\n"])
def test_turns_of_one_connection_hold_nothing(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, envelope: str
) -> None:
    """However many answers cross one connection, one after the other, what is held of them stays the same."""
    monkeypatch.setattr(limits, "MAX_CONNECTION_STREAMS", 2)
    hop = server(recorder)
    numbers = itertools.count(1)

    def turns(count: int) -> int:
        for _ in range(count):
            for mark in ("START", "END"):
                message = f'{{"type": "{mark}"}}'
                hop.open(envelope.format(number=next(numbers)) + message)
                _, leaving = hop.seal(message)
                hop.sent(leaving)
            otel_sse.flush()
        gc.collect()
        return sum(type(each).__name__ == "StageRecord" for each in gc.get_objects())

    first = turns(2 * limits.MAX_UPSTREAMS)
    assert turns(2 * limits.MAX_UPSTREAMS) <= first + 2
    hop.ended("completed")


def test_a_lane_is_found_by_its_id_and_by_its_key(recorder: Recorder) -> None:
    """Both ways lead to the same one, until it is forgotten."""
    lanes = Demultiplexer("server", recorder, Agreement("1", "x"), None)
    lane = lanes.incoming(reading(start("a")), Envelope("stream-1", 1, 1, 1, True))
    assert lane is not None
    assert lanes.get("stream-1") is lanes.named("a") is lane
    assert lanes.outgoing(reading(chunk("x", "a"))) is lane
    lanes.forget("stream-1")
    lanes.forget("stream-1")
    assert (lanes.get("stream-1"), lanes.named("a")) == (None, None)
    # What comes of it now would be a stream's middle.
    assert lanes.incoming(reading(chunk("x", "a")), None) is None


def test_the_connections_own_stream_takes_the_clients_id(recorder: Recorder) -> None:
    """Where it has none yet; one that has an id stays what it is."""
    own = Stream(recorder, now_ns())
    lanes = Demultiplexer("server", recorder, Agreement("1", "x"), own)
    first = lanes.incoming(reading("hello"), Envelope("stream-1", 1, 1, 1, True))
    second = lanes.incoming(reading("hello"), Envelope("stream-2", 1, 1, 1, True))
    assert first is not None
    assert second is not None
    assert (own.id, first.stream is own, second.stream is own) == ("stream-1", True, False)
    lanes.close("completed", "")


@pytest.mark.parametrize(("broke", "same"), [(True, True), (False, False)])
def test_a_key_goes_on_with_its_stream_on_the_next_connection(recorder: Recorder, broke: bool, same: bool) -> None:
    """A START does only where the connection before broke off: after an orderly close it is another answer."""
    found = []
    for _ in range(2):
        lanes = Demultiplexer("client", recorder, Agreement("1", f"peer-{broke}"), None)
        lane = lanes.outgoing(reading(start("a")))
        assert lane is not None
        lane.outgoing.begin(reading(start("a")), now_ns())
        found.append(lane.stream_id)
        lanes.left(broke=broke)
        lanes.close("disconnected" if broke else "completed", "")
    assert (found[0] == found[1]) is same
