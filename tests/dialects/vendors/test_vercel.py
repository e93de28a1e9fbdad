"""The parts of a UI message: made-up streams after the protocol's documentation."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.vercel import VercelUI, recognise
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, kinds, read_all, texts


def test_a_message_with_reasoning_text_and_a_tool() -> None:
    """Each part is a channel; starts, ends and the complete tool input are control; `[DONE]` is the end."""
    stream: list[dict[str, Any]] = [
        {"type": "start", "messageId": "v-1"},
        {"type": "start-step"},
        {"type": "reasoning-start", "id": "r-1"},
        {"type": "reasoning-delta", "id": "r-1", "delta": "Hm"},
        {"type": "reasoning-end", "id": "r-1"},
        {"type": "text-start", "id": "t-1"},
        {"type": "text-delta", "id": "t-1", "delta": "Moss"},
        {"type": "text-delta", "id": "t-1", "delta": ""},
        {"type": "text-delta", "id": "t-1", "delta": " grows"},
        {"type": "text-end", "id": "t-1"},
        {"type": "tool-input-start", "toolCallId": "c-1", "toolName": "look"},
        {"type": "tool-input-delta", "toolCallId": "c-1", "inputTextDelta": '{"a":1}'},
        {"type": "tool-input-available", "toolCallId": "c-1", "toolName": "look", "input": {"a": 1}},
        {"type": "tool-output-available", "toolCallId": "c-1", "output": {"text": "found"}},
        {"type": "data-weather", "data": {"text": "sun"}},
        {"type": "finish-step"},
        {"type": "finish", "finishReason": "stop"},
    ]
    facts = read_all(VercelUI(), [*map(event, stream), Event("[DONE]")])
    assert texts(facts) == {"reasoning:0": "Hm", "1": "Moss grows", "tool:2": '{"a":1}'}
    assert [number for number, kind in enumerate(kinds(facts)) if kind == "content"] == [3, 6, 8, 11]
    assert facts[0].opens == "v-1"
    assert facts[16] == Facts("control", finish_reason="stop")
    assert facts[17].terminal == "[DONE]"


def test_finish_alone_is_a_reason() -> None:
    """Older servers finish without a reason, and an abort ends the message too."""
    facts = read_all(VercelUI(), [event({"type": "finish"}), event({"type": "abort"})])
    assert [one.finish_reason for one in facts] == ["finish", "abort"]


def test_an_error_part_is_an_error() -> None:
    """The error's text is a message, and is not told."""
    assert VercelUI().read(event({"type": "error", "errorText": "no room"})) == Facts("error", error="error")


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        ({"type": "text-delta", "id": "0", "delta": "x"}, True),
        ({"type": "text-delta", "delta": "x"}, False),
        ({"type": "tool-input-delta", "toolCallId": "c", "inputTextDelta": "x"}, True),
        ({"type": "text-start", "id": "0"}, True),
        ({"type": "tool-input-start", "toolCallId": "c"}, True),
        ({"type": "text-start"}, False),
        ({"type": "start", "messageId": "v-1"}, True),
        ({"type": "start"}, False),
        ({"type": "start-step"}, True),
        ({"type": "finish"}, False),
        ({"projectName": "x"}, False),
        (None, False),
    ],
)
def test_events_are_recognised_by_type_and_fields(payload: Any, own: bool) -> None:
    """Common words such as `start` prove nothing alone."""
    assert recognise(event(payload, "start"), payload) is own
