"""A stream on a connection: the other end is told of its stages, and each message of its number."""

from __future__ import annotations

import weakref
from time import time_ns
from typing import Any

import pytest

import otel_sse
from otel_sse.hops.envelope import Envelope, open_text
from otel_sse.hops.inbox import Inbox
from otel_sse.hops.lane import Lane
from otel_sse.hops.messages import Read
from otel_sse.hops.outbox import Outbox
from otel_sse.hops.quota import Quota
from otel_sse.recording.live_stream import Stream, enter, leave
from otel_sse.recording.recorder import Recorder
from otel_sse.stream.stage import StageSpec
from otel_sse.telemetry.clock import now_ns
from tests.hops.ends import Ends
from tests.integrations.seen import Telemetry
from tests.integrations.websockets.peers import Stages, answer, chunk, linked_in_order, start


def test_only_the_first_message_of_a_stream_carries_its_trace(ends: Ends) -> None:
    """The others carry the id, the number and the time."""
    found = [open_text(str(ends.client.seal(message)[0])) for message in (start("a"), chunk("x", "a"), start("b"))]
    assert [(envelope.seq, envelope.opens, bool(envelope.traceparent)) for envelope, _ in filter(None, found)] == [
        (1, True, True),
        (2, False, False),
        (1, True, True),
    ]


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


def test_clocks_that_disagree_are_counted_on_the_span(recorder: Recorder, stages: Stages) -> None:
    """A message from the future took no time."""
    ends = Ends(recorder)
    ends.server.open(f"otel-sse/1 s 1 {2**62} -\nhello")
    ends.end()
    receive = stages.one("ws.receive")
    assert (receive.attributes["sse.hop.clock_skews"], receive.attributes["sse.stage.latency"]) == (1, 0)


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


def lane_of(recorder: Recorder, **how: Any) -> Lane:
    """A lane whose ends have agreed."""
    return Lane(Stream(recorder, now_ns()), Outbox(), Inbox("ws.receive"), **how)


def test_a_head_has_the_stages_context_once(recorder: Recorder) -> None:
    """With the first message of each stage, and a mark in its place where nothing is recorded."""
    lane = lane_of(recorder)
    record = lane.outgoing.begin(Read(""), now_ns())
    heads = [lane.head(stage, number) for number, stage in enumerate([record, record, None, None, record], 1)]
    found = [pair[0] for pair in map(open_text, heads) if pair is not None]
    assert [(envelope.seq, envelope.opens, bool(envelope.traceparent)) for envelope in found] == [
        (1, True, True),
        (2, False, False),
        (3, True, False),
        (4, False, False),
        (5, True, True),
    ]
    lane.close("completed")


def test_a_head_names_the_chunk_that_its_message_will_be(recorder: Recorder) -> None:
    """Those that are under way come before it."""
    lane = lane_of(recorder)
    record = lane.outgoing.begin(Read(""), now_ns())
    lane.outgoing.under_way = 3
    pair = open_text(lane.head(record, 7))
    assert pair is not None
    assert (pair[0].seq, pair[0].chunk) == (7, 3)
    lane.close("completed")


def received(lane: Lane, *numbers: int) -> None:
    """Let messages with these numbers come."""
    for number in numbers:
        found = Envelope(lane.stream_id, number, time_ns(), number, number == 1)
        record = lane.received(Read("", item="Hello"), found, now_ns())
        assert record is not None
        lane.incoming.cross(record, Read("", item="Hello"), now_ns())


def test_what_is_missing_is_told_before_the_stage_ends(recorder: Recorder, stages: Stages) -> None:
    """A number that may still come is no loss until then."""
    lane = lane_of(recorder)
    received(lane, 1, 2, 5)
    record = lane.incoming.record
    assert record is not None
    assert record.monitor.totals.gaps == 0
    lane.close("completed")
    assert [finding[:2] for finding in stages.one("ws.receive").findings] == [("gap/hop", 3)]


def test_a_number_that_comes_again_is_a_finding_of_its_chunk(recorder: Recorder, stages: Stages) -> None:
    """And its lineage is the chunk that it was at the sender's."""
    lane = lane_of(recorder)
    received(lane, 1, 2, 2)
    lane.close("completed")
    receive = stages.one("ws.receive")
    assert receive.lineage == [1, 2, 2]
    assert [finding[:2] for finding in receive.findings] == [("duplicate/resent", 3)]


def test_a_lane_that_nobody_holds_is_gone_at_once(recorder: Recorder) -> None:
    """It does not wait for the garbage collector: a peer may have thousands made between two collections."""
    gone = weakref.ref(lane_of(recorder))
    assert gone() is None


def test_a_lane_with_nothing_open_offers_its_place(recorder: Recorder) -> None:
    """While a stage is open it does not; once the lane is closed its place comes back."""
    quota, forgotten = Quota(), []
    lane = lane_of(recorder, place=quota.take(), reclaim=lambda: forgotten.append("lane"))
    received(lane, 1)
    assert (len(quota.resting), lane.is_open) == (0, True)
    lane.close_incoming("completed")
    assert (len(quota.resting), lane.is_open) == (1, False)
    quota._reclaim()
    assert forgotten == ["lane"]
    lane.close("completed")
    otel_sse.flush()
    assert quota.take() is not None
    assert len(quota) == 0


@pytest.mark.parametrize("mine", [True, False])
def test_a_stream_ends_with_its_lane_where_it_is_its_own(recorder: Recorder, stages: Stages, mine: bool) -> None:
    """Another stage of somebody else's stream goes on."""
    lane = lane_of(recorder, mine=mine)
    other = lane.stream.stage(StageSpec("emit"))
    lane.stream.end_with_me(other)
    lane.close("disconnected")
    assert other.ended is mine
    lane.stream.end("completed")
