"""DashScope: what only its native format does."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.dashscope import DashScope, recognise
from otel_sse.stream.facts import Facts
from tests.dialects.made import event, read_all, texts


def chunk(ident: str = "q-1", **output: Any) -> dict[str, Any]:
    """One chunk."""
    return {"output": output, "usage": {"input_tokens": 5, "output_tokens": 2}, "request_id": ident}


def message(reason: str = "null", **said: Any) -> dict[str, Any]:
    """One chunk with a choice."""
    return chunk(choices=[{"message": {"role": "assistant", **said}, "finish_reason": reason}])


def test_a_finish_reason_of_null_is_none() -> None:
    """The word says that the answer goes on; tokens are those so far."""
    assert DashScope().read(event(message(content="Moss"))) == Facts(
        "content", "Moss", "0", opens="q-1", input_tokens=5, output_tokens=2
    )
    assert DashScope().read(event(message("stop", content=""))).finish_reason == "stop"


def test_thoughts_parts_and_calls() -> None:
    """Reasoning and calls have channels of their own, and content may come in parts."""
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    stream = [
        event(message(content="", reasoning_content="Hm")),
        event(message(content=[{"text": "Mo"}, {"text": "ss"}])),
        event(message("tool_calls", content="", tool_calls=[call])),
    ]
    assert texts(read_all(DashScope(), stream)) == {"0/reasoning": "Hm", "0": "Moss", "0/tool:0": "{}"}


def test_reasoning_grows_by_itself() -> None:
    """Each channel's text so far is its own."""
    stream = [
        event(message(content="", reasoning_content="Hm")),
        event(message(content="", reasoning_content="Hm, yes")),
        event(message(content="Mo", reasoning_content="Hm, yes")),
        event(message("stop", content="Moss", reasoning_content="Hm, yes")),
    ]
    assert texts(read_all(DashScope(), stream)) == {"0/reasoning": "Hm, yes", "0": "Moss"}


def test_the_next_request_grows_anew() -> None:
    """Its first text may be that of the one before."""
    stream = [event(chunk(ident, text=text)) for ident in ("q-1", "q-2") for text in ("Mo", "Moss")]
    assert texts(read_all(DashScope(), stream)) == {"0": "MossMoss"}


def test_an_error_has_its_code() -> None:
    """With the event's name or without."""
    failed = {"code": "Throttling", "message": "secret", "request_id": "q-1"}
    assert DashScope().read(event(failed, "error")) == Facts("error", error="Throttling")
    assert DashScope().read(event(failed)) == Facts("error", error="Throttling")


@pytest.mark.parametrize(
    ("payload", "own"),
    [
        (chunk(text="x"), True),
        (message(content="x"), True),
        ({"output": {"text": "x"}}, False),
        ({"output": "x", "request_id": "q"}, False),
        ({"output": {"image": 1}, "request_id": "q"}, False),
        (None, False),
    ],
)
def test_chunks_are_recognised_by_shape(payload: Any, own: bool) -> None:
    """An output alone may be anybody's."""
    assert recognise(event(payload), payload) is own
