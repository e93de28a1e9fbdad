"""Whether pieces of text are one JSON value, with no piece kept."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse.detect.json_pieces import JsonPieces
from otel_sse.limits import MAX_ARGUMENT_CHARS, MAX_ARGUMENT_DEPTH, MAX_NAME_CHARS

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


def whole(*pieces: str) -> bool | None:
    """Return the verdict on pieces."""
    json_pieces = JsonPieces()
    for piece in pieces:
        json_pieces.feed(piece)
    return json_pieces.whole


def is_json(text: str) -> bool:
    """Whether Python's own reader takes a text."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@given(VALUES, st.booleans(), st.booleans(), st.data())
def test_json_cut_anywhere_is_whole(value: object, ascii_only: bool, spaced: bool, data: st.DataObject) -> None:
    """What a serialiser writes is whole, however it is cut."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=2 if spaced else None)
    at = data.draw(st.integers(0, len(text)))
    assert whole(text[:at], text[at:]) is True
    assert whole(*text) is True


@given(VALUES, st.data())
def test_json_with_a_character_changed_is_what_python_says(value: object, data: st.DataObject) -> None:
    """Whatever is done to one character, the verdict is that of a reader which has the whole text."""
    text = json.dumps(value)
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.sampled_from(["", '"', "{", "}", "[", "]", ",", ":", "\\", "1", "-", " "]))
    changed += text[at + data.draw(st.integers(0, 1)) :]
    if changed.strip(" \n"):
        assert whole(*changed) is is_json(changed)


@pytest.mark.parametrize(
    "text",
    ['{"a":1', '{}{"a":1}', '{"a":1}}', "{'a':1}", '{"a":1,}', "[1,]", '{"a" 1}', "hello", '"a\nb"', '{"a":01}',
     '"\\x"', '"\\u12g4"', "tru", "[1 2]", "]", '{"a":}', "{1:2}", '"open', "1,"],
)  # fmt: skip
def test_what_is_no_json_is_not(text: str) -> None:
    """Cut off, two values, or written by hand: none of it is one value."""
    assert whole(text) is whole(*text) is False


@pytest.mark.parametrize("text", ["", "  \n"])
def test_of_nothing_nothing_is_said(text: str) -> None:
    """A call without arguments has none that could be wrong."""
    assert whole(text) is None


@pytest.mark.parametrize(
    ("text", "one_more"),
    [
        ('"' + "a" * (MAX_ARGUMENT_CHARS - 2) + '"', " "),
        ("[" * MAX_ARGUMENT_DEPTH + "]" * (MAX_ARGUMENT_DEPTH - 1), "["),
        ("1" * MAX_NAME_CHARS, "1"),
    ],
)
def test_beyond_a_cap_nothing_is_said(text: str, one_more: str) -> None:
    """Up to the cap there is a verdict, one past it there is none."""
    assert whole(text) is not None
    depth = one_more == "["
    assert whole(one_more + text if depth else text + one_more) is None
