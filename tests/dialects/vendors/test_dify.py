"""Dify: what only its applications do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.dify import Dify, recognise
from otel_sse.stream.facts import Facts
from tests.dialects.made import event


@pytest.mark.parametrize(
    ("payload", "facts"),
    [
        ({"event": "agent_message", "answer": "Moss", "message_id": "m"}, Facts("content", "Moss", opens="m")),
        ({"event": "text_chunk", "data": {"text": "Moss"}}, Facts("content", "Moss")),
        ({"event": "message_replace", "answer": "Moss"}, Facts("control")),
        ({"event": "agent_thought", "thought": "Hm"}, Facts("control")),
        ({"event": "workflow_finished", "data": {"status": "succeeded"}}, Facts("control", finish_reason="succeeded")),
        ({"event": "workflow_finished", "data": {"status": "failed"}}, Facts("error", error="failed")),
        ({"event": "error", "code": "quota", "message": "secret"}, Facts("error", error="quota")),
        ({"event": "ping"}, Facts("heartbeat")),
        ({"event": "message", "answer": ""}, Facts("control")),
    ],
)
def test_each_event_is_what_its_name_says(payload: Any, facts: Facts) -> None:
    """Pieces of the answer are content; what holds it whole again is not."""
    assert Dify().read(event(payload)) == facts


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        ({"event": "message", "answer": "x", "message_id": "m"}, True),
        ({"event": "message", "answer": "x"}, False),
        ({"event": "token", "task_id": "t"}, False),
        ({"event": []}, False),
        (0, False),
    ],
)
def test_events_are_recognised_by_name_and_ids(payload: Any, own: bool) -> None:
    """The name alone is anybody's."""
    assert recognise(event(payload), payload) is own
