"""The short way for flat frames says what the long way says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_sse.dialects.flat import flat_content
from otel_sse.dialects.generic import GenericJSON
from otel_sse.stream.facts import Facts
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
        "done_reason",
        "stop_reason",
        "reason",
        "seq",
        "sequence",
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
WORDS = ["", "0", "content_chunk", "token", "heartbeat", "error", "done", "status", '{"content": "x", "done": false}']
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(WORDS),
    st.integers(-3, 2**70),
    st.sampled_from([0, 0.0, 1]),
    st.floats(),
    st.booleans(),
    st.none(),
    st.just({"content": "x"}),
    st.just([1]),
    st.just({}),
    st.just([]),
)
FRAMES = st.dictionaries(KEYS, VALUES, max_size=6)
DATA = st.one_of(FRAMES.map(json.dumps), FRAMES.map(json.dumps).map(json.dumps), st.text(max_size=3).map(json.dumps))


class LongWay(GenericJSON):
    """Reads every frame in full."""

    def _read_flat(self, payload: dict[str, Any], content: str) -> Facts:
        return self._read_object(payload, "")


@given(st.lists(st.builds(Event, DATA, st.sampled_from(["", "", "a", "b"])), max_size=6))
@settings(max_examples=300)
@example([Event('{"finish_reason": 0, "delta": "0"}')])
@example([Event('{"content": "a", "n": 1}'), Event(json.dumps('{"content": 5, "n": 1}'))])
def test_a_stream_means_the_same_by_both_ways(events: list[Event]) -> None:
    """Whatever has come before, an event has the same facts and the same expectation by both ways."""
    short, long = GenericJSON(), LongWay()
    for event in events:
        assert short.read(event) == long.read(event)
        assert short.expects == long.expects


@given(FRAMES)
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
        ({"content": "a", "finish_reason": None, "sequence": None}, "a"),
        ({"content": "a", "finish_reason": 0}, None),
        ({"content": "a", "error": "e"}, None),
        ({"content": {"text": "a"}}, None),
        ({"n": 1}, None),
    ],
)
def test_what_is_flat(frame: dict[str, Any], content: str | None) -> None:
    """One text and plain marks are flat; a second text, an end, a number that counts, an error or nesting is not."""
    assert flat_content(frame) == content
