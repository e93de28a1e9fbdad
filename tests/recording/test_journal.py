"""The bounded journal, and the room that all journals share."""

from __future__ import annotations

from otel_sse import limits
from otel_sse.options import Options
from otel_sse.recording.journal import BLOCK, FREE, Journal, Room
from otel_sse.stream.chunk import Chunk


def chunk(seq: int) -> Chunk:
    return Chunk(seq, seq, "content", "0" * 12, seq, 1, False)


class Told:
    """Remembers what was told as dropped."""

    def __init__(self) -> None:
        self.dropped: list[tuple[str, int]] = []

    def __call__(self, stage: str, count: int) -> None:
        self.dropped.append((stage, count))


def new_journal(size: int, room: Room | None = None, told: Told | None = None) -> Journal:
    return Journal(size, Room() if room is None else room, Told() if told is None else told, "emit")


def fill(journal: Journal, count: int, first: int = 1) -> None:
    for seq in range(first, first + count):
        journal.append(chunk(seq))


def numbers(journal: Journal) -> list[int]:
    return [entry.seq for entry in journal.take() if isinstance(entry, Chunk)]


def test_a_full_journal_lets_the_oldest_go() -> None:
    """At its size a journal keeps every entry; one past it the oldest is gone and the newest is there."""
    journal = new_journal(3)
    fill(journal, 3)
    assert (len(journal), journal.dropped) == (3, 0)
    journal.append(chunk(4))
    assert (numbers(journal), journal.dropped) == ([2, 3, 4], 1)


def test_the_default_size_holds_a_burst_of_five_thousand() -> None:
    """MAX_QUEUED_CHUNKS is the default of `queue_size`: at it nothing is lost, one past it the oldest is."""
    size = Options.resolve({}).queue_size
    assert size == limits.MAX_QUEUED_CHUNKS
    for extra in (0, 1):
        journal = new_journal(size)
        fill(journal, size + extra)
        assert numbers(journal)[0] == 1 + extra


def test_take_empties_in_order() -> None:
    """What was appended comes out once, in order."""
    journal = new_journal(10)
    fill(journal, 3)
    assert numbers(journal) == [1, 2, 3]
    assert journal.take() == []


def test_journals_share_one_room() -> None:
    """At the room's size no journal drops anything; one past it the journal that grows drops its own oldest."""
    room = Room(BLOCK)
    first, second = new_journal(1_000, room), new_journal(1_000, room)
    fill(first, FREE + BLOCK)
    fill(second, FREE)
    assert (first.dropped, second.dropped) == (0, 0)
    second.append(chunk(FREE + 1))
    assert (first.dropped, second.dropped) == (0, 1)
    assert numbers(second)[-1] == FREE + 1


def test_the_room_holds_what_opentelemetrys_own_queue_does() -> None:
    """A room has MAX_WAITING_ENTRIES; at that all is granted, one past it nothing."""
    room = Room()
    assert room.take(limits.MAX_WAITING_ENTRIES) == limits.MAX_WAITING_ENTRIES
    assert room.take(1) == 0


def test_what_is_taken_makes_room_for_others() -> None:
    """The room that a journal had is another one's once the recorder has emptied it, any number of times."""
    room = Room(BLOCK)
    for _ in range(3):
        journal = new_journal(1_000, room)
        fill(journal, FREE + BLOCK)
        assert journal.dropped == 0
        journal.take()


def test_who_drops_has_it_counted() -> None:
    """What goes is told in blocks while it goes, and to the last one when the stage ends."""
    told = Told()
    journal = new_journal(FREE, told=told)
    fill(journal, FREE + BLOCK - 1)
    assert told.dropped == []
    fill(journal, 1, FREE + BLOCK)
    assert told.dropped == [("emit", BLOCK)]
    fill(journal, 1)
    journal.tell_dropped()
    journal.tell_dropped()
    assert told.dropped == [("emit", BLOCK), ("emit", 1)]


def test_what_is_given_up_is_counted_as_dropped() -> None:
    """A journal that nobody is going to write counts what it held, and what the recorder had taken from it."""
    told = Told()
    journal = new_journal(10, told=told)
    fill(journal, 4)
    journal.give_up(written=3)
    assert told.dropped == [("emit", 7)]
    assert len(journal) == 0
