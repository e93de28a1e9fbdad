"""Two ends of a connection without a socket between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.trace import get_current_span

import otel_sse
from otel_sse import limits
from otel_sse.hops.envelope import Agreement, open_text
from otel_sse.hops.hop import CLIENT, SERVER, Hop
from otel_sse.hops.ledgers import Ledger, keys
from otel_sse.hops.messages import Hooks
from otel_sse.recording.live_stream import Stream, enter, leave
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry import internal
from otel_sse.telemetry.clock import now_ns
from tests.integrations.seen import Telemetry
from tests.integrations.websockets.peers import Stages, answer, chunk, end, linked_in_order, start


class Ends:
    """A client's and a server's end."""

    def __init__(self, recorder: Recorder, peer: str = "", **hooks: Any) -> None:
        own = Stream(recorder, now_ns())
        asked = Hooks(**hooks)
        self.client = Hop(CLIENT, recorder, asked, Agreement("1", peer), own)
        self.server = Hop(SERVER, recorder, asked, Agreement("1", peer), Stream(recorder, now_ns(), None, own.id))

    def cross(self, message: Any) -> Any:
        """Send a message from the client to the server; return what the server's application sees."""
        sealed, leaving = self.client.seal(message)
        self.client.sent(leaving)
        return self.server.open(sealed)

    def end(self) -> None:
        """Close the connection in order."""
        self.client.ended("completed")
        self.server.ended("completed")


@pytest.fixture
def ends(recorder: Recorder) -> Iterator[Ends]:
    """Both ends, closed after the test."""
    made = Ends(recorder)
    yield made
    made.end()


def test_only_the_first_message_of_a_stream_carries_its_trace(ends: Ends) -> None:
    """The others carry the id, the number and the time."""
    found = [open_text(str(ends.client.seal(message)[0])) for message in (start("a"), chunk("x", "a"), start("b"))]
    assert [(envelope.seq, envelope.opens, bool(envelope.traceparent)) for envelope, _ in filter(None, found)] == [
        (1, True, True),
        (2, False, False),
        (1, True, True),
    ]


def test_a_large_message_that_an_envelope_would_lift_over_a_limit_goes_without(ends: Ends, stages: Stages) -> None:
    """It arrives as it is, is a chunk at both ends, and takes no number."""
    for message in ("a", "x" * (1 << 20), "b"):
        assert ends.cross(message) == message
    sealed = ends.client.seal("x" * (1 << 20))[0]
    assert sealed == "x" * (1 << 20)
    ends.end()
    assert stages.one("ws.receive").lineage == [1, 0, 3]


def test_a_send_that_raised_leaves_no_hole(ends: Ends, stages: Stages) -> None:
    """The next message takes its number."""
    ends.cross(start())
    _, leaving = ends.client.seal(chunk("lost"))
    ends.client.unsent(leaving, OSError())
    ends.cross(chunk("sent"))
    ends.end()
    assert stages.one("ws.receive").lineage == [1, 2]
    assert len(stages.one("ws.send").chunks) == 2


@pytest.mark.parametrize("flushed", [False, True])
def test_a_send_that_raised_begins_no_stage(ends: Ends, stages: Stages, telemetry: Telemetry, flushed: bool) -> None:
    """Nothing has crossed it; the next message begins it, and tells the other end of it."""
    _, leaving = ends.client.seal(start())
    if flushed:
        otel_sse.flush()
    ends.client.unsent(leaving, OSError())
    assert [point.value for point in telemetry.metric("sse.streams.active").values()] in ([], [0])
    ends.cross(start())
    ends.end()
    send, receive = stages.all()
    assert linked_in_order([send, receive])
    assert receive.lineage == [1]


def test_a_send_that_raised_in_a_stage_leaves_it_as_it_was(ends: Ends, stages: Stages) -> None:
    """The stage has had a message before."""
    ends.cross(start())
    _, leaving = ends.client.seal(chunk("lost"))
    ends.client.unsent(leaving, OSError())
    ends.end()
    assert [len(stage.chunks) for stage in stages.named("ws.send")] == [1]


def test_a_connection_that_is_over_begins_no_stage(ends: Ends, stages: Stages) -> None:
    """Whatever an application still tries to send there."""
    ends.cross(chunk("a"))
    ends.end()
    for _ in range(3):
        sealed, leaving = ends.client.seal(chunk("b"))
        assert sealed == chunk("b")
        ends.client.unsent(leaving, OSError())
    assert len(stages.named("ws.send")) == 1


def test_messages_under_way_have_their_chunks(ends: Ends, stages: Stages) -> None:
    """Tasks that send at the same time: each message says which chunk it will be."""
    sealed = [ends.client.seal(message) for message in (start(), chunk("a"), chunk("b"))]
    for each, leaving in sealed:
        ends.client.sent(leaving)
        ends.server.open(each)
    ends.end()
    assert stages.one("ws.receive").lineage == [1, 2, 3]


