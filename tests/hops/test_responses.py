"""The Responses API over a WebSocket: each response is an answer of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_sse.recording.live_stream import Stream, enter, leave
from otel_sse.recording.recorder import Recorder
from otel_sse.telemetry.clock import now_ns
from tests.hops.ends import Ends
from tests.integrations.seen import attributes
from tests.integrations.websockets.peers import Stages


def response(name: str, words: str, end: str = "completed") -> list[str]:
    """The events of one response."""
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {"id": name}},
        *[{"type": "response.output_text.delta", "output_index": 0, "delta": word} for word in words],
        {
            "type": f"response.{end}",
            "response": {"id": name, "status": end, "error": {"code": "quota"} if end == "failed" else None},
        },
    ]
    return [json.dumps({**one, "sequence_number": number}) for number, one in enumerate(events)]


def told(stages: Stages, name: str) -> list[tuple[str, str, int, int]]:
    """Outcome, dialect, bytes of content and findings of each stage of a name."""
    names = ("sse.stream.outcome", "sse.stream.dialect", "sse.stream.content_bytes")
    found = [attributes(stage.span) for stage in stages.named(name)]
    return [(*(one[each] for each in names), one.get("sse.stream.findings", 0)) for one in found]


@pytest.mark.parametrize("name", ["ws.send", "ws.receive"])
def test_each_response_on_a_socket_is_a_stream(ends: Ends, stages: Stages, name: str) -> None:
    """Both ends see three answers, each with its own end, numbers and identity."""
    for message in (*response("resp_1", "abc"), *response("resp_2", "abcd", "failed"), *response("resp_3", "ab")):
        ends.cross(message)
    ends.end()
    assert told(stages, name) == [
        ("completed", "openai-responses", 3, 0),
        ("failed", "openai-responses", 4, 0),
        ("completed", "openai-responses", 2, 0),
    ]
    assert len({attributes(stage.span)["sse.stream.id"] for stage in stages.named(name)}) == 3


def test_responses_within_a_request_belong_to_its_stream(ends: Ends, stages: Stages, recorder: Recorder) -> None:
    """An agent that asks twice has two stages of one stream."""
    token = enter(current := Stream(recorder, now_ns()))
    try:
        for message in (*response("resp_1", "abc"), *response("resp_2", "abcd")):
            ends.cross(message)
        current.end("completed")
    finally:
        leave(token)
    ends.end()
    assert [one[2] for one in told(stages, "ws.send")] == [3, 4]
    assert {attributes(stage.span)["sse.stream.id"] for stage in stages.named("ws.send")} == {current.id}


def test_a_response_that_breaks_off_is_incomplete(ends: Ends, stages: Stages) -> None:
    """The connection ended in the middle of it."""
    for message in (*response("resp_1", "abc"), *response("resp_2", "abcd")[:-1]):
        ends.cross(message)
    ends.end()
    assert [one[0] for one in told(stages, "ws.receive")] == ["completed", "incomplete"]
