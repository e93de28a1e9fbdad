"""The edge between two stages of one process."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.lineage import Crossings
from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stage.edge import Edge
from otel_sse.stream.chunk import Chunk
from otel_sse.stream.totals import Totals
from tests.stage.made import INFO, MS, OPENED, Entry, chat_chunk, seen


def chunk(seq: int, digest: str, at_ms: int, kind: str = "content") -> Chunk:
    """A chunk that crossed at that time."""
    return Chunk(seq, OPENED + at_ms * MS, kind, digest, 0, 9, False)


def edges(sample: int = 1) -> tuple[Edge, Edge, Totals]:
    """Two stages, one behind the other, and the sums of the second."""
    upstream = Crossings()
    totals = Totals()
    return Edge(lambda: None, upstream, Totals(), sample), Edge(lambda: upstream, None, totals, sample), totals


def test_chunk_knows_what_it_was_made_from_and_how_long_that_took() -> None:
    """A chunk that equals one upstream names it, and its latency is the time between the two."""
    before, after, totals = edges()
    for seq, digest in ((1, "a"), (2, "b")):
        before.cross(chunk(seq, digest, seq))
    found = [chunk(1, "a", 4), chunk(2, "b", 10)]
    for each in found:
        after.cross(each)
    assert [(one.upstream_first, one.upstream_last) for one in found] == [(1, 1), (2, 2)]
    assert (totals.latencies, totals.latency_ns, totals.max_latency_ns) == (2, 11 * MS, 8 * MS)
    assert after.latencies == [3 * MS, 8 * MS]


def test_chunk_that_came_from_nothing_says_nothing() -> None:
    """A keep-alive that a stage made itself has no upstream and no latency."""
    before, after, totals = edges()
    before.cross(chunk(1, "a", 1))
    own = chunk(1, "beat", 2, "comment")
    after.cross(own)
    assert (own.upstream_first, own.upstream_last, totals.latencies) == (0, 0, 0)


def test_upstream_is_looked_for_once_at_the_first_chunk() -> None:
    """A stage that finds none at its first chunk does not look again."""
    asked: list[int] = []
    edge = Edge(lambda: asked.append(1), None, Totals(), 1)
    assert asked == []
    for seq in (1, 2, 3):
        edge.cross(chunk(seq, "a", seq))
    assert asked == [1]


@pytest.mark.parametrize("extra", [0, 1])
def test_latencies_wait_up_to_the_cap(extra: int) -> None:
    """MAX_INTERVALS latencies wait for the metrics; one more is summed up and not kept."""
    before, after, totals = edges()
    for seq in range(1, limits.MAX_INTERVALS + 1 + extra):
        before.cross(chunk(seq, f"{seq}", seq))
        after.cross(chunk(seq, f"{seq}", seq + 1))
    assert len(after.latencies) == limits.MAX_INTERVALS
    assert totals.latencies == limits.MAX_INTERVALS + extra


def test_one_latency_in_so_many_is_kept_and_the_first() -> None:
    """`sample` picks chunks by their number; the first is kept in any case, so that a short stream has one."""
    before, after, _ = edges(sample=16)
    for seq in range(1, 33):
        before.cross(chunk(seq, f"{seq}", seq))
        after.cross(chunk(seq, f"{seq}", seq + seq))
    assert after.latencies == [MS, 16 * MS, 32 * MS]


def test_monitors_chunks_cross_its_edge() -> None:
    """Every chunk of a stage that has an edge gets its lineage before it is handed on."""
    upstream = StageMonitor(INFO, StageSettings(), OPENED)
    crossings = Crossings()
    upstream.edge = Edge(lambda: None, crossings, upstream.totals, 16)
    journal: list[Entry] = []
    monitor = StageMonitor(INFO, StageSettings(), OPENED, journal)
    monitor.edge = Edge(lambda: crossings, None, monitor.totals, 16)
    for number, word in enumerate(("The", " cat"), 1):
        upstream.feed(chat_chunk(word), OPENED + number * MS)
        monitor.feed(chat_chunk(word), OPENED + number * MS)
    assert [one.upstream_first for one in seen(journal, monitor.totals).chunks] == [1, 2]
