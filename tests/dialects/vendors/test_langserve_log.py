"""LangServe's log: what only its patches do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.langserve_log import LangServeLog, recognise
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event


def patch(*operations: tuple[str, str, Any]) -> Event:
    """A patch of these operations."""
    ops = [{"op": op, "path": path, "value": value} for op, path, value in operations]
    return event({"ops": ops}, "data")


@pytest.mark.parametrize(
    ("value", "deltas"),
    [
        ("Moss", {"": "Moss"}),
        ({"content": "Moss"}, {"": "Moss"}),
        ({"content": [{"type": "text", "text": "Mo"}, "ss"]}, {"": "Moss"}),
        ({"content": "", "tool_call_chunks": [{"index": 1, "args": "{}"}]}, {"tool:1": "{}"}),
        ({"answer": "Moss"}, {"output": '{"answer":"Moss"}'}),
        ("", {}),
        (None, {}),
    ],
)
def test_a_piece_of_output_is_text_a_message_or_an_object(value: object, deltas: dict[str, str]) -> None:
    """Whatever the run yields."""
    facts = LangServeLog().read(patch(("add", "/streamed_output/-", value)))
    assert ({facts.channel: facts.content} if facts.content else {}) == deltas


def test_what_the_log_repeats_is_no_content() -> None:
    """The pieces of each step, and the whole output, next to the run's own piece."""
    facts = LangServeLog().read(
        patch(
            ("add", "/logs/Model/streamed_output/-", "Moss"),
            ("add", "/streamed_output/-", "Moss"),
            ("replace", "/final_output", "Moss"),
        )
    )
    assert facts == Facts("content", "Moss")


def test_beginning_end_and_error() -> None:
    """The first patch names the run; the events beside the patches are read by their names."""
    reader = LangServeLog()
    assert reader.read(patch(("replace", "", {"id": "run-1"}))).opens == "run-1"
    assert reader.read(Event("", "end")) == Facts("complete", terminal="end")
    assert reader.read(event({"status_code": 500, "message": "secret"}, "error")).kind == "error"


@pytest.mark.parametrize(
    ("payload", "own"),
    [({"ops": [{"op": "add", "path": ""}]}, True), ({"ops": []}, False), ({"ops": [{"op": "add"}]}, False), (1, False)],
)
def test_patches_are_recognised_by_their_operations(payload: Any, own: bool) -> None:
    """Each has a path."""
    assert recognise(event(payload), payload) is own
