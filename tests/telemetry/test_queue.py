"""The bounded journal."""

from __future__ import annotations

from otel_sse.stream.chunk import Chunk
from otel_sse.stream.totals import Totals
from otel_sse.telemetry.queue import BoundedJournal, Room


def chunk(seq: int) -> Chunk:
    return Chunk(seq, seq, "content", "0" * 12, seq, 1, False)


def test_journals_share_one_room() -> None:
    """At the room's size an entry is kept; one past it, in any journal, is counted and not kept."""
    room = Room(3)
    totals = [Totals(), Totals()]
    first, second = (BoundedJournal(room, each) for each in totals)
    first.append(chunk(1))
    first.append(chunk(2))
    second.append(chunk(1))
    second.append(chunk(2))
    assert (len(first), len(second)) == (2, 1)
    assert [each.dropped for each in totals] == [0, 1]


def test_take_empties_in_order() -> None:
    """What was appended comes out once, in order."""
    journal = BoundedJournal(Room(10), Totals())
    for seq in (1, 2, 3):
        journal.append(chunk(seq))
    assert [entry.seq for entry in journal.take() if isinstance(entry, Chunk)] == [1, 2, 3]
    assert journal.take() == []
