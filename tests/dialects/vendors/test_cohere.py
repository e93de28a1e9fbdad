"""Chat events with hyphens: made-up streams in the shapes that were recorded."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.cohere import CohereV2, recognise
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, kinds, read_all, texts, typed

START = {"id": "h-1", "type": "message-start", "delta": {"message": {"role": "assistant", "content": []}}}


def content(kind: str, index: int, **fields: str) -> dict[str, Any]:
    """Return one content event."""
    return {"type": kind, "index": index, "delta": {"message": {"content": fields}}}


def call(kind: str, index: int, arguments: str) -> dict[str, Any]:
    """Return one tool call event."""
    return {"type": kind, "index": index, "delta": {"message": {"tool_calls": {"function": {"arguments": arguments}}}}}


def end(**fields: Any) -> dict[str, Any]:
    """Return the last event."""
    return {"type": "message-end", "delta": fields}


def test_a_plain_answer() -> None:
    """`message-end` is the terminal with reason and usage; `[DONE]` is another."""
    usage = {"billed_units": {"output_tokens": 2}, "tokens": {"input_tokens": 70, "output_tokens": 3}}
    stream = [
        START,
        content("content-start", 0, type="text", text=""),
        content("content-delta", 0, text="Moss"),
        content("content-delta", 0, text=" grows"),
        {"type": "content-end", "index": 0},
        end(finish_reason="COMPLETE", usage=usage),
    ]
    facts = read_all(CohereV2(), [*map(typed, stream), Event("[DONE]")])
    assert facts == [
        Facts("control", opens="h-1"),
        Facts("control", part="0"),
        Facts("content", "Moss", "0"),
        Facts("content", " grows", "0"),
        Facts("control"),
        Facts("complete", terminal="message-end", finish_reason="COMPLETE", input_tokens=70, output_tokens=3),
        Facts("complete", terminal="[DONE]"),
    ]


def test_a_plan_and_tool_calls() -> None:
    """The plan, and each call's arguments, have channels; call 0 is not content block 0."""
    stream = [
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will"}}},
        {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": " look"}}},
        call("tool-call-start", 0, ""),
        call("tool-call-delta", 0, '{"a":'),
        call("tool-call-delta", 0, "1}"),
        {"type": "tool-call-end", "index": 0},
        call("tool-call-start", 1, "{}"),
        content("content-delta", 0, text="Moss"),
        {"type": "citation-start", "index": 0, "delta": {"message": {"citations": {"text": "Moss"}}}},
    ]
    facts = read_all(CohereV2(), list(map(typed, stream)))
    assert texts(facts) == {"plan": "I will look", "tool:0": '{"a":1}', "tool:1": "{}", "0": "Moss"}
    assert kinds(facts)[2::3] == ["control", "control", "control"]


def test_thinking_has_a_channel() -> None:
    """A content block that thinks is reasoning; a block may start with text."""
    stream = [content("content-start", 0, type="thinking", thinking="Hm"), content("content-start", 1, text="Moss")]
    assert texts(read_all(CohereV2(), list(map(typed, stream)))) == {"0/reasoning": "Hm", "1": "Moss"}


def test_an_error_ends_the_message() -> None:
    """A message that ends in an error is an error with its type, and terminal all the same."""
    failed = end(finish_reason="ERROR", usage={}, error="your tools do not fit", error_type="BAD_TOOLS")
    assert CohereV2().read(typed(failed)) == Facts(
        "error", terminal="message-end", finish_reason="ERROR", error="BAD_TOOLS"
    )


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        (START, True),
        ({"type": "message-start"}, False),
        ({"type": "content-delta", "index": 0}, True),
        ({"type": "content-delta"}, False),
        ({"type": {}}, False),
        ("x", False),
    ],
)
def test_events_are_recognised_by_type_and_shape(payload: Any, own: bool) -> None:
    """A hyphened type is recognised only with the fields that belong to it."""
    assert recognise(event(payload), payload) is own
