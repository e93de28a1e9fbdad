"""llama.cpp: what only its pieces do."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.llama_cpp import LlamaCpp, recognise
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.facts import Facts
from tests.dialects.made import event, read_all


def piece(content: str, index: int = 0, stop: bool = False, **more: Any) -> dict[str, Any]:
    """One piece of text."""
    return {"index": index, "content": content, "stop": stop, **more}


def test_each_of_several_prompts_ends_by_itself() -> None:
    """The answer ends with the last of them."""
    stream = [piece("a"), piece("b", 1), piece("", 0, True, stop_type="eos"), piece("", 1, True, stop_type="limit")]
    facts = read_all(LlamaCpp(), [event(one) for one in stream])
    assert facts[2] == Facts("control", finish_reason="eos", partial=True)
    assert facts[3] == Facts("complete", finish_reason="limit", terminal="stop")
    assert [one.channel for one in facts[:2]] == ["0", "1"]


@pytest.mark.parametrize("count", [MAX_CHANNELS, MAX_CHANNELS + 1])
def test_so_many_prompts_are_followed(count: int) -> None:
    """One past the cap is not waited for."""
    reader = LlamaCpp()
    read_all(reader, [event(piece("a", number)) for number in range(count)])
    ends = read_all(reader, [event(piece("", number, True)) for number in range(MAX_CHANNELS)])
    assert [one.partial for one in ends] == [*[True] * (MAX_CHANNELS - 1), False]


@pytest.mark.parametrize(
    ("payload", "own"),
    [(piece("x"), True), ({"content": "x", "stop": None}, False), ({**piece("x"), "type": "t"}, False), ("x", False)],
)
def test_pieces_are_recognised_by_shape(payload: Any, own: bool) -> None:
    """A type says that it is somebody else's."""
    assert recognise(event(payload), payload) is own
