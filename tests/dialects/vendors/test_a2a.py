"""A2A: what only its tasks do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.a2a import A2A, recognise
from otel_sse.stream.facts import Facts
from tests.dialects.made import event, read_all, texts


def status(state: str, *parts: dict[str, Any], final: bool = False) -> dict[str, Any]:
    """An update of a task's status."""
    said = {"message": {"messageId": "s", "parts": list(parts)}} if parts else {}
    return {"kind": "status-update", "taskId": "t", "status": {"state": state, **said}, "final": final}


def text(content: str) -> dict[str, Any]:
    """A part with text."""
    return {"kind": "text", "text": content}


def test_a_message_is_a_whole_answer() -> None:
    """It has a finish of its own, because no task goes on behind it."""
    said = {
        "kind": "message",
        "messageId": "m",
        "role": "agent",
        "parts": [text("Moss"), {"kind": "data", "data": {"a": 1}}],
    }
    facts = A2A().read(event({"jsonrpc": "2.0", "id": 1, "result": said}))
    assert (facts.content, facts.deltas, facts.finish_reason) == (
        'Moss{"a":1}',
        (("0", "Moss"), ("0/data", '{"a":1}')),
        "message",
    )


def test_a_task_that_comes_whole_is_content_where_nothing_was_said() -> None:
    """Behind its artifacts it is their repetition."""
    whole = {
        "kind": "task",
        "id": "t",
        "status": {"state": "completed"},
        "artifacts": [{"artifactId": "a", "parts": [text("Moss")]}],
    }
    piece = {"kind": "artifact-update", "taskId": "t", "artifact": {"artifactId": "a", "parts": [text("Moss")]}}
    assert texts(read_all(A2A(), [event(whole)])) == {"0": "Moss"}
    assert texts(read_all(A2A(), [event(piece), event(whole)])) == {"0": "Moss"}


def test_what_a_status_says_has_a_channel() -> None:
    """It is what the agent says of its work, or asks."""
    facts = A2A().read(event(status("input-required", text("Which one?"), final=True)))
    assert (facts.content, facts.channel, facts.finish_reason, facts.terminal) == (
        "Which one?",
        "status:0",
        "input_required",
        "final",
    )


def test_the_python_sdk_s_own_objects_are_read_alike() -> None:
    """They have the fields in another case until they are encoded."""
    said = {"kind": "status-update", "task_id": "t", "status": {"state": "working"}}
    pieces = [
        {"kind": "artifact-update", "task_id": "t", "artifact": {"artifact_id": name, "parts": [text(name)]}}
        for name in "aba"
    ]
    assert recognise(event(said), said)
    facts = read_all(A2A(), [event(one) for one in (said, *pieces)])
    assert (facts[0].opens, texts(facts)) == ("t", {"0": "aa", "1": "b"})


def test_failures_are_errors() -> None:
    """A task that failed, and a response that is an error."""
    assert A2A().read(event(status("failed", final=True))) == Facts(
        "error", opens="t", error="failed", finish_reason="failed", terminal="final"
    )
    failed = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": "secret"}}
    assert A2A().read(event(failed)) == Facts("error", error="-32603")
    assert A2A().read(event({**failed, "error": {"message": "secret"}})) == Facts("error", error="error")


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        (status("working"), True),
        ({"jsonrpc": "2.0", "id": 1, "result": status("working")}, True),
        ({"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}, False),
        ({"jsonrpc": "2.0", "method": "notify"}, False),
        ({"message": {"content": "x"}}, False),
        ({"kind": "message", "text": "x"}, False),
        ({"kind": {}}, False),
        ([], False),
    ],
)
def test_updates_are_recognised_by_kind_and_shape(payload: Any, own: bool) -> None:
    """Other JSON-RPC is somebody else's."""
    assert recognise(event(payload), payload) is own
