"""The block under way: fields in, one event or none out."""

from __future__ import annotations

from otel_sse.wire.block import Block
from otel_sse.wire.events import Comment, Event, Item, Violation


def take(block: Block, *lines: bytes) -> list[Item]:
    return [item for line in lines for item in block.take(line)]


def test_fields_are_gathered_until_the_blank_line() -> None:
    """Data lines are joined, other fields keep their last value, and the next block begins anew."""
    block = Block(100, "0")
    assert take(block, b"event: a", b"event:b", b"id: 1", b"retry: 5", b"data: x", b"data") == []
    assert block.end() == Event("x\n", "b", "1", "1", 5)
    assert block.end() is None
    assert take(block, b"data: y") == []
    assert block.end() == Event("y", last_event_id="1")


def test_only_fields_open_a_block() -> None:
    """A comment, an unknown field and an ignored field leave nothing under way."""
    block = Block(100, "")
    assert take(block, b": c", b"foo", b"id: \0", b"retry: x") == [
        Comment(" c"),
        Violation("unknown_field", "foo"),
        Violation("bad_id", "id"),
        Violation("bad_retry", "retry"),
    ]
    seen = [block.open]
    for line in (b"data", b"event", b"id", b"retry: 1"):
        take(block, line)
        seen.append(block.open)
        block.end()
        seen.append(block.open)
    assert seen == [False, *[True, False] * 4]


def test_a_spoilt_block_dispatches_nothing_but_keeps_its_id() -> None:
    """Data before and after the loss is dropped until the blank line."""
    block = Block(100, "")
    take(block, b"data: a", b"id: 1")
    block.spoil()
    take(block, b"data: b")
    assert block.end() is None
    assert block.last_event_id == "1"
    take(block, b"data: c")
    assert block.end() == Event("c", last_event_id="1")


def test_a_cleared_block_forgets_its_id() -> None:
    """What the end of the stream cuts off leaves no trace in the last event id."""
    block = Block(100, "0")
    take(block, b"id: 1", b"data: a")
    block.clear()
    assert (block.last_event_id, block.open) == ("0", False)
    take(block, b"data: b")
    assert block.end() == Event("b", last_event_id="0")
