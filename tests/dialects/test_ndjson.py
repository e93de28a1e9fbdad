"""Several JSON lines in one event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_sse.dialects.generic import GenericJSON
from otel_sse.dialects.ndjson import NDJSONInData, recognise
from otel_sse.dialects.payload import NOT_JSON
from otel_sse.dialects.vendors.openai_chat import OpenAIChat
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event


def lines(*payloads: dict[str, Any]) -> Event:
    """Return one event with one line for each payload."""
    return Event("\n".join(map(json.dumps, payloads)))


def test_the_texts_of_all_lines_are_one_content() -> None:
    """Lines of one channel are joined, and what follows the text is kept."""
    dialect = NDJSONInData(GenericJSON())
    assert dialect.expects == "nothing"
    facts = dialect.read(lines({"content": "Mo", "done": False}, {"content": "ss", "done": False}))
    assert facts == Facts("content", "Moss")
    assert dialect.expects == "terminal"


def test_the_facts_of_all_lines_are_put_together() -> None:
    """Identity, reason, usage and end of different lines are the event's."""
    dialect = NDJSONInData(OpenAIChat())
    first = {"id": "c-1", "choices": [{"index": 0, "delta": {"content": "Moss"}}]}
    other = {"id": "c-1", "choices": [{"index": 1, "delta": {"content": "Fern"}, "finish_reason": "stop"}]}
    usage = {"id": "c-1", "choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 3}}
    facts = dialect.read(Event(lines(first, other, usage).data + "\n\n[DONE]"))
    assert facts == Facts(
        "content",
        "MossFern",
        "0",
        (("0", "Moss"), ("1", "Fern")),
        terminal="[DONE]",
        finish_reason="stop",
        partial=True,
        opens="c-1",
        input_tokens=2,
        output_tokens=3,
    )


def test_a_line_with_several_deltas_keeps_them() -> None:
    """A line that is two deltas itself adds both."""
    both = {"choices": [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}]}
    facts = NDJSONInData(OpenAIChat()).read(lines(both, both))
    assert facts.deltas == (("0", "a"), ("1", "b"), ("0", "a"), ("1", "b"))


@pytest.mark.parametrize(
    ("payloads", "kind"),
    [
        ([{"type": "ping"}, {"note": 1}], "heartbeat"),
        ([{"type": "ping"}, {"done": True}], "complete"),
        ([{"error": {"code": "busy"}}, {"done": True}], "error"),
        ([{"note": 1}, {"note": 2}], "control"),
    ],
)
def test_the_kind_that_says_most_wins(payloads: list[dict[str, Any]], kind: str) -> None:
    """Without text an event is what its weightiest line is."""
    assert NDJSONInData(GenericJSON()).read(lines(*payloads)).kind == kind


def test_numbers_of_lines_are_not_the_event_s() -> None:
    """One event may hold several sequence numbers, so it has none of its own."""
    facts = NDJSONInData(GenericJSON()).read(lines({"sequence_number": 1}, {"sequence_number": 2}))
    assert facts.sequence is None


def test_an_error_and_a_nested_frame_are_told() -> None:
    """What is wrong with one line is wrong with the event."""
    nested = {"content": json.dumps({"content": "x", "done": False}), "done": False}
    facts = NDJSONInData(GenericJSON()).read(lines({"content": "x"}, nested, {"error": {"code": "busy"}}))
    assert (facts.kind, facts.nested, facts.error) == ("content", True, "busy")


def test_an_event_without_lines_is_control() -> None:
    """Nothing to read is control."""
    assert NDJSONInData(GenericJSON()).read(Event("\n \n")) == Facts("control")


@pytest.mark.parametrize(
    ("data", "own"),
    [
        ('{"a":1}\n{"b":2}', True),
        ('{"a":1}\n\n{"b":2}\n', True),
        ('{"a":1}\nnot json', False),
        ("1\n2", False),
        ("one\ntwo", False),
        ('{"a":1}\n', False),
        ('{"a":1}', False),
    ],
)
def test_two_lines_of_objects_are_recognised(data: str, own: bool) -> None:
    """All lines must be objects, and there must be two at least."""
    assert recognise(Event(data), NOT_JSON) is own


def test_an_object_on_several_lines_is_not_recognised() -> None:
    """A payload that is JSON as a whole is one frame, however it is laid out."""
    assert not recognise(Event('{"a":\n1}'), {"a": 1})