def test_messages_that_hold_several_events_keep_both_ends_in_step(ends: Ends, stages: Stages) -> None:
    """Each event is a chunk at both ends, and names the same one."""
    for message in ("data: a\n\ndata: b\n\n", "data: c\n\n", "data: d\n", "\ndata: e\n\n"):
        ends.cross(message)
    ends.end()
    send, receive = stages.all()
    assert len(send.chunks) == 5
    assert receive.lineage == [1, 2, 3, 4, 5]


def test_each_stage_of_a_connection_is_told_of(recorder: Recorder, stages: Stages) -> None:
    """A second answer of one stream names the chunks of its own `ws.send`, and links to that."""
    ends = Ends(recorder)
    stream = Stream(recorder, now_ns())
    token = enter(stream)
    for _ in range(2):
        for message in answer(2):
            ends.cross(message)
    leave(token)
    stream.end("completed")
    ends.end()
    sends, receives = stages.named("ws.send"), stages.named("ws.receive")
    assert [stage.lineage for stage in receives] == [[1, 2, 3, 4]] * 2
    assert [stage.links for stage in receives] == [[stage.span_id] for stage in sends]
    assert len({stage.stream_id for stage in stages}) == 1


def test_a_send_that_was_cancelled_has_sent(ends: Ends, stages: Stages) -> None:
    """Libraries hand a message on before they wait for room."""
    _, leaving = ends.client.seal(start())
    ends.client.unsent(leaving, asyncio.CancelledError())
    ends.end()
    assert len(stages.one("ws.send").chunks) == 1


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
def test_numbers_are_kept_up_to_a_cap(monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    """Past it the least recently used is forgotten."""
    monkeypatch.setattr(limits, "MAX_HOP_STREAMS", 4)
    ledger: Ledger[object] = Ledger(object)
    first = ledger.of("client", "peer", "0")
    for n in range(1, 4 + more):
        ledger.of("client", "peer", str(n))
    assert (ledger.of("client", "peer", "0") is first) is not bool(more)


def test_numbers_are_kept_for_each_peer_and_end() -> None:
    """Both ends may be one process, and a peer without a name is never the same again."""
    ledger: Ledger[object] = Ledger(object)
    kept = {id(ledger.of(side, peer, "s")) for side in ("client", "server") for peer in ("a", "b") for _ in range(2)}
    assert len(kept) == 4
    assert ledger.of("client", "", "s") is not ledger.of("client", "", "s")
    before = ledger.of("client", "a", "s")
    ledger.after_fork()
    assert ledger.of("client", "a", "s") is not before


def test_what_outlives_a_connection_holds_no_span(recorder: Recorder) -> None:
    """A stream that was left unfinished is remembered by its span's name alone: the span has all its events."""
    ends = Ends(recorder, "peer-1")
    ends.cross(start("left"))
    context = ends.client._lanes._by_key["left"].stream.context
    span = get_current_span(context)
    ends.client.ended("disconnected")
    ends.server.ended("disconnected")
    kept = keys.of("client", "peer-1", "left").context
    assert get_current_span(kept).get_span_context() == span.get_span_context()
    assert not isinstance(get_current_span(kept), type(span))


def test_forgotten_numbers_begin_anew() -> None:
    """A stream that was forgotten on purpose is a new one."""
    ledger: Ledger[object] = Ledger(object)
    first = ledger.of("client", "peer", "s")
    ledger.forget("client", "peer", "s")
    ledger.forget("client", "peer", "s")
    assert ledger.of("client", "peer", "s") is not first


def test_a_hook_that_raises_changes_no_message(
    instrumented: Callable[..., Recorder], telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted, and every message arrives as it was sent."""
    monkeypatch.setattr(internal, "reraise", False)
    failing = iter([1, 2, 3, 4])

    def stream_of(message: Any) -> str:
        if next(failing) in (2, 3):
            raise ValueError("mine")
        return "a"

    ends = Ends(instrumented(), stream_of=stream_of)
    assert [ends.cross(message) for message in ("one", "two")] == ["one", "two"]
    assert telemetry.value("sse.internal_errors", site="observe") == 2
    ends.end()


def test_an_envelope_that_names_no_stream_is_taken_off(recorder: Recorder, stages: Stages) -> None:
    """A peer's id that may name nothing is not taken over; the message is the application's all the same."""
    ends = Ends(recorder)
    name = "x" * 65
    assert [ends.server.open(f"otel-sse/1 {name} {n} 2\nhello") for n in (1, 2)] == ["hello", "hello"]
    ends.end()
    receive = stages.one("ws.receive")
    assert receive.stream_id != name
    assert receive.lineage == [1, 2]


def test_clocks_that_disagree_are_counted_on_the_span(recorder: Recorder, stages: Stages) -> None:
    """A message from the future took no time."""
    ends = Ends(recorder)
    ends.server.open(f"otel-sse/1 s 1 {2**62} -\nhello")
    ends.end()
    receive = stages.one("ws.receive")
    assert (receive.attributes["sse.hop.clock_skews"], receive.attributes["sse.stage.latency"]) == (1, 0)


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
