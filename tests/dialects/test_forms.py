"""The form of an event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_sse.dialects.forms import Form, form_of
from otel_sse.wire import Event


def form(payload: Any, text: str = "moss", event: str = "") -> Form:
    return form_of(Event(payload if isinstance(payload, str) else json.dumps(payload), event), text)


@pytest.mark.parametrize(
    ("payload", "word", "path"),
    [
        ({"type": "token", "content": "moss"}, "token", ("content",)),
        ({"choices": [{"index": 0, "delta": {"content": "moss"}}]}, "", ("choices", "delta", "content")),
        ({"choices": [{"index": 0, "message": {"content": "moss"}}]}, "", ("choices", "message", "content")),
        ({"type": "x", "delta": {"type": "text_delta", "text": "moss"}}, "x", ("delta", "text")),
        ({"data": {"type": "delta", "text": "moss"}}, "delta", ("data", "text")),
        ([{"type": "ai", "content": "moss"}, {"node": "agent"}], "ai", ("content",)),
        ({"parts": ["mo", "ss"]}, "", ()),
        ("moss", "", ()),
    ],
)
def test_form_says_type_and_place_of_the_text(payload: Any, word: str, path: tuple[str, ...]) -> None:
    """The type that the payload, or the object around the text, names; and the keys that lead to the text."""
    found = form(payload)
    assert (found.word, found.path, found.paired) == (word, path, isinstance(payload, list))


def test_forms_of_pieces_are_equal_whatever_they_say() -> None:
    """Numbers, times and texts are no part of it; keys, truths and the event's name are."""
    one = form({"type": "token", "content": "moss", "n": 1, "last": False}, event="message")
    assert one == form({"n": 2, "type": "token", "content": "stone", "last": False}, "stone", "message")
    others: list[tuple[dict[str, Any], str]] = [
        ({"type": "final", "content": "moss", "n": 1, "last": False}, "message"),
        ({"type": "token", "text": "moss", "n": 1, "last": False}, "message"),
        ({"type": "token", "content": "moss", "n": 1, "last": True}, "message"),
        ({"type": "token", "content": "moss", "last": False}, "message"),
        ({"type": "token", "content": "moss", "n": 1, "last": False}, "final"),
    ]
    assert all(one != form(payload, event=event) for payload, event in others)


def test_text_is_looked_for_to_a_depth() -> None:
    """An object inside so many others is no frame of anybody's."""
    payload: Any = "moss"
    for _ in range(9):
        payload = {"a": payload}
    assert form(payload).path == ()
    assert form(payload["a"]).path == ("a",) * 8
