"""Ollama: what only its objects do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.ollama import Ollama, recognise
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.facts import Facts
from tests.dialects.made import event, read_all, texts


def one(done: bool = False, **more: Any) -> dict[str, Any]:
    """One object."""
    return {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": done, **more}


def message(**said: Any) -> dict[str, Any]:
    """One object with a message."""
    return one(message={"role": "assistant", **said})


def test_thinking_and_calls() -> None:
    """Thinking has a channel, and each call comes whole on one of its own."""
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    stream = [message(content="", thinking="Hm"), message(content="Moss"), message(content="", tool_calls=[call, call])]
    text = '{"function":{"name":"f","arguments":{"a":1}}}'
    assert texts(read_all(Ollama(), [event(each) for each in stream])) == {
        "reasoning": "Hm",
        "": "Moss",
        "tool:0": text,
        "tool:1": text,
    }


def test_the_end_has_reason_and_tokens() -> None:
    """The counts are the prompt's and the answer's."""
    end = one(True, response="", done_reason="length", prompt_eval_count=3, eval_count=4)
    assert Ollama().read(event(end)) == Facts(
        "complete", terminal="done", finish_reason="length", input_tokens=3, output_tokens=4
    )


def test_an_error_stands_alone() -> None:
    """It is no piece of an answer."""
    assert Ollama().read(event({"error": "model not found"})) == Facts("error", error="error")


def test_nearly_every_object_is_plain() -> None:
    """One delta and nothing else takes the shorter way."""
    assert Ollama().read(event(one(response="Moss"))).plain
    assert not Ollama().read(event(message(content="a", thinking="b"))).plain


@pytest.mark.parametrize("count", [MAX_CHANNELS, MAX_CHANNELS + 1, MAX_CHANNELS + 2])
def test_calls_beyond_the_cap_share_a_channel(count: int) -> None:
    """At the cap each has its own."""
    call = {"function": {"name": "f", "arguments": {}}}
    facts = Ollama().read(event(message(content="", tool_calls=[call] * count)))
    assert len(facts.deltas) == min(count, MAX_CHANNELS + 1)


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        (one(response="x"), True),
        (message(content="x"), True),
        (one(), False),
        ({"response": "x", "done": False}, False),
        (None, False),
    ],
)
def test_objects_are_recognised_by_model_and_time(payload: Any, own: bool) -> None:
    """A text beside a flag alone is an application's own."""
    assert recognise(event(payload), payload) is own
