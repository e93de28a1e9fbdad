"""The parser's promises one by one; `test_parser_properties.py` holds them against the standard's text."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from otel_sse import limits
from otel_sse.errors import ConfigurationError
from otel_sse.wire import Comment, Event, Item, Parser, Violation


class LinesOnly(Parser):
    """The parser without its quick paths."""

    def feed(self, data: bytes | bytearray | memoryview) -> list[Item]:
        self._idle = False
        return super().feed(data)

    def _feed_blocks(self, data: bytes, items: list[Item]) -> None:
        self._feed_lines(data, items)


BOTH = pytest.mark.parametrize("make", [Parser, LinesOnly])


def sized(items: list[Item]) -> list[tuple[Item, int]]:
    return [(item, item.size) for item in items]


def read(body: bytes, make: type[Parser] = Parser, **kwargs: int) -> list[Item]:
    parser = make(max_bytes=kwargs.get("max_bytes", limits.MAX_EVENT_BYTES))
    return [*parser.feed(body), *parser.close()]


@BOTH
def test_a_whole_event_in_one_body_is_one_item_of_its_length(make: type[Parser]) -> None:
    """The commonest body yields its event at once, first and later in the stream, with all of its bytes."""
    parser = make()
    for _ in range(3):
        assert sized(parser.feed(b"data: {}\n\n")) == [(Event("{}"), 10)]
        assert sized(parser.feed(b"event: x\ndata: {}\n\n")) == [(Event("{}", "x"), 19)]


@BOTH
def test_many_events_in_one_body(make: type[Parser]) -> None:
    """A body of several events, typed and not, with and without the space, yields them in order."""
    body = b"data: a\n\nevent: x\ndata: b\n\nevent:y\ndata:c\n\ndata: \xc3\xa9\n\nevent: \xc3\xa9\ndata:\n\n"
    parser = make()
    expected = [(Event("a"), 9), (Event("b", "x"), 18), (Event("c", "y"), 16), (Event("é"), 10), (Event("", "é"), 17)]
    assert sized(parser.feed(body)) == expected
    assert sized(parser.feed(body)) == expected


@BOTH
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"data: a\rdata: b\n\n", [Event("a\nb")]),
        (b"event: x\rdata: y\ndata: b\n\n", [Event("y\nb", "x")]),
        (b"event: x\nid: 1\ndata: b\n\n", [Event("b", "x", "1", "1")]),
        (b"event: x\nfoo: 1\ndata: b\n\n", [Violation("unknown_field", "foo"), Event("b", "x")]),
        (b"event: x\ndata: b\ndata: c\n\n", [Event("b\nc", "x")]),
        (b"event: x\n\n", [Violation("no_data", "x")]),
        (b"event:\n\n", []),
        (b"id: 1\n\n", []),
        (b"data: \xff\n\n", [Violation("invalid_utf8", "data"), Event("�")]),
        (b"event: \xff\ndata: x\n\n", [Violation("invalid_utf8", "event"), Event("x", "�")]),
        (b"data: a\n\ndata: \xff\n\n", [Event("a"), Violation("invalid_utf8", "data"), Event("�")]),
        (b"data: a\n\n\n\ndata: b\n\n", [Event("a"), Event("b")]),
        (b"data: a\n\n\ndata: b\n\n\n", [Event("a"), Event("b")]),
        (b"data: a\n\n: ping\n\ndata: b\n\n", [Event("a"), Comment(" ping"), Event("b")]),
        (b"data: a\n\nid: 1\ndata: b\n\n", [Event("a"), Event("b", "", "1", "1")]),
        (b"id: 1\ndata: b\n\ndata: c\n\n", [Event("b", "", "1", "1"), Event("c", last_event_id="1")]),
        (b"data: a\n\ndata: b\r\n\r\n", [Event("a"), Event("b")]),
        (b"datum: a\n\n", [Violation("unknown_field", "datum")]),
        (b"events: a\n\n", [Violation("unknown_field", "events")]),
    ],
)
def test_what_the_quick_paths_must_leave_alone(make: type[Parser], body: bytes, expected: list[Item]) -> None:
    """A body that only looks like one plain event, or holds more than plain events, is read by the full rules."""
    parser = make()
    parser.feed(b"data: first\n\n")
    items = parser.feed(body)
    assert items == expected
    assert sum(item.size for item in items) + parser.pending_bytes == len(body)
    assert parser.feed(b"data: last\n\n")[-1:] == [Event("last", last_event_id=parser.last_event_id)]


TRICKY = [
    b"\xef\xbb\xbfdata: a\r\ndata: b\r\n\r\ndata: c\n\n",
    b"data: a\r\ndata: b\n\ndata: c\n\ndata: d\r\r",
    b"data: a\r\rdata: b\n\n\ndata: c\n\n",
    b"event: x\ndata: a\n\n: c\r\n\r\nevent: y\r\ndata: b\r\n\r\n",
    b": c\r\ndata: a\n\n: d\n\ndata: b\n\ndata: c",
    b"id: 1\ndata: \xe2\x82\xac\n\nretry: 5\ndata: \xe2\x82\n\n",
    b"data: a\n\ndata: " + b"x" * 12 + b"\r\n\r\ndata: b\n\n",
    b"data: " + b"x" * 8 + b"\ndata: " + b"x" * 8 + b"\n: c\n\ndata: b\n\n",
]


@BOTH
@pytest.mark.parametrize("body", TRICKY)
def test_every_cut_into_three_gives_the_same_items(make: type[Parser], body: bytes) -> None:
    """No two cuts, wherever they fall, change an item or a size: CRLF, BOM, characters, caps and blocks included."""
    whole = sized(read(body, make, max_bytes=16))
    for first in range(len(body) + 1):
        for second in range(first, len(body) + 1):
            parser = make(max_bytes=16)
            items = [*parser.feed(body[:first]), *parser.feed(body[first:second]), *parser.feed(body[second:])]
            assert sized([*items, *parser.close()]) == whole, (first, second)


@BOTH
def test_the_sizes_of_a_body_cut_at_the_quick_path_s_cap(make: type[Parser]) -> None:
    """A plain event longer than the body that is tried first is read all the same."""
    body = b"data: " + b"x" * 5_000 + b"\n\n"
    parser = make()
    for _ in range(2):
        assert sized(parser.feed(body)) == [(Event("x" * 5_000), len(body))]


@BOTH
@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_any_bytes_like_buffer_is_read(make: type[Parser], buffer: type[bytes] | type[bytearray]) -> None:
    """bytes, bytearray and memoryview give the same items, and the parser keeps none of them."""
    body = bytearray(b"data: ab")
    parser = make()
    assert parser.feed(buffer(body)) == []
    body[:] = b"????????"
    assert parser.feed(buffer(b"c\n\n")) == [Event("abc")]
    assert parser.feed(buffer(b"data: d\n\n")) == [Event("d")]


@BOTH
def test_an_empty_feed_is_nothing(make: type[Parser]) -> None:
    """No bytes give no items and change nothing, at any point of the stream."""
    parser = make()
    assert parser.feed(b"") == []
    assert parser.feed(b"\xef") == parser.feed(b"") == parser.feed(b"\xbb\xbf") == parser.feed(b"") == []
    assert parser.feed(b"data: x\r") == parser.feed(b"") == []
    assert sized(parser.feed(b"\r")) == [(Event("x"), 12)]
    assert parser.feed(b"") == []


@BOTH
def test_a_line_ends_at_its_cr_and_the_lf_counts_to_the_next_item(make: type[Parser]) -> None:
    """An event framed with CRLF is dispatched at the CR of its blank line; the LF after it is forgiven."""
    parser = make()
    assert sized(parser.feed(b"data: a\r\n\r")) == [(Event("a"), 10)]
    assert parser.feed(b"\n") == []
    assert parser.pending_bytes == 1
    assert sized(parser.feed(b"data: b\r\n\r\n")) == [(Event("b"), 11)]
    assert parser.pending_bytes == 1
    assert parser.close() == []


@BOTH
def test_two_line_feeds_after_a_cr_are_one_blank_line(make: type[Parser]) -> None:
    """Only the first LF after a CR is forgiven, also where the feeds are cut between them."""
    parser = make()
    assert parser.feed(b"data: a\r") == []
    assert parser.feed(b"\n\ndata: b\n\n") == [Event("a"), Event("b")]


@BOTH
def test_the_byte_order_mark_is_stripped_once_however_it_is_cut(make: type[Parser]) -> None:
    """One leading BOM is taken off, also in three pieces; its bytes count to the first item."""
    for cuts in ([3], [1, 3], [2, 3], [1, 2, 3], [1, 2, 3, 4], [10]):
        parser, body, items = make(), b"\xef\xbb\xbfdata: x\n\n", []
        for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True):
            items += parser.feed(body[start:stop])
        assert sized(items) == [(Event("x"), 12)]


@BOTH
def test_a_later_byte_order_mark_spoils_the_field_name(make: type[Parser]) -> None:
    """A second BOM, or one that begins a later block, is part of an unknown field's name."""
    parser = make()
    assert parser.feed(b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\n") == [Violation("unknown_field", "\ufeffdata")]
    assert parser.feed(b"\xef\xbb\xbfdata: x\n\n") == [Violation("unknown_field", "\ufeffdata")]
    assert make().feed(b"\xef\xbb\nfoo\n") == [
        Violation("invalid_utf8", "�"),
        Violation("unknown_field", "�"),
        Violation("unknown_field", "foo"),
    ]


@BOTH
def test_a_comment_is_reported_at_its_line_end(make: type[Parser]) -> None:
    """A comment does not wait for a blank line, keeps its text as it is, and does not disturb the event around it."""
    parser = make()
    assert parser.feed(b"data: a\n") == []
    assert sized(parser.feed(b": ping\n")) == [(Comment(" ping"), 15)]
    assert sized(parser.feed(b"data: b\n\n")) == [(Event("a\nb"), 9)]
    assert parser.feed(b":\n:a:b\n") == [Comment(""), Comment("a:b")]


@BOTH
@pytest.mark.parametrize(
    ("line", "detail"),
    [
        (b"foo: bar", "foo"),
        (b"Data: x", "Data"),
        (b" data: x", " data"),
        (b"data : x", "data "),
        (b'{"error": 1}', '{"error"'),
        (b"Traceback (most recent call last):", "Traceback (most recent call last)"),
        (b"plain text", "plain text"),
        (b"n" * 64 + b": v", "n" * 64),
        (b"n" * 65 + b": v", "n" * 64),
        ("€".encode() * 200, "€" * 64),
        ("😀".encode() * 64 + b"!", "😀" * 64),
    ],
)
def test_an_unknown_field_is_reported_by_its_name_only(make: type[Parser], line: bytes, detail: str) -> None:
    """What stands before the colon, or the whole line, is quoted up to `MAX_NAME_CHARS`; the value never."""
    assert limits.MAX_NAME_CHARS == 64
    assert sized(make().feed(line + b"\n")) == [(Violation("unknown_field", detail), len(line) + 1)]


@BOTH
def test_invalid_utf8_is_reported_once_a_line_before_its_event(make: type[Parser]) -> None:
    """The violation has the bytes through its line, the event the rest, and both are decoded with U+FFFD."""
    parser = make()
    items = parser.feed(b"data: \xff\xfe\xe2\x82\nevent: a\xc0\ndata: ok\n\n")
    assert sized(items) == [
        (Violation("invalid_utf8", "data"), 11),
        (Violation("invalid_utf8", "event"), 10),
        (Event("���\nok", "a�"), 10),
    ]


@BOTH
def test_invalid_utf8_in_a_comment_and_in_a_name(make: type[Parser]) -> None:
    """A comment is named by its colon; where one line gives two items, the second has no bytes of its own."""
    items = make().feed(b":\xff\nfo\xff: x\n")
    assert sized(items) == [
        (Violation("invalid_utf8", ":"), 3),
        (Comment("�"), 0),
        (Violation("invalid_utf8", "fo�"), 7),
        (Violation("unknown_field", "fo�"), 0),
    ]


@BOTH
def test_a_character_cut_between_two_feeds_is_whole(make: type[Parser]) -> None:
    """UTF-8 is decoded by lines, so a cut inside a character does no harm."""
    parser, body = make(), "data: 😀\n\n".encode()
    parser.feed(b"\n")
    assert [item for at in range(len(body)) for item in parser.feed(body[at : at + 1])] == [Event("😀")]


@BOTH
def test_the_id_lasts_until_the_next_one(make: type[Parser]) -> None:
    """`last_event_id` changes at the blank line, also of a block without data, and stays for later events."""
    parser = make(last_event_id="0")
    assert parser.feed(b"data: a\n\nid: 1\n") == [Event("a", last_event_id="0")]
    assert parser.last_event_id == "0"
    assert parser.feed(b"\n") == []
    assert parser.last_event_id == "1"
    assert parser.feed(b"data: b\n\nid\ndata: c\n\n") == [Event("b", last_event_id="1"), Event("c", "", "", "")]


@BOTH
def test_an_unfinished_block_s_id_does_not_stick(make: type[Parser]) -> None:
    """The id of a block that the end of the stream cuts off never becomes the last event id."""
    parser = make()
    parser.feed(b"id: 1\ndata: x\n")
    assert parser.close() == [Violation("truncated", "")]
    assert parser.last_event_id == ""


@BOTH
def test_an_id_with_nul_is_ignored_and_reported(make: type[Parser]) -> None:
    """The event goes out with the id before it."""
    assert make().feed(b"id: 1\nid: a\0b\ndata: x\n\n") == [Violation("bad_id", "id"), Event("x", "", "1", "1")]


@BOTH
@pytest.mark.parametrize(
    "value", [b"", b" ", b"-1", b"1.5", b"1_0", b"+1", b"1 ", "٣".encode(), b"9" * 19, b"9" * 5_000]
)
def test_a_retry_that_is_not_a_usable_number_is_ignored(make: type[Parser], value: bytes) -> None:
    """Anything but ASCII digits, or more than 18 of them, leaves the reconnection time as it was."""
    parser = make()
    assert parser.feed(b"retry: 5\nretry: " + value + b"\ndata: x\n\n") == [
        Violation("bad_retry", "retry"),
        Event("x", retry_ms=5),
    ]
    assert parser.retry_ms == 5


@BOTH
@pytest.mark.parametrize(
    ("value", "expected"), [(b"0", 0), (b"03000", 3000), (b"9" * 18, 10**18 - 1), (b"0" * 5_000, 0)]
)
def test_a_retry_counts_from_its_line(make: type[Parser], value: bytes, expected: int) -> None:
    """`retry_ms` changes at the end of the line; the event of the block carries it, the next one does not."""
    parser = make()
    seen = [parser.retry_ms]
    assert parser.feed(b"retry:" + value + b"\n") == []
    seen.append(parser.retry_ms)
    assert seen == [None, expected]
    assert parser.feed(b"data: x\n\ndata: y\n\n") == [Event("x", retry_ms=expected), Event("y")]


@BOTH
def test_a_block_without_data_is_no_event(make: type[Parser]) -> None:
    """It is reported by the event's name, which does not reach the next event; without a name it is nothing."""
    expected = [(Violation("no_data", "x"), 16), (Event("y", "", None, "1"), 9)]
    assert sized(make().feed(b"event: x\nid: 1\n\ndata: y\n\n")) == expected
    assert sized(make().feed(b"retry: 5\nid: 1\n\ndata: y\n\n")) == [(Event("y", "", None, "1"), 25)]
    assert make().feed(b"event: " + b"x" * 65 + b"\n\n") == [Violation("no_data", "x" * 64)]


@BOTH
@pytest.mark.parametrize(
    ("body", "detail", "size"),
    [
        (b"data: half", "data", 10),
        (b"dat", "dat", 3),
        (b": pin", ":", 5),
        (b'{"error": "no LF"}', '{"error"', 18),
        (b"data: x\n", "", 8),
        (b"event: x\r\n", "", 10),
        (b"id: 1\n", "", 6),
        (b"retry: 1\n", "", 9),
        (b"data: x\nda", "da", 10),
        (b"\n\ndata", "data", 6),
        (b"\xef\xbb", "�", 2),
    ],
)
def test_an_unfinished_tail_is_reported_by_close(make: type[Parser], body: bytes, detail: str, size: int) -> None:
    """A pending line or block is named and counted, not dispatched."""
    parser = make()
    assert parser.feed(body) == []
    assert parser.pending_bytes == size
    assert sized(parser.close()) == [(Violation("truncated", detail), size)]
    assert parser.pending_bytes == 0
    assert parser.close() == []


@BOTH
@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf", b"id: 1\n\n", b"\xef\xbb\xbf\r"])
def test_a_tail_of_blank_lines_is_no_violation(make: type[Parser], body: bytes) -> None:
    """What ended properly is not truncated; `pending_bytes` still tells the bytes that no item has."""
    parser = make()
    assert parser.feed(body) == parser.close() == []
    assert parser.pending_bytes == len(body)


@BOTH
def test_a_block_cut_off_after_a_comment_is_truncated_without_bytes(make: type[Parser]) -> None:
    """The comment has taken the bytes, but the event is still lost and said to be."""
    assert sized(read(b"data: x\n: c\n", make)) == [(Comment(" c"), 12), (Violation("truncated", ""), 0)]


@BOTH
def test_feeding_a_closed_parser_is_an_error(make: type[Parser]) -> None:
    """The mistake is named, also where the quick path was open before."""
    parser = make()
    parser.feed(b"data: x\n\n")
    parser.close()
    with pytest.raises(RuntimeError, match=r"feed\(\) must come before close\(\)"):
        parser.feed(b"data: x\n\n")


def test_the_smallest_cap() -> None:
    """A cap below 8 bytes is refused with the project's message, 8 is accepted."""
    assert Parser(max_bytes=8).feed(b"data: xy\n\n") == [Event("xy")]
    with pytest.raises(ConfigurationError, match="max_bytes must be at least 8, got 7"):
        Parser(max_bytes=7)


@BOTH
@pytest.mark.parametrize("name", [b"", b"event: x\n"])
def test_a_whole_event_past_the_cap(make: type[Parser], name: bytes) -> None:
    """The cap holds in mid-stream too, for a body that is exactly one event."""
    for length, expected in ((14, Event("x" * 14, name[7:-1].decode())), (15, Violation("oversize", "line"))):
        parser = make(max_bytes=20)
        parser.feed(b"data: a\n\n")
        body = name + b"data: " + b"x" * length + b"\n\n"
        items = parser.feed(body)
        assert items == [expected]
        assert items[0].size + parser.pending_bytes == len(body)


@BOTH
def test_a_line_at_the_cap_and_one_past_it(make: type[Parser]) -> None:
    """A line of `max_bytes` is read; one more byte is reported with the byte that passes the cap, then skipped."""
    at_cap, past = b"data: " + b"x" * 14, b"data: " + b"x" * 15
    assert sized(make(max_bytes=20).feed(at_cap + b"\n\n")) == [(Event("x" * 14), 22)]
    parser = make(max_bytes=20)
    assert sized(parser.feed(past + b"yyy\n\ndata: z\n\n")) == [(Violation("oversize", "line"), 21), (Event("z"), 14)]
    assert sized(parser.feed(past + b"\n\n" + at_cap + b"\n\n"))[1:] == [(Event("x" * 14), 24)]


@BOTH
def test_typed_events_at_the_cap(make: type[Parser]) -> None:
    """The cap holds for each line, not for their sum."""
    parser = make(max_bytes=20)
    parser.feed(b"data: a\n\n")
    body = b"event: " + b"t" * 13 + b"\ndata: " + b"x" * 14 + b"\n\n"
    assert sized(parser.feed(body)) == [(Event("x" * 14, "t" * 13), len(body))]


@BOTH
def test_an_oversize_line_is_reported_before_it_ends(make: type[Parser]) -> None:
    """The report does not wait for the line's end, and comes once."""
    parser = make(max_bytes=20)
    assert parser.feed(b"data: " + b"x" * 14) == []
    assert parser.feed(b"x") == [Violation("oversize", "line")]
    assert parser.feed(b"x" * 100) == []
    assert parser.pending_bytes == 100
    assert sized(parser.close()) == [(Violation("truncated", "data"), 100)]


@BOTH
@pytest.mark.parametrize("name", [b"data", b"event"])
def test_an_event_that_lost_a_line_is_not_dispatched(make: type[Parser], name: bytes) -> None:
    """Half an event is no event; its id still counts, and comments inside it are still reported."""
    parser = make(max_bytes=20)
    body = b"id: 1\ndata: a\n" + name + b": " + b"x" * 30 + b"\ndata: b\n: c\nid: 2\n\ndata: d\n\n"
    assert parser.feed(body) == [Violation("oversize", "line"), Comment(" c"), Event("d", last_event_id="2")]


@BOTH
def test_an_oversize_comment_or_unknown_line_leaves_its_event_whole(make: type[Parser]) -> None:
    """Lines that are not part of the event are skipped without harm to it."""
    for line in (b":" + b"x" * 30, b"y" * 30, b"database" * 4):
        body = b"data: a\n" + line + b"\ndata: b\n\n"
        assert read(body, make, max_bytes=20) == [Violation("oversize", "line"), Event("a\nb")]


@BOTH
def test_an_event_s_data_at_the_cap_and_one_past_it(make: type[Parser]) -> None:
    """Data of `max_bytes`, joining LFs included, is dispatched; one byte more is reported at its line and skipped."""
    first, second = b"data: " + b"x" * 10 + b"\n", b"data: " + b"y" * 9 + b"\n"
    assert sized(make(max_bytes=20).feed(first + second + b"\n")) == [(Event("x" * 10 + "\n" + "y" * 9), 34)]
    parser = make(max_bytes=20)
    assert sized(parser.feed(first + first)) == [(Violation("oversize", "event"), 34)]
    assert sized(parser.feed(b"data: more\n\ndata: next\n\n")) == [(Event("next"), 24)]


@BOTH
def test_empty_data_lines_count_to_the_cap(make: type[Parser]) -> None:
    """A flood of empty `data` lines cannot grow an event without end."""
    assert read(b"data\n" * 21 + b"\n", make, max_bytes=20) == [Event("\n" * 20)]
    assert read(b"data\n" * 22 + b"\n", make, max_bytes=20) == [Violation("oversize", "event")]


@pytest.mark.parametrize(
    "piece", [b"x" * 16_384, b"data: xy\n" * 500, b"data\n" * 500, b"\n" * 500, b": c\n" * 100, b"id: x\n" * 200]
)
def test_memory_stays_within_a_few_caps(piece: bytes) -> None:
    """Endless lines, events, blank lines and comments leave nothing behind but what the cap allows."""
    parser = Parser(max_bytes=16_384)
    parser.feed(b"data: ")
    tracemalloc.start()
    try:
        for _ in range(40):
            parser.feed(piece)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 3 * 16_384


def test_a_closed_parser_keeps_nothing() -> None:
    """close() lets go of an unfinished line and block, however long the parser itself lives on."""
    parser = Parser()
    tracemalloc.start()
    try:
        parser.feed(b"data: " + b"x" * 100_000 + b"\n")
        parser.feed(b"data: " + b"y" * 100_000)
        parser.close()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 10_000


def test_a_byte_costs_the_same_at_the_end_of_a_long_line() -> None:
    """Feeding byte by byte never looks at earlier bytes again: the last of a 1 MiB line cost what the first did."""
    parser = Parser()
    first = _seconds_bytewise(parser, 50_000)
    parser.feed(b"x" * (limits.MAX_EVENT_BYTES - 100_000))
    last = _seconds_bytewise(parser, 50_000)
    assert parser.pending_bytes == limits.MAX_EVENT_BYTES
    # Copying the line at each byte would take hundreds of times as long; a busy machine never does.
    assert last < 50 * first


def _seconds_bytewise(parser: Parser, count: int) -> float:
    begin = time.process_time()
    for _ in range(count):
        parser.feed(b"x")
    return time.process_time() - begin
