"""The short way for flat frames says what the long way says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse.dialects.flat import flat_content
from otel_sse.dialects.generic import GenericJSON
from otel_sse.wire.events import Event

KEYS = st.sampled_from(
    [
        "delta",
        "content",
        "text",
        "token",
        "chunk",
        "message",
        "answer",
        "response",
        "type",
        "event_type",
        "event",
        "id",
        "model",
        "role",
        "sha1",
        "done",
        "error",
        "status",
        "sequence_number",
        "usage",
        "finish_reason",
        "reasoning",
        "thinking",
        "choices",
        "data",
        "special",
        "n",
        "index",
        "created",
    ]
)
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["content_chunk", "heartbeat", "error", "done", "status", '{"content": "x", "done": false}']),
    st.integers(-3, 2**63),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
    st.just({"content": "x"}),
    st.just([1]),
)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_the_short_way_and_the_long_way_agree(frame: dict[str, Any]) -> None:
    """Whatever frame takes the short way has the same facts, and the same expectation, by the long way."""
    short, long = GenericJSON(), GenericJSON()
    facts = short.read(Event(json.dumps(frame)))
    if facts.plain:
        assert facts == long._read_object(json.loads(json.dumps(frame)), "")
        assert short.expects == long.expects


@pytest.mark.parametrize(
    ("frame", "content"),
    [
        ({"content": "a", "done": False}, "a"),
        ({"type": "token", "text": "a", "index": 3}, "a"),
        ({"id": "x", "model": "m", "delta": "a", "usage": None}, "a"),
        ({"content": "", "done": False}, None),
        ({"content": "a", "text": "b"}, None),
        ({"content": "a", "done": True}, None),
        ({"content": "a", "sequence_number": 4}, None),
        ({"type": "heartbeat", "content": "a"}, None),
        ({"content": "a", "error": "e"}, None),
        ({"content": {"text": "a"}}, None),
        ({"n": 1}, None),
    ],
)
def test_what_is_flat(frame: dict[str, Any], content: str | None) -> None:
    """One text and plain marks are flat; a second text, an end, a number that counts, an error or nesting is not."""
    assert flat_content(frame) == content
