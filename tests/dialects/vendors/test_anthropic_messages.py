"""Messages events: made-up streams in the shapes that were recorded."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.anthropic_messages import AnthropicMessages, recognise
from otel_sse.stream.facts import Facts
from tests.dialects.made import event, kinds, read_all, texts, typed

START = {
    "type": "message_start",
    "message": {"id": "m-1", "content": [], "usage": {"input_tokens": 9, "output_tokens": 1}},
}
STOP = {"type": "message_stop"}


def block(index: int, **fields: Any) -> dict[str, Any]:
    """Return the start of one content block."""
    return {"type": "content_block_start", "index": index, "content_block": fields}


def delta(index: int, **fields: Any) -> dict[str, Any]:
    """Return one delta of one content block."""
    return {"type": "content_block_delta", "index": index, "delta": fields}


def end(stop_reason: str, **usage: int) -> dict[str, Any]:
    """Return the event that carries the stop reason."""
    return {"type": "message_delta", "delta": {"stop_reason": stop_reason, "stop_sequence": None}, "usage": usage}


def test_a_plain_answer() -> None:
    """The message opens, texts are content of their block, pings are heartbeats, `message_stop` is the end."""
    facts = read_all(
        AnthropicMessages(),
        [
            typed(one)
            for one in (
                START,
                block(0, type="text", text=""),
                {"type": "ping"},
                delta(0, type="text_delta", text="Moss"),
                delta(0, type="text_delta", text=" grows"),
                {"type": "content_block_stop", "index": 0},
                end("end_turn", output_tokens=3),
                STOP,
            )
        ],
    )
    assert facts == [
        Facts("control", opens="m-1", input_tokens=9, output_tokens=1),
        Facts("control", part="0"),
        Facts("heartbeat"),
        Facts("content", "Moss", "0"),
        Facts("content", " grows", "0"),
        Facts("control"),
        Facts("control", finish_reason="end_turn", output_tokens=3),
        Facts("complete", terminal="message_stop"),
    ]


def test_thinking_then_text_then_a_tool() -> None:
    """Each block is a channel; signatures are no text, and an empty first delta is control."""
    facts = read_all(
        AnthropicMessages(),
        [
            typed(one)
            for one in (
                block(0, type="thinking", thinking="", signature=""),
                delta(0, type="thinking_delta", thinking="Hm"),
                delta(0, type="signature_delta", signature="c2lnbmVk"),
                block(1, type="text", text=""),
                delta(1, type="text_delta", text="Moss"),
                block(2, type="tool_use", id="t1", name="f", input={}),
                delta(2, type="input_json_delta", partial_json=""),
                delta(2, type="input_json_delta", partial_json='{"a":'),
                delta(2, type="input_json_delta", partial_json="1}"),
                end("tool_use"),
            )
        ],
    )
    assert texts(facts) == {"0/reasoning": "Hm", "1": "Moss", "2/tool": '{"a":1}'}
    assert kinds(facts) == [
        *("control", "content", "control"),
        *("control", "content"),
        *("control", "control", "content", "content"),
        "control",
    ]


def test_server_tools_and_citations_are_no_text() -> None:
    """A search's results, sealed thinking and citations are control."""
    facts = read_all(
        AnthropicMessages(),
        [
            typed(one)
            for one in (
                block(0, type="redacted_thinking", data="sealed"),
                block(1, type="web_search_tool_result", tool_use_id="t1", content=[{"title": "Moss", "url": "u"}]),
                block(2, type="text", text="", citations=[]),
                delta(2, type="citations_delta", citation={"cited_text": "Moss", "title": "On moss"}),
                delta(2, type="text_delta", text="Moss"),
            )
        ],
    )
    assert kinds(facts) == ["control", "control", "control", "control", "content"]


def test_a_block_may_start_with_text() -> None:
    """Compatible servers put the first text into the block's start."""
    assert AnthropicMessages().read(typed(block(3, type="text", text="Mo"))) == Facts("content", "Mo", "3", part="3")


def test_a_start_that_comes_again_opens_again() -> None:
    """`message_start` always opens, with the same id too: a replay must be seen."""
    facts = read_all(AnthropicMessages(), [typed(START), typed(STOP), typed(START)])
    assert [one.opens for one in facts] == ["m-1", None, "m-1"]


def test_an_error_event_is_an_error() -> None:
    """An overloaded server says so mid-stream."""
    failed = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    assert AnthropicMessages().read(typed(failed)) == Facts("error", error="overloaded_error")


def test_the_type_may_be_in_the_event_field_only() -> None:
    """An event whose payload does not say its type is read by its name."""
    assert AnthropicMessages().read(event({}, "message_stop")).terminal == "message_stop"


def test_values_of_the_wrong_type_are_control() -> None:
    """Deltas, blocks and messages that are none are control."""
    for payload in ({"type": "message_start", "message": 5}, delta(0, text=5), {"type": "content_block_delta"}):
        assert AnthropicMessages().read(typed(payload)) == Facts("control")


@pytest.mark.parametrize(
    ("payload", "own"), [(START, True), (STOP, True), ({"type": "ping"}, False), ({"type": []}, False), ("x", False)]
)
def test_events_are_recognised_by_type(payload: Any, own: bool) -> None:
    """A ping alone proves nothing; every other event does."""
    assert recognise(event(payload), payload) is own
