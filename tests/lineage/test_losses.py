"""Chunks that are missing until they are lost, come late, or were meant to be left out."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.lineage.losses import Missing
from tests.lineage.made_edges import Side


@pytest.mark.parametrize(("seq", "lost"), [(limits.MAX_LATE_CHUNKS + 2, 0), (limits.MAX_LATE_CHUNKS + 3, 1)])
def test_missing_chunk_is_lost_once_it_cannot_come_late(seq: int, lost: int) -> None:
    """MAX_LATE_CHUNKS behind the chunk that came instead, and once."""
    missing = Missing()
    missing.add([(Side().chunk("a"), 3)])
    assert len(missing.overdue(seq)) == lost
    assert (bool(missing), len(missing.rest())) == (not lost, 1 - lost)


@pytest.mark.parametrize("extra", [0, 1])
def test_missing_chunks_are_bounded(extra: int) -> None:
    """MAX_MISSING_NUMBERS wait; of one more the oldest is forgotten."""
    missing, side = Missing(), Side()
    missing.add([(side.chunk("a"), 1) for _ in range(limits.MAX_MISSING_NUMBERS + extra)])
    rest = missing.rest()
    assert (len(rest), rest[0][0].seq) == (limits.MAX_MISSING_NUMBERS, 1 + extra)


def test_channel_that_is_left_out_loses_nothing() -> None:
    """A channel of which nothing goes on is left out on purpose."""
    missing = Missing()
    missing.shares.count("0/reasoning", 0, 4)
    missing.add([(Side().chunk("a", "0/reasoning"), 1)])
    assert missing.rest() == []


def test_nothing_is_lost_for_sure_where_the_source_is_unclear() -> None:
    """Its chunk may have been taken for that of another source."""
    missing = Missing()
    missing.add([(Side().chunk("a"), 1)])
    missing.doubt(is_unclear=True)
    assert missing.rest() == []
