"""Items of a parser: equal by what was sent, not by how."""

from __future__ import annotations

import gc

import pytest

from otel_sse.wire import Comment, Event, Item, Violation
from otel_sse.wire.events import VIOLATIONS
from tests.stream.literals import literals, stale

OTHER_WORDS = {
    ("oversize", "demo/faults.py"): "the name of one of the demo's faults",
    ("oversize", "stream/kinds.py"): "the name of one of the demo's faults",
    ("truncated", "stage/ending.py"): "an attribute's name",
}
"""Words that are a violation's kind and mean something else there."""


def test_no_kind_of_violation_is_written_as_a_literal_elsewhere() -> None:
    """Whoever makes a violation or asks for one takes the constant, and each exception is one."""
    found = [each for each in literals() if each.text in VIOLATIONS and each.path != "wire/events.py"]
    assert [str(each) for each in found if (each.text, each.path) not in OTHER_WORDS] == []
    assert stale(OTHER_WORDS, ((each.text, each.path) for each in found)) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Event("a", size=3), Event("a", size=9, skipped=2)),
        (Comment("ping", size=1), Comment("ping", size=7)),
        (Violation("oversize", "data", size=1), Violation("oversize", "data", skipped=5)),
    ],
)
def test_size_and_skipped_bytes_do_not_count(one: Item, other: Item) -> None:
    """Two items that say the same are equal, however many bytes they took."""
    assert one == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Event("a"), Event("b")),
        (Event("a"), Event("a", event="message")),
        (Event("a", id=""), Event("a")),
        (Event("a"), Event("a", retry_ms=0)),
        (Comment(""), Event("")),
        (Violation("bad_id"), Violation("bad_retry")),
    ],
)
def test_whatever_else_differs_tells_them_apart(one: Item, other: Item) -> None:
    """Another text, kind, id or retry makes another item; a comment is no event."""
    assert one != other


def test_items_need_no_garbage_collection() -> None:
    """One is made for every chunk, so that the collector may not have to look at it."""
    assert not any(gc.is_tracked(item) for item in (Event("a"), Comment("b"), Violation("oversize")))
