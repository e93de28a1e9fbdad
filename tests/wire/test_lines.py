"""Newline-delimited JSON: one event a line, at its LF."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sse.errors import ConfigurationError
from otel_sse.wire import Event, Item, LineParser, Violation

Sized = list[tuple[Item, int]]


def sized(items: list[Item]) -> Sized:
    return [(item, item.size) for item in items]


def read(pieces: list[bytes], max_bytes: int = 1_000) -> Sized:
    parser = LineParser(max_bytes=max_bytes)
    return sized([*(item for piece in pieces for item in parser.feed(piece)), *parser.close()])


def test_each_line_is_an_event_at_its_lf() -> None:
    """A line comes with its LF and takes its bytes; the rest waits."""
    parser = LineParser()
    assert sized(parser.feed(b'{"a":1}\n{"b":2}\n{"c"')) == [(Event('{"a":1}'), 8), (Event('{"b":2}'), 8)]
    assert parser.pending_bytes == 4
    assert sized(parser.feed(b":3}\n")) == [(Event('{"c":3}'), 8)]
    assert parser.pending_bytes == 0


@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_any_bytes_like_buffer_is_read(buffer: type[bytes] | type[bytearray]) -> None:
    """bytes, bytearray and memoryview give the same items."""
    assert LineParser().feed(buffer(b"1\n")) == [Event("1")]


def test_blank_lines_are_nothing() -> None:
    """Empty lines and lines of white space give no item; their bytes count to the next one."""
    assert read([b"\n \t\n\r\n1\n"]) == [(Event("1"), 8)]


def test_only_an_lf_ends_a_line() -> None:
    """CRLF ends a line too, but a CR alone is white space inside JSON."""
    assert read([b"[1,\r2]\r\n3\n"]) == [(Event("[1,\r2]"), 8), (Event("3"), 2)]


def test_the_last_line_may_lack_its_lf() -> None:
    """close() returns an unfinished last line as an event, once; blank ends are nothing."""
    parser = LineParser()
    assert parser.feed(b"1\n2") == [Event("1")]
    assert sized(parser.close()) == [(Event("2"), 1)]
    assert parser.close() == []
    parser = LineParser()
    parser.feed(b"1\n \n ")
    assert parser.close() == []
    assert parser.pending_bytes == 3


def test_a_closed_parser_takes_no_more() -> None:
    """The mistake is named."""
    parser = LineParser()
    parser.close()
    with pytest.raises(RuntimeError, match=r"feed\(\) must come before close\(\)"):
        parser.feed(b"1\n")


def test_invalid_utf8_is_reported_before_its_event() -> None:
    """The violation has the line's bytes; the event follows with U+FFFD, also at the end of the stream."""
    expected = [(Violation("invalid_utf8"), 3), (Event("�1"), 0)]
    assert read([b"\xff1\n"]) == expected
    assert read([b"\n\xff1"]) == expected


def test_a_line_at_the_cap_and_one_past_it() -> None:
    """A line of `max_bytes` is an event; one byte more is reported with that byte, and the line is skipped."""
    assert read([b"12345\n"], max_bytes=5) == [(Event("12345"), 6)]
    assert read([b"123456789\n1\n"], max_bytes=5) == [(Violation("oversize", "line"), 6), (Event("1"), 6)]
    parser = LineParser(max_bytes=5)
    assert parser.feed(b"12345") == []
    assert parser.feed(b"6") == [Violation("oversize", "line")]
    assert parser.feed(b"78") == []
    assert sized(parser.close()) == [(Violation("truncated"), 2)]


def test_the_smallest_cap() -> None:
    """A cap of 1 byte is accepted, 0 is refused."""
    assert LineParser(max_bytes=1).feed(b"1\n") == [Event("1")]
    with pytest.raises(ConfigurationError, match="max_bytes must be at least 1, got 0"):
        LineParser(max_bytes=0)


def test_it_can_stand_in_for_the_sse_parser() -> None:
    """Ids and reconnection times do not exist here, and say so."""
    assert (LineParser().last_event_id, LineParser().retry_ms) == ("", None)


PIECES = st.lists(st.sampled_from([b"\n", b"\r", b"1", b'{"a":"x"}', b" ", "é".encode(), b"\xff", b"\n\n"]).map(bytes))


@given(pieces=PIECES, cap=st.sampled_from([1, 3, 1_000]))
@settings(max_examples=200, deadline=None)
def test_any_split_agrees_with_splitting_the_whole(pieces: list[bytes], cap: int) -> None:
    """However the bytes come, the lines that are kept are those of the whole, and the sizes add up to it."""
    body = b"".join(pieces)
    whole = read([body], cap)
    assert read(pieces, cap) == whole
    assert read([body[at : at + 1] for at in range(len(body))], cap) == whole
    kept = [line.removesuffix(b"\r").decode("utf-8", "replace") for line in body.split(b"\n") if len(line) <= cap]
    assert [item.data for item, _ in whole if isinstance(item, Event)] == [text for text in kept if text.strip(" \t\r")]
    parser = LineParser(max_bytes=cap)
    items = [*parser.feed(body), *parser.close()]
    assert sum(item.size for item in items) + parser.pending_bytes == len(body)
