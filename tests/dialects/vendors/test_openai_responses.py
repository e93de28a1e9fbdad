"""Responses events: made-up streams in the shapes that were recorded."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.openai_responses import OpenAIResponses, recognise
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, kinds, read_all, texts, typed


def numbered(*payloads: dict[str, Any]) -> list[Event]:
    """Return the events of one stream, numbered from 0."""
    return [typed({**payload, "sequence_number": number}) for number, payload in enumerate(payloads)]


def delta(kind: str, text: str, output: int = 0, **more: Any) -> dict[str, Any]:
    """Return one delta event's payload."""
    return {"type": f"response.{kind}.delta", "item_id": f"i{output}", "output_index": output, "delta": text, **more}


def test_a_plain_answer() -> None:
    """Only deltas are content; the events that repeat the whole text are control."""
    response = {"id": "r-1", "status": "in_progress", "output": []}
    whole = {"type": "output_text", "text": "Moss grows"}
    item = {"id": "i0", "type": "message", "content": [whole]}
    usage = {"input_tokens": 8, "output_tokens": 2}
    stream = numbered(
        {"type": "response.created", "response": response},
        {"type": "response.in_progress", "response": response},
        {"type": "response.output_item.added", "output_index": 0, "item": {"id": "i0", "content": []}},
        {"type": "response.content_part.added", "output_index": 0, "content_index": 0, "part": {"text": ""}},
        delta("output_text", "Moss", content_index=0, obfuscation="zz"),
        delta("output_text", " grows", content_index=0, logprobs=[]),
        {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Moss grows"},
        {"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": whole},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {
            "type": "response.completed",
            "response": {"id": "r-1", "status": "completed", "error": None, "output": [item], "usage": usage},
        },
    )
    facts = read_all(OpenAIResponses(), stream)
    assert texts(facts) == {"0/0": "Moss grows"}
    assert kinds(facts) == ["control"] * 4 + ["content"] * 2 + ["control"] * 3 + ["complete"]
    assert [one.sequence for one in facts] == list(range(10))
    assert facts[0] == Facts("control", opens="r-1", sequence=0)
    assert facts[9] == Facts(
        "complete",
        terminal="response.completed",
        finish_reason="completed",
        sequence=9,
        input_tokens=8,
        output_tokens=2,
    )


def test_a_start_that_comes_again_opens_again() -> None:
    """`response.created` always opens, with the same id too: a replay must be seen."""
    created = typed({"type": "response.created", "response": {"id": "r-1"}})
    assert [one.opens for one in read_all(OpenAIResponses(), [created, created])] == ["r-1", "r-1"]


@pytest.mark.parametrize(
    ("kind", "more", "channel"),
    [
        ("output_text", {"content_index": 1}, "2/1"),
        ("output_text", {}, "2/0"),
        ("reasoning_summary_text", {"summary_index": 3}, "2/reasoning:3"),
        ("reasoning_text", {"content_index": 0}, "2/reasoning:0"),
        ("refusal", {"content_index": 0}, "2/refusal:0"),
        ("function_call_arguments", {}, "2/tool:0"),
        ("custom_tool_call_input", {}, "2/tool:0"),
        ("mcp_call_arguments", {}, "2/tool:0"),
        ("code_interpreter_call_code", {}, "2/tool:0"),
        ("audio.transcript", {}, "2/transcript:0"),
        ("something_new", {}, "2/something_new:0"),
        ("x" * 100, {}, f"2/{'x' * 64}:0"),
    ],
)
def test_every_delta_has_its_channel(kind: str, more: dict[str, Any], channel: str) -> None:
    """Reasoning, refusals and tool calls are told apart by item and part; an unknown delta has its own name."""
    facts = OpenAIResponses().read(typed(delta(kind, "x", 2, **more)))
    assert (facts.kind, facts.content, facts.channel, facts.nested) == ("content", "x", channel, False)


def test_an_empty_delta_is_control() -> None:
    """A delta without text, or with something else than text, is control."""
    for value in ("", None, {"a": 1}):
        assert OpenAIResponses().read(typed({**delta("output_text", ""), "delta": value})).kind == "control"


@pytest.mark.parametrize(
    ("kind", "response", "expected"),
    [
        (
            "response.incomplete",
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            Facts("complete", terminal="response.incomplete", finish_reason="max_output_tokens"),
        ),
        (
            "response.failed",
            {"status": "failed", "error": {"code": "server_error", "message": "no"}},
            Facts("error", terminal="response.failed", finish_reason="failed", error="server_error"),
        ),
        ("response.failed", None, Facts("error", terminal="response.failed", error="error")),
        (
            "response.cancelled",
            {"status": "cancelled"},
            Facts("complete", terminal="response.cancelled", finish_reason="cancelled"),
        ),
    ],
)
def test_every_end_is_terminal(kind: str, response: Any, expected: Facts) -> None:
    """All four ends are terminals; a failed one is an error with its code."""
    assert OpenAIResponses().read(typed({"type": kind, "response": response})) == expected


def test_an_error_event_has_a_number_too() -> None:
    """`error` is an error with its code, wherever it stands."""
    read = OpenAIResponses().read
    assert read(typed({"type": "error", "code": "bad", "sequence_number": 4})) == Facts(
        "error", sequence=4, error="bad"
    )
    assert read(typed({"type": "error", "error": {"type": "worse"}})) == Facts("error", error="worse")


def test_the_type_may_be_in_the_event_field_only() -> None:
    """An event whose payload does not say its type is read by its name."""
    named = event({"delta": "Moss", "output_index": 0}, "response.output_text.delta")
    assert OpenAIResponses().read(named).content == "Moss"


def test_a_done_mark_may_follow() -> None:
    """Gateways add `[DONE]` after the last event: a second terminal of another name."""
    facts = read_all(OpenAIResponses(), [typed({"type": "response.completed"}), Event("[DONE]")])
    assert [one.terminal for one in facts] == ["response.completed", "[DONE]"]


def test_events_are_recognised_by_their_prefix() -> None:
    """A type or a name that begins with `response.` is recognised where the payload is an object."""
    payload: dict[str, Any] = {"type": "response.created"}
    assert recognise(typed(payload), payload)
    assert recognise(event({}, "response.created"), {})
    assert not recognise(event("x", "response.created"), "x")
    assert not recognise(event({"type": "created"}), {"type": "created"})


def test_a_keep_alive_takes_part_in_the_numbers() -> None:
    """A numbered keep-alive is a heartbeat with its sequence number, so that the next event is no gap."""
    facts = OpenAIResponses().read(Event('{"type": "keepalive", "sequence_number": 7}'))
    assert (facts.kind, facts.sequence) == ("heartbeat", 7)
