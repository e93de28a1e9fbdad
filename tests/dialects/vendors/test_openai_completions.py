"""The older completion chunks."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.openai_completions import OpenAICompletions, recognise
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, read_all, texts


def chunk(*choices: tuple[int, str], finish_reason: str | None = None) -> Event:
    """Return one chunk with these `(index, text)` choices."""
    made = [{"index": index, "text": text, "finish_reason": finish_reason} for index, text in choices]
    return event({"id": "cmpl-1", "object": "text_completion", "choices": made})


def test_interleaved_choices_that_finish_together() -> None:
    """Each choice is a channel, and one event may finish all of them."""
    stream = [chunk((0, "Mo")), chunk((1, "Fe")), chunk((0, "ss")), chunk((1, "rn"))]
    facts = read_all(OpenAICompletions(), [*stream, chunk((0, ""), (1, ""), finish_reason="stop"), Event("[DONE]")])
    assert texts(facts) == {"0": "Moss", "1": "Fern"}
    assert facts[0].opens == "cmpl-1"
    assert facts[4] == Facts("control", finish_reason="stop")
    assert facts[5].terminal == "[DONE]"


def test_the_last_text_may_come_with_the_reason() -> None:
    """A chunk may finish with its last text."""
    assert read_all(OpenAICompletions(), [chunk((0, "x"), finish_reason="length")]) == [
        Facts("content", "x", "0", finish_reason="length", opens="cmpl-1")
    ]


def test_a_usage_chunk_has_no_choices() -> None:
    """Usage alone is control."""
    usage = {"id": "cmpl-1", "usage": {"prompt_tokens": 4, "completion_tokens": 2}}
    assert OpenAICompletions().read(event(usage)).output_tokens == 2


def test_an_unknown_object_is_not_its_own() -> None:
    """An object with neither choices nor usage is control."""
    assert OpenAICompletions().read(event({"text": "x"})) == Facts("control")


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        ({"choices": [{"text": "x"}]}, True),
        ({"choices": [{"text": "x", "delta": {"content": "x"}}]}, False),
        ({"choices": []}, False),
        ([], False),
    ],
)
def test_a_text_without_a_delta_is_recognised(payload: Any, own: bool) -> None:
    """Chat vendors that repeat the text beside the delta are not taken for completions."""
    assert recognise(event(payload), payload) is own
