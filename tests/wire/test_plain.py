"""Blocks that are read as text: only those that the long way would read alike."""

from __future__ import annotations

import pytest

from otel_sse.limits import MAX_EVENT_BYTES
from otel_sse.wire import Comment, Event, Item, Parser
from otel_sse.wire.plain import CRLF_END, LF_END, plain_comment, plain_event, plain_lines


@pytest.mark.parametrize(
    ("data", "end", "lines"),
    [
        (b"a\nb", LF_END, ["a", "b"]),
        (b"a\r\nb", CRLF_END, ["a", "b"]),
        (b"", LF_END, [""]),
        (b"a\rb", LF_END, []),
        (b"a\r\nb", LF_END, []),
        (b"a\nb\r\nc", CRLF_END, []),
        (b"a\rb\r\nc", CRLF_END, []),
        (b"\xff", LF_END, []),
    ],
)
def test_lines_are_plain_only_where_all_end_alike(data: bytes, end: str, lines: list[str]) -> None:
    """Any other line end among them, or bytes that are no UTF-8, make them not plain."""
    assert plain_lines(data, end) == lines


@pytest.mark.parametrize(
    ("lines", "event"),
    [
        (["data: a"], Event("a", "", None, "7")),
        (["data:a", "data: b", "data:"], Event("a\nb\n", "", None, "7")),
        (["id: 8", "event: e", "data: a"], Event("a", "e", "8", "8")),
        (["data: a", "id:"], Event("a", "", "", "")),
        (["id: 8"], None),
        (["data"], None),
        (["data: a", ": note"], None),
        (["data: a", "retry: 5"], None),
        (["id: 8\0", "data: a"], None),
        ([""], None),
    ],
)
def test_block_is_plain_where_it_is_data_event_and_id(lines: list[str], event: Event | None) -> None:
    """Anything else in it is for the long way, which knows the whole standard."""
    assert plain_event(lines, "7") == event


def test_comment_keeps_all_behind_its_colon() -> None:
    """A line that begins with a colon is a comment, any other is none."""
    assert plain_comment(": ping") == Comment(" ping")
    assert plain_comment("data: x") is None


class Counting(Parser):
    """A parser that counts the lines it took one by one."""

    taken = 0

    def _end_line(self, items: list[Item]) -> None:
        self.taken += 1
        super()._end_line(items)


@pytest.mark.parametrize("blank", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("before", [b"", b"data: x\n\n", b"data: x\r\n\r\n", b"data: x"])
def test_blank_lines_are_taken_in_one_step(blank: bytes, before: bytes) -> None:
    """A megabyte of blank lines costs a few steps, whatever stands before it, and every byte is counted."""
    parser = Counting(max_bytes=MAX_EVENT_BYTES)
    body = before + blank * (1_000_000 // len(blank))
    items = [*parser.feed(before), *parser.feed(body[len(before) :]), *parser.feed(b"data: end\n\n")]
    assert items[-1] == Event("end")
    assert sum(item.size for item in items) == len(body) + len(b"data: end\n\n")
    assert parser.taken <= 4


@pytest.mark.parametrize(
    "body",
    [
        b"data: x\r\n\r\n",
        b"event: m\r\ndata: x\r\n\r\n",
        b"id: 1\ndata: x\n\n",
        b"id: 1\r\nevent: m\r\ndata: x\r\n\r\n",
        b"data:x\n\n",
        b"data: x\ndata: y\n\n",
        b": ping\n\n",
        b": ping\r\n\r\n",
    ],
)
def test_common_forms_are_read_without_the_long_way(body: bytes) -> None:
    """What servers write is read as text, alone in a body and many in one."""
    parser = Counting(max_bytes=MAX_EVENT_BYTES)
    parser.feed(b"data: first\n\n")
    taken = parser.taken
    found = [item for _ in range(3) for item in parser.feed(body)] + parser.feed(body * 3)
    assert len(found) == 6
    assert parser.taken == taken
    assert sum(item.size for item in found) + parser.pending_bytes == 6 * len(body)
