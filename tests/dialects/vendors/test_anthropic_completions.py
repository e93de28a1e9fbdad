"""The older text completions."""

from __future__ import annotations

from otel_sse.dialects.vendors.anthropic_completions import AnthropicCompletions, recognise
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, read_all, typed


def piece(text: str, stop_reason: str | None = None) -> Event:
    """Return one completion event."""
    return typed({"type": "completion", "id": "p-1", "completion": text, "stop_reason": stop_reason, "stop": None})


def test_a_completion() -> None:
    """The first event opens and is content; the stop reason comes with an empty text."""
    stream = [piece(" Moss"), typed({"type": "ping"}), piece(" grows"), piece("", "stop_sequence")]
    assert read_all(AnthropicCompletions(), stream) == [
        Facts("content", " Moss", opens="p-1"),
        Facts("heartbeat"),
        Facts("content", " grows"),
        Facts("control", finish_reason="stop_sequence"),
    ]


def test_an_object_without_a_completion_is_not_its_own() -> None:
    """A completion that is no string is control."""
    assert AnthropicCompletions().read(typed({"type": "completion", "completion": 5})) == Facts("control")


def test_events_are_recognised_by_type_and_field() -> None:
    """The type may be in the payload or in the event field, the text must be there."""
    assert recognise(event({}, ""), {"type": "completion", "completion": ""})
    assert recognise(event({}, "completion"), {"completion": "x"})
    assert not recognise(event({}, ""), {"completion": "x"})
    assert not recognise(event({}, "completion"), {"completion": 5})
