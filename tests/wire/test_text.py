"""Bodies of plain text, and what is sent as such."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse.wire import Comment, Event, Violation
from otel_sse.wire.text import TextParser


def read(*pieces: bytes) -> tuple[list[object], bool]:
    """What a body in these pieces holds, and whether it is text."""
    parser = TextParser()
    items: list[object] = [item for piece in pieces for item in parser.feed(piece)]
    return [*items, *parser.close()], parser.is_text


def test_text_is_handed_out_piece_by_piece() -> None:
    """As it came, whatever it looks like after its beginning."""
    pieces = ["The", " fog", "\n", "data: x", '{"a":', "1}", "[DONE]"]
    assert read(*[piece.encode() for piece in pieces]) == ([Event(piece) for piece in pieces], True)


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b"data: a\n\nevent: end\ndata: b\n\n", [Event("a"), Event("b", "end")]),
        (b": open\n\ndata: a\n\n", [Comment(" open"), Event("a")]),
        (b'{"a": 1}\n{"b": 2}\n', [Event('{"a": 1}'), Event('{"b": 2}')]),
        (b'{"a": 1}', [Event('{"a": 1}')]),
    ],
)
def test_events_and_lines_that_are_sent_as_text_are_read_as_such(body: bytes, items: list[object]) -> None:
    """The first piece shows what they are."""
    assert read(body) == (items, False)


@pytest.mark.parametrize("body", [b'{"a": 1', b'{\n  "a": 1\n}', b"{name}, welcome", b":) hello\n", b"1: data", b" "])
def test_what_only_resembles_them_is_text(body: bytes) -> None:
    """A document in pieces or over several lines, and whatever begins with the same letters."""
    assert read(body) == ([Event(body.decode())], True)


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.data())
def test_text_cut_anywhere_is_the_text(text: str, data: st.DataObject) -> None:
    """A character that lies across two pieces is not broken, and the sizes add up to the bytes."""
    raw = b"x" + text.encode()
    at = data.draw(st.integers(1, len(raw)))
    items, _ = read(raw[:at], raw[at:])
    events = [item for item in items if isinstance(item, Event)]
    assert len(events) == len(items)
    assert "".join(item.data for item in events) == "x" + text
    assert sum(item.size for item in events) == len(raw)


def test_a_character_that_never_comes_whole_is_told() -> None:
    """At the end nothing can follow; an empty body holds nothing."""
    assert read(b"a\xf0\x9f") == ([Event("a"), Violation("invalid_utf8", "line")], True)
    assert read(b"ab", b"\xf0") == ([Event("ab"), Violation("invalid_utf8", "line")], True)
    assert read(b"", b"") == ([], False)


@pytest.mark.parametrize("size", [8, 9])
def test_a_piece_above_the_cap_is_skipped(size: int) -> None:
    """At `max_bytes` it is read, one byte more is not."""
    parser = TextParser(max_bytes=8)
    (item,) = parser.feed(b"a" * size)
    assert type(item) is (Violation if size > 8 else Event)
    assert item.size == size
