"""Where findings go."""

from __future__ import annotations

import pytest

from otel_sse.stage.notes import Notes
from otel_sse.stream.chunk import CERTAIN, Chunk, Finding
from otel_sse.stream.totals import Totals


def finding(kind: str, seq: int = 1, amount: int = 1) -> Finding:
    """A finding about one chunk."""
    return Finding(kind, CERTAIN, "emit", seq, amount=amount)


def chunk() -> Chunk:
    """The first chunk."""
    return Chunk(1, 5, "content", "d", 1, 1, False)


class Taken:
    """Notes, and what came out of them."""

    def __init__(self, most: int = 100) -> None:
        self.totals = Totals()
        self.journal: list[tuple[Finding, int]] = []
        self.duplicates: list[int] = []
        self.notes = Notes(self.totals, self.journal.append, most, self.duplicates.append)


def test_finding_about_the_chunk_goes_onto_it() -> None:
    """What is about another chunk stands by itself, with this one's time."""
    taken, one = Taken(), chunk()
    taken.notes.attach(one, [finding("gap/lost"), finding("gap/lost", seq=7)])
    assert [each.seq for each in one.findings] == [1]
    assert [(each.seq, time_ns) for each, time_ns in taken.journal] == [(7, 5)]
    assert taken.totals.gaps == 2


def test_chunk_is_a_duplicate_once() -> None:
    """What lineage, numbers and content all see is told by the first of them, and counted once."""
    taken, one = Taken(), chunk()
    taken.notes.attach(one, [finding("duplicate/doubled"), finding("duplicate/replayed")])
    assert [each.kind for each in one.findings] == ["duplicate/doubled"]
    assert (taken.totals.duplicates, taken.duplicates) == (1, [1])


def test_hop_that_sent_it_again_is_told_beside() -> None:
    """Where a repeat came from is worth a finding of its own, but is no second duplicate."""
    taken, one = Taken(), chunk()
    taken.notes.attach(one, [finding("duplicate/replayed"), finding("duplicate/resent")])
    assert [each.kind for each in one.findings] == ["duplicate/replayed", "duplicate/resent"]
    assert (taken.totals.duplicates, taken.totals.findings) == (1, 2)


@pytest.mark.parametrize(("most", "kinds"), [(2, ["stall/a", "stall/a", "gap/b"]), (0, [])])
def test_past_the_cap_the_first_of_each_further_kind_is_handed_on(most: int, kinds: list[str]) -> None:
    """A kind that comes too often hides no other; where none is wanted none is handed on. All are counted."""
    taken = Taken(most)
    for each in ("stall/a", "stall/a", "stall/a", "gap/b", "gap/b"):
        taken.notes.add(finding(each), 1)
    taken.notes.add(None, 1)
    assert [each.kind for each, _ in taken.journal] == kinds
    assert taken.totals.findings == 5
