"""Streams that peers begin have so many places in a process, and each comes back."""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest

import otel_sse
from otel_sse import limits
from otel_sse.hops import quota
from otel_sse.hops.quota import Quota
from otel_sse.recording.recorder import Recorder
from tests.hops.ends import HELLO, later, opening, server, unobserved
from tests.integrations.driver import Driver
from tests.integrations.seen import Telemetry
from tests.integrations.websockets.peers import Stages

pytestmark = pytest.mark.usefixtures("taken")


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


@pytest.mark.parametrize("how", ["completed", "disconnected", "cancelled"])
def test_places_come_back_with_the_end_of_the_connection(recorder: Recorder, taken: Quota, how: str) -> None:
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


def test_places_come_back_by_the_garbage_collector(recorder: Recorder, taken: Quota) -> None:
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
def test_a_forked_child_has_all_places(recorder: Recorder, taken: Quota) -> None:
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
async def test_places_come_back_from_an_application(telemetry: Telemetry, taken: Quota, raises: bool) -> None:
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
    recorder: Recorder, taken: Quota, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the recorder lags behind, others that are written come back all the same."""
    hops = [server(recorder) for _ in range(2)]
    for hop in hops:
        for n in range(2):
            hop.open(opening(f"{n}"))
        hop.ended("completed")
    stuck = taken.leaving[0][1][0]
    monkeypatch.setattr(quota, "_is_written", lambda record: record is not stuck)
    assert taken.take() is not None
    assert [record is stuck for _, (record,) in taken.leaving] == [True]
    monkeypatch.undo()
