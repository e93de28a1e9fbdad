"""What a stage did with chunks that it must hand on."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.lineage.handover import HandoverDetector
from otel_sse.stream.chunk import CERTAIN, Chunk

MS = 1_000_000


def chunk(seq: int, upstream: int = 0, kind: str = "content", channel: str = "") -> Chunk:
    """A chunk that was made from one upstream."""
    made = Chunk(seq, seq * MS, kind, "d", 0, 9, False, channel=channel)
    made.upstream_first = made.upstream_last = upstream
    return made


def test_neighbour_handed_on_once_more_is_certain() -> None:
    """The finding names both chunks and the one upstream that they came from."""
    found = HandoverDetector("emit").again(chunk(8, 7), chunk(7, 7))
    assert found is not None
    assert (found.kind, found.certainty, found.seq, found.of) == ("duplicate/doubled", CERTAIN, 8, 7)
    assert found.evidence == "upstream chunk 7 was handed on as 7 and again as 8"


def test_late_chunk_is_reordered() -> None:
    """What was left out and comes after all is out of order, and not lost."""
    found = HandoverDetector("emit").late(chunk(9, 4), chunk(8, 5))
    assert found is not None
    assert (found.kind, found.certainty, found.seq, found.of) == ("reorder/moved", CERTAIN, 9, 8)


def test_chunks_left_out_are_gaps_by_the_place_where_they_are_missing() -> None:
    """Each hole is one finding with all that is missing there."""
    left = [(chunk(4), 4), (chunk(5), 4), (chunk(9), 7)]
    found = HandoverDetector("emit").lost(left)
    assert [(one.kind, one.certainty, one.seq, one.amount) for one in found] == [
        ("gap/lost", CERTAIN, 4, 2),
        ("gap/lost", CERTAIN, 7, 1),
    ]
    assert found[0].evidence == "upstream chunks 4 to 5 came in before it and did not go on, 2 with content"
    assert found[1].evidence == "upstream chunk 9 came in before it and did not go on, 1 with content"


def test_stage_that_makes_chunks_anew_is_not_judged() -> None:
    """Who merges or splits may leave out and repeat as well, for all that lineage knows."""
    detector = HandoverDetector("emit")
    detector.made_anew()
    assert detector.again(chunk(8, 7), chunk(7, 7)) is None
    assert detector.late(chunk(8, 7), chunk(7, 8)) is None
    assert detector.lost([(chunk(4), 4)]) == []


@pytest.mark.parametrize("kind", ["control", "complete", "heartbeat", "comment"])
def test_only_content_is_judged(kind: str) -> None:
    """End marks and keep-alives look alike, and an application may add its own."""
    assert HandoverDetector("emit").again(chunk(8, 7, kind), chunk(7, 7)) is None
    assert HandoverDetector("emit").late(chunk(8, 7, kind), chunk(7, 8)) is None


@pytest.mark.parametrize(
    ("took_ns", "came_ns", "told"),
    [
        (limits.BURST_NS, limits.BURST_SPREAD_NS, True),
        (limits.BURST_NS + 1, limits.BURST_SPREAD_NS, False),
        (limits.BURST_NS, limits.BURST_SPREAD_NS - 1, False),
    ],
)
def test_chunks_that_came_one_by_one_and_go_on_at_once(took_ns: int, came_ns: int, told: bool) -> None:
    """At its thresholds a burst is certain, one past them it is none."""
    detector = HandoverDetector("emit")
    assert detector.handed_on(8, 10_000 * MS, 5_000 * MS) is None
    assert detector.handed_on(12, 10_000 * MS, 5_000 * MS + came_ns // 2) is None
    found = detector.handed_on(16, 10_000 * MS + took_ns, 5_000 * MS + came_ns)
    assert (found is not None) == told
    if found is not None:
        assert (found.kind, found.certainty, found.seq) == ("coalescing/burst", CERTAIN, 16)
        assert found.evidence == "8 chunks within 5.0 ms that had come in over 500 ms"


def test_chunks_behind_one_pause_are_late_and_no_burst() -> None:
    """What was held up once and then came in together was not gathered by the stage."""
    detector = HandoverDetector("emit")
    detector.handed_on(8, 10_000 * MS, 5_000 * MS)
    detector.handed_on(12, 10_000 * MS, 9_999 * MS)
    assert detector.handed_on(16, 10_001 * MS, 10_000 * MS) is None
