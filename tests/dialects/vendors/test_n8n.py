"""n8n: what only its nodes do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.n8n import N8N, recognise
from otel_sse.stream.facts import Facts
from tests.dialects.made import event, read_all


def one(kind: str, node: str = "n-1", **more: Any) -> dict[str, Any]:
    """One object of a node."""
    return {"type": kind, "metadata": {"nodeId": node, "runIndex": 0}, **more}


def test_each_node_is_an_answer() -> None:
    """The second one begins another, on a channel of its own."""
    stream = [one("begin"), one("item", content="a"), one("end"), one("begin", "n-2"), one("item", "n-2", content="b")]
    assert read_all(N8N(), [event(each) for each in stream]) == [
        Facts("control", opens="n-1:0:"),
        Facts("content", "a", "0"),
        Facts("control", finish_reason="end"),
        Facts("control", opens="n-2:0:"),
        Facts("content", "b", "1"),
    ]


def test_an_error_is_one() -> None:
    """Its text is not told."""
    assert N8N().read(event(one("error", content="secret"))) == Facts("error", error="error")


@pytest.mark.parametrize(
    ("payload", "own"),
    [(one("begin"), True), ({"type": "item", "content": "x"}, False), ({"type": {}}, False), (1, False)],
)
def test_objects_are_recognised_by_their_node(payload: Any, own: bool) -> None:
    """The words alone are anybody's."""
    assert recognise(event(payload), payload) is own
