"""The bounded journal."""

from __future__ import annotations

from otel_sse import limits
from otel_sse.options import Options
from otel_sse.stream.chunk import Chunk
from otel_sse.telemetry.queue import new_journal, take


def chunk(seq: int) -> Chunk:
    return Chunk(seq, seq, "content", "0" * 12, seq, 1, False)


def test_a_full_journal_lets_the_oldest_go() -> None:
    """At its size a journal keeps every entry; one past it the oldest is gone and the newest is there."""
    journal = new_journal(3)
    for seq in (1, 2, 3):
        journal.append(chunk(seq))
    assert len(journal) == 3
    journal.append(chunk(4))
    assert [entry.seq for entry in take(journal) if isinstance(entry, Chunk)] == [2, 3, 4]


def test_the_default_size_holds_a_burst_of_five_thousand() -> None:
    """MAX_QUEUED_CHUNKS is the default of `queue_size`: at it nothing is lost, one past it the oldest is."""
    size = Options.resolve({}).queue_size
    assert size == limits.MAX_QUEUED_CHUNKS
    for extra in (0, 1):
        journal = new_journal(size)
        for seq in range(1, size + 1 + extra):
            journal.append(chunk(seq))
        assert [entry.seq for entry in take(journal)[:1] if isinstance(entry, Chunk)] == [1 + extra]


def test_take_empties_in_order() -> None:
    """What was appended comes out once, in order."""
    journal = new_journal(10)
    for seq in (1, 2, 3):
        journal.append(chunk(seq))
    assert [entry.seq for entry in take(journal) if isinstance(entry, Chunk)] == [1, 2, 3]
    assert take(journal) == []
