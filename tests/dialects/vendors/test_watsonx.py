"""Generated text in results: a made-up stream in the shape that was recorded."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.watsonx import Watsonx, recognise
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, read_all, texts


def chunk(text: str, made: int, read: int = 0, stop_reason: str = "not_finished") -> Event:
    """Return one chunk with one result."""
    result = {
        "generated_text": text,
        "generated_token_count": made,
        "input_token_count": read,
        "stop_reason": stop_reason,
    }
    return event({"model_id": "m", "results": [result]}, "message")


def test_a_plain_answer() -> None:
    """The prompt's tokens are on the first chunk; the stop reason counts only where it is one."""
    stream = [chunk("", 0, 8), chunk("moss", 1), chunk(" grows", 2), chunk("", 3, stop_reason="eos_token")]
    assert read_all(Watsonx(), stream) == [
        Facts("control", input_tokens=8, output_tokens=0),
        Facts("content", "moss", "0", output_tokens=1),
        Facts("content", " grows", "0", output_tokens=2),
        Facts("control", finish_reason="eos_token", output_tokens=3),
    ]


def test_several_results_are_channels() -> None:
    """Results count by position."""
    results = [{"generated_text": "moss"}, {"generated_text": "fern"}]
    assert texts([Watsonx().read(event({"results": results}))]) == {"0": "moss", "1": "fern"}


@pytest.mark.parametrize(
    ("payload", "own"),
    [({"results": [{"generated_text": ""}]}, True), ({"results": [{"text": "x"}]}, False), ({"results": {}}, False)],
)
def test_results_are_recognised_by_their_text(payload: Any, own: bool) -> None:
    """Results of something else are not recognised."""
    assert recognise(event(payload), payload) is own
