"""Bedrock's ConverseStream: what only its events do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.bedrock_converse import BedrockConverse, recognise
from otel_sse.stream.facts import Facts
from tests.dialects.made import event, read_all


def delta(**said: Any) -> dict[str, Any]:
    """A delta of block 0."""
    return {"contentBlockDelta": {"contentBlockIndex": 0, "delta": said}}


def test_events_in_an_envelope() -> None:
    """Agents hand them on under `event`; reasoning has a channel, its signature is no text."""
    reader = BedrockConverse()
    stream = [delta(reasoningContent={"text": "Hm"}), delta(reasoningContent={"signature": "x"}), delta(text="Moss")]
    facts = read_all(reader, [event({"event": one}) for one in stream])
    assert facts == [Facts("content", "Hm", "0/reasoning"), Facts("control"), Facts("content", "Moss", "0")]


def test_the_end_its_reason_and_its_usage() -> None:
    """Usage follows the end."""
    facts = read_all(
        BedrockConverse(),
        [
            event({"messageStop": {"stopReason": "max_tokens"}}),
            event({"metadata": {"usage": {"inputTokens": 3, "outputTokens": 4}}}),
        ],
    )
    assert facts == [
        Facts("complete", terminal="messageStop", finish_reason="max_tokens"),
        Facts("control", input_tokens=3, output_tokens=4),
    ]


@pytest.mark.parametrize("name", ["throttlingException", "modelStreamErrorException"])
def test_exceptions_are_errors(name: str) -> None:
    """The exception's name is the code."""
    assert BedrockConverse().read(event({name: {"message": "secret"}})) == Facts("error", error=name)


@pytest.mark.parametrize(
    ("payload", "name", "own"),
    [
        ({"messageStart": {"role": "assistant"}}, "", True),
        (delta(text="x"), "", True),
        ({"contentBlockIndex": 0, "delta": {"text": "x"}}, "contentBlockDelta", True),
        ({"metadata": {"a": 1}}, "", False),
        ({"contentBlockDelta": "x"}, "", False),
        ("x", "messageStop", False),
    ],
)
def test_events_are_recognised_by_the_name_above_them(payload: Any, name: str, own: bool) -> None:
    """Anybody may send metadata."""
    assert recognise(event(payload, name), payload) is own
