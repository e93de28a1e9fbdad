"""LangChain's events: what only its runs do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.langchain_events import LangChainEvents, recognise
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, read_all, texts


def happened(kind: str, chunk: object, run: str = "r-1") -> dict[str, Any]:
    """One event."""
    return {"event": kind, "run_id": run, "name": "Model", "data": {"chunk": chunk}}


def model(content: object, run: str = "r-1", **more: Any) -> Event:
    """A piece of a chat model."""
    return event(happened("on_chat_model_stream", {"content": content, **more}, run), "data")


def test_each_call_of_a_model_is_a_channel() -> None:
    """Parts, reasoning and tool calls included."""
    call = {"index": 0, "name": "f", "args": "{}"}
    stream = [
        model([{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Mo"}]),
        model("ss", usage_metadata={"input_tokens": 3, "output_tokens": 4}),
        model("", "r-2", tool_call_chunks=[call]),
        event(happened("on_llm_stream", "plain", "r-3")),
        event(happened("on_chat_model_stream", {"lc": 1, "kwargs": {"content": "Fern"}}, "r-4")),
    ]
    facts = read_all(LangChainEvents(), stream)
    assert texts(facts) == {"0/reasoning": "Hm", "0": "Moss", "1/tool:0": "{}", "2": "plain", "3": "Fern"}
    assert (facts[1].input_tokens, facts[1].output_tokens) == (3, 4)


@pytest.mark.parametrize("kind", ["on_chain_stream", "on_parser_stream", "on_chat_model_end", "on_tool_end"])
def test_what_says_it_once_more_is_no_content(kind: str) -> None:
    """A chain hands on the pieces of its model."""
    assert LangChainEvents().read(event(happened(kind, "Moss"))) == Facts("control")


def test_the_end_is_an_event_s_name() -> None:
    """As LangServe sends it."""
    assert LangChainEvents().read(Event("", "end")) == Facts("complete", terminal="end")


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        (happened("on_chain_start", None), True),
        ({"event": "on_message_delta", "data": {}}, False),
        ({"event": "on_chain_start", "run_id": "r"}, False),
        ({"event": 1}, False),
        (None, False),
    ],
)
def test_events_are_recognised_by_name_and_run(payload: Any, own: bool) -> None:
    """Names alone prove nothing."""
    assert recognise(event(payload), payload) is own
