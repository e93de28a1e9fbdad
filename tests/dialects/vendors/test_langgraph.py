"""LangGraph: what only its streams do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.langgraph import LangGraph, recognise
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, read_all, texts


def chunk(content: object, ident: str = "r", kind: str = "AIMessageChunk", **more: Any) -> list[Any]:
    """A message and where it came from."""
    return [{"content": content, "type": kind, "id": ident, **more}, {"langgraph_node": "agent"}]


def test_parts_reasoning_and_calls() -> None:
    """Content may come in parts; tokens stand beside it."""
    call = {"index": 1, "name": "f", "args": "{}", "id": "c"}
    stream = [
        chunk([{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Moss"}]),
        chunk("", additional_kwargs={"reasoning_content": ", yes"}),
        chunk("", tool_call_chunks=[call], usage_metadata={"input_tokens": 3, "output_tokens": 4}),
    ]
    facts = read_all(LangGraph(), [event(one, "messages") for one in stream])
    assert texts(facts) == {"0/reasoning": "Hm, yes", "0": "Moss", "0/tool:1": "{}"}
    assert (facts[2].input_tokens, facts[2].output_tokens) == (3, 4)


def test_a_message_that_was_not_streamed_is_content_and_a_tool_s_is_not() -> None:
    """What a human or a tool says is no answer; subgraphs name themselves behind a bar."""
    stream = [chunk("Moss", "a", "ai"), chunk("sunny", "t", "tool"), chunk("Hello", "h", "human")]
    assert texts(read_all(LangGraph(), [event(one, "messages|agent:1") for one in stream])) == {"0": "Moss"}


def test_errors_and_state() -> None:
    """State is no piece of an answer, whatever it holds."""
    reader = LangGraph()
    assert reader.read(event({"error": "GraphRecursionError", "message": "secret"}, "error")).kind == "error"
    assert reader.read(event({"agent": {"messages": [{"content": "Moss"}]}}, "updates")) == Facts("control")
    assert reader.read(Event("[DONE]")).terminal == "[DONE]"


@pytest.mark.parametrize(
    ("payload", "name", "own"),
    [
        (chunk("x"), "messages", True),
        (chunk("x"), "", False),
        ([{"content": "x", "type": "ai"}], "messages/partial", True),
        ([1, 2], "messages", False),
        ({}, "messages", False),
    ],
)
def test_events_are_recognised_by_name_and_shape(payload: Any, name: str, own: bool) -> None:
    """A pair without a name is any framework's."""
    assert recognise(event(payload, name), payload) is own
