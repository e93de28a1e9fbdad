"""An interaction's events: made-up streams in the shapes that were recorded."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.gemini_interactions import GeminiInteractions, recognise
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, read_all, texts, typed


def step(index: int, delta: dict[str, Any], **more: Any) -> Event:
    """Return one delta of one step."""
    return typed({"event_type": "step.delta", "index": index, "delta": delta, **more})


def test_an_interaction_with_thoughts() -> None:
    """Thought summaries have their own channel, signatures are control, and two terminals end it."""
    usage = {"total_input_tokens": 5, "total_output_tokens": 3}
    ended = {"id": "x-1", "status": "completed", "usage": usage}
    facts = read_all(
        GeminiInteractions(),
        [
            typed({"event_type": "interaction.created", "interaction": {"id": "x-1", "status": "in_progress"}}),
            typed({"event_type": "interaction.status_update", "interaction_id": "x-1", "status": "in_progress"}),
            typed({"event_type": "step.start", "index": 0, "step": {"type": "thought"}}),
            step(0, {"type": "thought_summary", "content": {"type": "text", "text": "Hm"}}),
            step(0, {"type": "thought_signature", "signature": "c2ln"}),
            typed({"event_type": "step.stop", "index": 0}),
            step(1, {"type": "text", "text": "Moss"}),
            step(1, {"type": "text", "text": " grows"}, metadata={"usage": usage}),
            typed({"event_type": "interaction.completed", "interaction": ended}),
            Event("[DONE]", "done"),
        ],
    )
    assert texts(facts) == {"0/reasoning": "Hm", "1": "Moss grows"}
    assert facts[0] == Facts("control", opens="x-1")
    assert facts[7] == Facts("content", " grows", "1", input_tokens=5, output_tokens=3)
    assert facts[8] == Facts(
        "complete", terminal="interaction.completed", finish_reason="completed", input_tokens=5, output_tokens=3
    )
    assert [one.terminal for one in facts if one.terminal] == ["interaction.completed", "[DONE]"]


@pytest.mark.parametrize(
    ("arguments", "written"), [({"city": "Ulm"}, '{"city":"Ulm"}'), ('{"city":', '{"city":'), ({}, None), (5, None)]
)
def test_a_function_call_is_a_tool_call(arguments: Any, written: str | None) -> None:
    """Arguments may come as an object or in pieces of text."""
    facts = GeminiInteractions().read(step(2, {"type": "function_call", "name": "f", "arguments": arguments}))
    assert (facts.content, facts.channel) == (written, "2/tool" if written else "")


def test_the_older_names_are_read() -> None:
    """The first version named its events after contents and not after steps."""
    facts = read_all(
        GeminiInteractions(),
        [
            typed({"event_type": "interaction.start", "interaction": {"id": "x-1"}}),
            typed({"event_type": "content.delta", "index": 0, "delta": {"type": "text", "text": "Moss"}}),
            typed({"event_type": "interaction.complete", "interaction": {"status": "completed"}}),
        ],
    )
    assert [facts[0].opens, facts[1].content, facts[2].terminal] == ["x-1", "Moss", "interaction.complete"]


def test_another_event_is_not_its_own() -> None:
    """An event of another type is control."""
    assert GeminiInteractions().read(typed({"event_type": "other", "delta": {"text": "x"}})) == Facts("control")


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        ({"event_type": "interaction.created"}, True),
        ({"event_type": "step.start"}, True),
        ({"event_type": "content.delta", "index": 0}, True),
        ({"event_type": "content.delta"}, False),
        ({"event_type": 5}, False),
        (None, False),
    ],
)
def test_events_are_recognised_by_type(payload: Any, own: bool) -> None:
    """The older names are recognised only with a number beside them."""
    assert recognise(event(payload), payload) is own
