"""LibreChat: what only its runs do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.librechat import LibreChat, recognise
from otel_sse.stream.facts import Facts
from tests.dialects.made import event, read_all, texts


def test_calls_of_a_step() -> None:
    """Their arguments come in pieces; the step's end holds them whole, with the tool's output."""
    call = {"id": "c", "name": "f", "args": ""}
    done = {"id": "s", "tool_call": {"args": "{}", "output": "ok"}}
    stream = [
        {"event": "on_run_step", "data": {"id": "s", "stepDetails": {"type": "tool_calls", "tool_calls": [call]}}},
        *[
            {"event": "on_run_step_delta", "data": {"id": "s", "delta": {"tool_calls": [{"index": 0, "args": part}]}}}
            for part in "{}"
        ],
        {"event": "on_run_step_completed", "data": {"result": done}},
    ]
    facts = read_all(LibreChat(), [event(one) for one in stream])
    assert texts(facts) == {"0/tool:0": "{}"}
    assert facts[-1] == Facts("control")


def test_one_part_may_stand_without_a_list() -> None:
    """The content of a delta is a part or a list of parts."""
    said = {"event": "on_message_delta", "data": {"id": "s", "delta": {"content": {"type": "text", "text": "Moss"}}}}
    assert LibreChat().read(event(said)) == Facts("content", "Moss", "0")


def test_an_answer_that_failed_ends_with_an_error() -> None:
    """Its last message says so."""
    failed = LibreChat().read(event({"final": True, "responseMessage": {"error": True, "text": "secret"}}))
    assert failed == Facts("error", terminal="final", error="error")


def test_the_state_of_a_reader_that_comes_back_is_no_content() -> None:
    """It holds all that was said before."""
    state = {"sync": True, "resumeState": {"aggregatedContent": [{"type": "text", "text": "Moss"}]}}
    assert LibreChat().read(event(state)) == Facts("control")


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        ({"event": "on_message_delta", "data": {}}, True),
        ({"event": "on_message_delta"}, False),
        ({"event": "on_chat_model_stream", "data": {}}, False),
        ({"created": True, "message": {"messageId": "m"}}, True),
        ({"created": True}, False),
        ({"event": {}}, False),
        ("x", False),
    ],
)
def test_events_are_recognised_by_the_name_inside(payload: Any, own: bool) -> None:
    """Names alone prove nothing."""
    assert recognise(event(payload), payload) is own
