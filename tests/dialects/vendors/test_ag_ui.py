"""AG-UI: what only its runs do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.ag_ui import AGUI, recognise
from otel_sse.stream.facts import Facts
from tests.dialects.made import event, read_all, texts


def test_chunks_need_no_start_and_name_their_part_once() -> None:
    """A chunk without an id goes on with the message or call before it."""
    stream = [
        event({"type": "RUN_STARTED", "runId": "r"}),
        event({"type": "TEXT_MESSAGE_CHUNK", "messageId": "m", "delta": "Mo"}),
        event({"type": "TEXT_MESSAGE_CHUNK", "delta": "ss"}),
        event({"type": "TOOL_CALL_CHUNK", "toolCallId": "c", "toolCallName": "f", "delta": "{"}),
        event({"type": "TOOL_CALL_CHUNK", "delta": "}"}),
        event({"type": "REASONING_MESSAGE_CHUNK", "messageId": "n", "delta": "Hm"}),
    ]
    facts = read_all(AGUI(), stream)
    assert texts(facts) == {"0": "Moss", "tool:1": "{}", "reasoning:2": "Hm"}
    assert not any(one.grammar for one in facts)


def test_the_python_sdk_s_own_objects_are_read_alike() -> None:
    """They have the fields in another case until they are encoded."""
    stream = [
        event({"type": "RUN_STARTED", "run_id": "r"}),
        event({"type": "TEXT_MESSAGE_START", "message_id": "m"}),
        event({"type": "TEXT_MESSAGE_CONTENT", "message_id": "m", "delta": "Moss"}),
        event({"type": "TOOL_CALL_START", "tool_call_id": "c", "tool_call_name": "f"}),
        event({"type": "TOOL_CALL_ARGS", "tool_call_id": "c", "delta": "{}"}),
    ]
    facts = read_all(AGUI(), stream)
    assert (facts[0].opens, texts(facts)) == ("r", {"0": "Moss", "tool:1": "{}"})
    assert [(call.id, call.name) for call in facts[3].calls] == [("c", "f")]
    assert not any(one.grammar for one in facts)


def test_a_run_that_fails_is_over() -> None:
    """The error has its code, never its message."""
    failed = event({"type": "RUN_ERROR", "message": "secret", "code": "quota"})
    assert AGUI().read(failed) == Facts("error", terminal="RUN_ERROR", error="quota")


def test_the_next_run_begins_another_answer() -> None:
    """Each run has an identity."""
    runs = [event({"type": "RUN_STARTED", "runId": name}) for name in ("a", "b")]
    assert [one.opens for one in read_all(AGUI(), runs)] == ["a", "b"]


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        ({"type": "RUN_STARTED"}, True),
        ({"type": "MESSAGES_SNAPSHOT"}, True),
        ({"type": "CUSTOM", "name": "x"}, False),
        ({"type": "run_started"}, False),
        ({"type": ["RUN_STARTED"]}, False),
        (5, False),
    ],
)
def test_events_are_recognised_by_their_type(payload: Any, own: bool) -> None:
    """Names that anybody may use prove nothing."""
    assert recognise(event(payload), payload) is own
