"""The line under way and the name it is reported by."""

from __future__ import annotations

import pytest

from otel_sse.wire.line_buffer import NAME_BYTES, LineBuffer, field_name


def test_a_line_is_collected_and_handed_out_once() -> None:
    """Parts become one line; after its end the buffer is empty."""
    line = LineBuffer(10)
    assert not line
    assert (line.take(b"ab"), line.take(b"cd")) == (0, 0)
    assert line
    assert (line.end(), line.end()) == (b"abcd", b"")
    assert not line


def test_the_byte_that_passes_the_cap_is_counted() -> None:
    """take() says how many bytes of the part it took to pass the cap, once; the line is then None."""
    line = LineBuffer(4)
    assert (line.take(b"abcd"), line.take(b"efg"), line.take(b"hij")) == (0, 1, 0)
    assert line
    assert (line.head, line.end()) == (b"abcde", None)
    assert LineBuffer(4).take(b"abcdefg") == 5


def test_a_skipped_line_keeps_only_its_beginning() -> None:
    """What is kept of a line above the cap is the same however it came, and never more than a name needs."""
    whole, cut = LineBuffer(1_000), LineBuffer(1_000)
    body = bytes(range(256)) * 5
    assert whole.take(body) == 1_001
    passed = [cut.take(body[at : at + 9]) for at in range(0, len(body), 9)]
    assert sum(passed) == 1_001 % 9 == 2
    assert whole.head == cut.head == body[:NAME_BYTES]


@pytest.mark.parametrize(
    ("line", "name"),
    [(b"", ""), (b"data: x", "data"), (b"data", "data"), (b":c", ":"), (b"\xff:", "�"), (b"n" * 9_999, "n" * 64)],
)
def test_the_name_of_a_line(line: bytes, name: str) -> None:
    """A line is named by what stands before its colon, a comment by the colon."""
    assert field_name(line) == field_name(bytearray(line)) == name
