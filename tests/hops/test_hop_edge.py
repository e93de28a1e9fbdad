"""The edge between the two ends of a hop."""

from __future__ import annotations

from otel_sse.hops.hop_edge import HopEdge
from otel_sse.lineage import Crossings
from otel_sse.lineage.edge import Edge
from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stream.chunk import CERTAIN, Chunk, Finding
from otel_sse.stream.stage import StageInfo, StageSpec

RESENT = Finding("duplicate/resent", CERTAIN, "ws.receive", 1, 0)


class _NoUpstreams:
    """A stage that nothing in this process comes before."""

    unknown = False

    def __init__(self) -> None:
        self.begun = 0

    def begin(self) -> None:
        self.begun += 1

    def find(self, chunk: Chunk) -> Crossings | None:
        return None

    def others(self) -> list[Crossings]:
        return []

    def chosen(self, upstream: Crossings) -> str:
        return ""


class Receiving:
    """A receiving stage, and what it leaves."""

    def __init__(self) -> None:
        self.journal: list[Chunk] = []
        self.upstreams = _NoUpstreams()
        self.monitor = StageMonitor(StageInfo(StageSpec("ws.receive"), "s"), StageSettings(), 1, self.journal)  # type: ignore[arg-type]
        self.crossings = Crossings()
        self.edge = HopEdge(Edge(self.upstreams, self.crossings, self.monitor.totals, 1))
        self.monitor.edge = self.edge


def test_a_chunk_is_the_message_that_came() -> None:
    """Its lineage is the sender's chunk, its latency the time under way; it waits for the next stage."""
    stage = Receiving()
    stage.edge.arrived(7, 250, ())
    stage.monitor.take("Hello", 10)
    (chunk,) = stage.journal
    assert (chunk.upstream_first, chunk.upstream_last) == (7, 7)
    assert (stage.monitor.totals.latency_ns, stage.edge.latencies) == (250, [250])
    assert stage.crossings.waits
    assert stage.upstreams.begun == 1


def test_several_events_in_a_message_have_one_way_behind_them() -> None:
    """They are as many chunks at the sender's stage, in order; its latency and its findings count once."""
    stage = Receiving()
    stage.edge.arrived(7, 250, (RESENT,))
    stage.monitor.take("data: one\n\ndata: two\n\n", 10)
    assert [chunk.upstream_first for chunk in stage.journal] == [7, 8]
    assert [len(chunk.findings) for chunk in stage.journal] == [1, 0]
    assert (stage.monitor.totals.latencies, stage.monitor.totals.duplicates) == (1, 1)


def test_clocks_that_disagree_are_counted() -> None:
    """A message that came before it was sent took no time, and is counted."""
    stage = Receiving()
    for number in (1, 2):
        stage.edge.arrived(number, -5, ())
        stage.monitor.take("Hello", 10)
    totals = stage.monitor.totals
    assert (totals.clock_skews, totals.latency_ns, totals.latencies, totals.max_latency_ns) == (2, 0, 2, 0)


def test_a_message_without_an_envelope_has_no_lineage() -> None:
    """It is a chunk all the same."""
    stage = Receiving()
    stage.monitor.take("Hello", 10)
    assert [(chunk.upstream_first, chunk.findings) for chunk in stage.journal] == [(0, ())]
