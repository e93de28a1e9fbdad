"""One end of one connection: what leaves is wrapped, what comes is unwrapped, and no message is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry import internal
from tests.hops.ends import Ends
from tests.integrations.seen import Telemetry
from tests.integrations.websockets.peers import Stages, chunk, start


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


def test_a_send_that_was_cancelled_has_sent(ends: Ends, stages: Stages) -> None:
    """Libraries hand a message on before they wait for room."""
    _, leaving = ends.client.seal(start())
    ends.client.unsent(leaving, asyncio.CancelledError())
    ends.end()
    assert len(stages.one("ws.send").chunks) == 1


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
