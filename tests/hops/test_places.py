"""Streams that peers begin: so many on a connection, so many in a process, and their places come back."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest

import otel_sse
from otel_sse import limits
from otel_sse.hops import lanes, places
from otel_sse.hops.envelope import Agreement
from otel_sse.hops.hop import SERVER, Hop
from otel_sse.hops.messages import Hooks
from otel_sse.hops.places import Places
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry.clock import now_ns
from tests.integrations.driver import Driver
from tests.integrations.seen import Telemetry
from tests.integrations.websockets.peers import Stages

HELLO = '{"hello": 1}'


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    """Places of the test's own, all of which must have come back at its end."""
    own = Places()
    monkeypatch.setattr(lanes, "places", own)
    yield own
    gc.collect()
    otel_sse.flush()
    for _ in range(len(own.leaving)):
        own._give_back()
    assert len(own) == 0


def opening(stream: str, payload: str = HELLO) -> str:
    """The first message of a stream, as a peer writes it."""
    return f"otel-sse/1 {stream} 1 1 -\n{payload}"


def later(stream: str, number: int, payload: str = HELLO) -> str:
    """A further one."""
    return f"otel-sse/1 {stream} {number} 1\n{payload}"


def server(recorder: Recorder, peer: str = "x") -> Hop:
    """A server's end of a new connection."""
    return Hop(SERVER, recorder, Hooks(), Agreement("1", peer), Stream(recorder, now_ns()))


def unobserved(telemetry: Telemetry, stage: str = "ws.receive") -> int:
    """How many messages were passed on without a look."""
    return sum(
        point.value for labels, point in telemetry.metric("sse.recorder.dropped").items() if ("stage", stage) in labels
    )


@pytest.mark.parametrize("more", [0, 1])
def test_a_process_has_so_many_places(
    recorder: Recorder, telemetry: Telemetry, stages: Stages, monkeypatch: pytest.MonkeyPatch, caplog: Any, more: int
) -> None:
    """At MAX_PEER_STREAMS each is observed; one past it is passed on as it is, counted, and told once in the log."""
    monkeypatch.setattr(limits, "MAX_PEER_STREAMS", 4)
    hops = [server(recorder) for _ in range(2)]
    # The first of each connection needs no place.
    payloads = [hop.open(opening(f"{n}")) for n in range(3 + more) for hop in hops]
    assert payloads == [HELLO] * len(payloads)
    assert hops[0].open(later("3", 2)) == HELLO
    assert unobserved(telemetry) == 3 * more + (not more)
    assert len(caplog.records) == 1
    for hop in hops:
        hop.ended("completed")
    assert len(stages.named("ws.receive")) == 6


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
    monkeypatch.setattr(lanes, "now_ns", lambda: times[0])
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


@pytest.mark.parametrize("how", ["completed", "disconnected", "cancelled"])
def test_places_come_back_with_the_end_of_the_connection(recorder: Recorder, taken: Places, how: str) -> None:
    """Whatever way it ends, once what it recorded is written."""
    hop = server(recorder)
    for n in range(5):
        hop.open(opening(f"{n}"))
    assert len(taken) == 4
    hop.ended(how)
    assert len(taken) == 4
    otel_sse.flush()
    place = taken.take()
    assert place is not None
    assert len(taken) == 1


def test_places_come_back_by_the_garbage_collector(recorder: Recorder, taken: Places) -> None:
    """A connection that nobody ends and nobody holds gives back what it had."""
    hop = server(recorder)
    for n in range(5):
        hop.open(opening(f"{n}", '{"type": "START"}'))
        hop.open(later(f"{n}", 2, '{"type": "END"}'))
    assert len(taken) == 4
    del hop
    otel_sse.flush()
    gc.collect()
    assert len(taken) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork, so no child can have its parent's places")
def test_a_forked_child_has_all_places(recorder: Recorder, taken: Places) -> None:
    """The parent's streams are not the child's, and the parent keeps its own."""
    hop = server(recorder)
    for n in range(3):
        hop.open(opening(f"{n}"))
    pid = os.fork()
    if not pid:
        os._exit(len(taken))
    _, status = os.waitpid(pid, 0)
    assert (os.waitstatus_to_exitcode(status), len(taken)) == (0, 2)
    hop.ended("completed")


@pytest.mark.parametrize("raises", [False, True])
async def test_places_come_back_from_an_application(telemetry: Telemetry, taken: Places, raises: bool) -> None:
    """Of a served connection, also where the application raises in the middle."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] != "websocket.disconnect":
            assert message["text"] == HELLO
        if raises:
            raise ValueError("mine")

    watched = telemetry.instrument(app)
    messages = iter(
        [{"type": "websocket.connect"}]
        + [{"type": "websocket.receive", "text": opening(f"{n}")} for n in range(5)]
        + [{"type": "websocket.disconnect", "code": 1006}]
    )
    counts: list[int] = []

    async def receive() -> Any:
        counts.append(len(taken))
        return next(messages)

    async def send(message: Any) -> None:
        """Take it."""

    scope = {**Driver(app).scope, "type": "websocket", "headers": [(b"x-otel-sse", b"1;p=x")]}
    try:
        await watched(scope, receive, send)
    except ValueError:
        assert raises
    assert max(counts) == 4
    otel_sse.flush()
    assert taken.take() is not None
    assert len(taken) <= 1


def test_a_place_that_is_never_written_keeps_no_other(
    recorder: Recorder, taken: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the recorder lags behind, others that are written come back all the same."""
    hops = [server(recorder) for _ in range(2)]
    for hop in hops:
        for n in range(2):
            hop.open(opening(f"{n}"))
        hop.ended("completed")
    stuck = taken.leaving[0][1][0]
    monkeypatch.setattr(places, "_is_written", lambda record: record is not stuck)
    assert taken.take() is not None
    assert [record is stuck for _, (record,) in taken.leaving] == [True]
    monkeypatch.undo()


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
