"""Payloads that are the text itself."""

from __future__ import annotations

import pytest

from otel_sse.dialects.payload import NOT_JSON
from otel_sse.dialects.plain import PlainText, Replicate, recognise_replicate
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import kinds, read_all


@pytest.mark.parametrize(
    "data", ["Moss", " ", ": moss", '{"a": 1}', "{", "42", "null", '"quoted"', "data: x", "\n\nMoss"]
)
def test_plain_text_is_content_as_it_stands(data: str) -> None:
    """Whatever the text looks like, it is the answer's."""
    assert PlainText().read(Event(data)) == Facts("content", data)


def test_an_empty_event_is_control() -> None:
    """No text is no content."""
    assert PlainText().read(Event("")) == Facts("control")
    assert PlainText().expects == "nothing"


@pytest.mark.parametrize(
    ("event", "facts"),
    [
        (Event("[DONE]"), Facts("complete", terminal="[DONE]")),
        (Event("", "done"), Facts("complete", terminal="done")),
        (Event('{"reason": "cap"}', "complete"), Facts("complete", terminal="complete", finish_reason="cap")),
        (Event("", "ping"), Facts("heartbeat")),
        (Event('{"type": "ping"}'), Facts("heartbeat")),
        (Event('{"error": {"code": "busy"}}'), Facts("error", error="busy")),
        (Event('{"done": true}'), Facts("complete", terminal="done")),
        (Event("boom", "error"), Facts("error", error="error")),
        (Event("Moss", "message"), Facts("content", "Moss")),
        (Event('{"a": 1}', "message"), Facts("content", '{"a": 1}')),
        (Event('{"conversation_id": "c"}', "metadata"), Facts("control")),
        (Event("{}", "close"), Facts("control")),
    ],
)
def test_named_events_and_frames_among_the_text(event: Event, facts: Facts) -> None:
    """Ends, heartbeats and errors are known by the event's name or as objects that say so."""
    assert PlainText().read(event) == facts


def test_output_events_up_to_done() -> None:
    """Output is content, logs are control, and `done` is the end with its reason."""
    stream = [
        Event("", "output", "1:0"),
        Event("Moss", "output", "1:1"),
        Event("\n\ngrows", "output", "1:2"),
        Event("step 3 of 4", "logs", "1:3"),
        Event('{"reason": "canceled"}', "done", "1:4"),
    ]
    facts = read_all(Replicate(), stream)
    assert kinds(facts) == ["control", "content", "content", "control", "complete"]
    assert facts[2].content == "\n\ngrows"
    assert facts[4] == Facts("complete", terminal="done", finish_reason="canceled")
    assert Replicate().read(Event('{"detail": "no"}', "error")).kind == "error"
    assert Replicate().read(Event("[DONE]")).terminal == "[DONE]"
    assert Replicate().expects == "terminal"


def test_output_is_recognised_by_name_and_id() -> None:
    """An event named `output` of some application, or one with a JSON object, is not recognised."""
    assert recognise_replicate(Event("Moss", "output", "1:0"), NOT_JSON)
    assert not recognise_replicate(Event("Moss", "output"), NOT_JSON)
    assert not recognise_replicate(Event("{}", "output", "1:0"), {})
    assert not recognise_replicate(Event("Moss", "", "1:0"), NOT_JSON)
