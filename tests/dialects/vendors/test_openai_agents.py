"""The Agents SDK: what only its runs do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.openai_agents import OpenAIAgents, recognise
from otel_sse.stream.facts import Facts
from tests.dialects.made import event


def raw(**data: Any) -> dict[str, Any]:
    """An event of the model's."""
    return {"type": "raw_response_event", "data": data}


def test_a_chat_s_chunks_are_read_too() -> None:
    """The SDK hands on what the model's own interface sends."""
    chunk = raw(id="c-1", choices=[{"index": 0, "delta": {"content": "Moss"}}])
    assert OpenAIAgents().read(event(chunk)) == Facts("content", "Moss", "0", opens="c-1")


def test_an_end_is_expected_of_an_answer_that_began() -> None:
    """Deltas alone are picked out of one."""
    reader = OpenAIAgents()
    reader.read(event(raw(type="response.output_text.delta", delta="a", output_index=0)))
    assert reader.expects == "nothing"
    reader.read(event(raw(type="response.created", response={"id": "r"})))
    assert reader.expects == "finish"


def test_items_repeat_what_was_streamed() -> None:
    """A whole message is no content."""
    item = {"type": "run_item_stream_event", "item": {"raw_item": {"content": [{"text": "Moss"}]}}}
    assert OpenAIAgents().read(event(item)) == Facts("control")


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        (raw(), True),
        ({"type": "raw_response_event"}, False),
        ({"type": "run_item_stream_event", "item": {}}, True),
        ({"type": "run_item_stream_event"}, False),
        (None, False),
    ],
)
def test_events_are_recognised_by_type_and_shape(payload: Any, own: bool) -> None:
    """What belongs to a type must be there."""
    assert recognise(event(payload), payload) is own
