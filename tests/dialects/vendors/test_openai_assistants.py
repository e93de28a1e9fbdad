"""A run's events: made-up streams in the shapes that were recorded."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.openai_assistants import OpenAIAssistants, recognise
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, kinds, read_all, texts


def message_delta(message_id: str, *parts: dict[str, Any]) -> Event:
    """Return one message delta with these content parts."""
    return event(
        {"id": message_id, "object": "thread.message.delta", "delta": {"content": list(parts)}}, "thread.message.delta"
    )


def written(value: str, index: int = 0) -> dict[str, Any]:
    """Return one text part."""
    return {"index": index, "type": "text", "text": {"value": value, "annotations": []}}


def step_delta(step_id: str, *calls: dict[str, Any]) -> Event:
    """Return one step delta with these tool calls."""
    details = {"type": "tool_calls", "tool_calls": list(calls)}
    return event({"id": step_id, "delta": {"step_details": details}}, "thread.run.step.delta")


def test_a_run_with_a_tool_step_and_a_message() -> None:
    """Code goes to the step's channel, text to the message's; events that carry the whole are control."""
    run = {"id": "run-1", "object": "thread.run", "status": "queued", "usage": None, "last_error": None}
    ended = {**run, "status": "completed", "usage": {"prompt_tokens": 30, "completion_tokens": 7}}
    whole = {"id": "msg-1", "content": [{"type": "text", "text": {"value": "Moss grows"}}]}
    facts = read_all(
        OpenAIAssistants(),
        [
            event(run, "thread.run.created"),
            event(run, "thread.run.queued"),
            step_delta("step-1", {"index": 0, "type": "code_interpreter", "code_interpreter": {"input": ""}}),
            step_delta("step-1", {"index": 0, "type": "code_interpreter", "code_interpreter": {"input": "1 +"}}),
            step_delta("step-1", {"index": 0, "type": "code_interpreter", "code_interpreter": {"input": " 1"}}),
            event({"id": "msg-1", "content": []}, "thread.message.created"),
            message_delta("msg-1", written("Moss")),
            message_delta("msg-1", written(" grows")),
            event(whole, "thread.message.completed"),
            event(ended, "thread.run.completed"),
            Event("[DONE]", "done"),
        ],
    )
    assert texts(facts) == {"0/tool:0": "1 + 1", "1/0": "Moss grows"}
    assert kinds(facts) == ["control"] * 3 + ["content"] * 2 + ["control"] + ["content"] * 2 + ["control"] * 2 + [
        "complete"
    ]
    assert facts[0].opens == "run-1"
    assert facts[9] == Facts("control", finish_reason="completed", input_tokens=30, output_tokens=7)
    assert facts[10].terminal == "[DONE]"


def test_several_messages_and_steps_are_channels() -> None:
    """Two messages of one run, and calls of one step, are told apart."""
    facts = read_all(
        OpenAIAssistants(),
        [
            message_delta("msg-1", written("Moss"), written("Fern", 1)),
            message_delta("msg-2", written("Moss")),
            step_delta("step-1", {"function": {"arguments": "{}"}}, {"function": {"arguments": "[]"}}, {"x": 1}),
        ],
    )
    assert texts(facts) == {"0/0": "Moss", "0/1": "Fern", "1/0": "Moss", "2/tool:0": "{}", "2/tool:1": "[]"}


def test_a_refusal_has_a_channel() -> None:
    """A refusal part is content on its own channel; other parts are nothing."""
    facts = OpenAIAssistants().read(
        message_delta("msg-1", {"type": "refusal", "refusal": "No"}, {"type": "image_file"})
    )
    assert facts == Facts("content", "No", "0/0/refusal")


def test_a_failed_run_is_an_error() -> None:
    """A run that failed says so with its error's code."""
    failed = {"id": "run-1", "status": "failed", "last_error": {"code": "rate_limit_exceeded", "message": "no"}}
    assert OpenAIAssistants().read(event(failed, "thread.run.failed")) == Facts(
        "error", finish_reason="failed", error="rate_limit_exceeded"
    )


def test_a_run_that_waits_for_tools_has_a_finish_reason() -> None:
    """A run that needs the application's tools ends this stream."""
    waiting = {"id": "run-1", "status": "requires_action"}
    assert OpenAIAssistants().read(event(waiting, "thread.run.requires_action")).finish_reason == "requires_action"


def test_the_object_names_an_event_without_a_name() -> None:
    """Where the event field is missing the object's own name is used."""
    payload = {"object": "thread.message.delta", "delta": {"content": [written("Moss")]}}
    assert OpenAIAssistants().read(event(payload)).content == "Moss"


@pytest.mark.parametrize(
    ("made", "payload", "own"),
    [
        (event({}, "thread.created"), {}, True),
        (event({"object": "thread.run"}), {"object": "thread.run"}, True),
        (event("x", "thread.created"), "x", False),
        (event({"object": "chat"}), {"object": "chat"}, False),
    ],
)
def test_events_are_recognised_by_their_prefix(made: Event, payload: object, own: bool) -> None:
    """A name or an object that begins with `thread.` is recognised where the payload is an object."""
    assert recognise(made, payload) is own
