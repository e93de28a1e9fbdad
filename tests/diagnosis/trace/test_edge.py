"""The chunks of two neighbours beside each other: which became which, and how long that took."""

from __future__ import annotations

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.faults.edge_fates import edge_fates
from otel_sse.diagnosis.matrix import matrix_of
from otel_sse.diagnosis.path import way
from otel_sse.diagnosis.trace.spans import Span, SpanEvent
from tests.diagnosis.made_edge import ABC, edge, fates, first_edge, stream_of
from tests.diagnosis.made_trace import MS, chunk_event, chunk_events, segment, span_id, upstream


def test_latency_is_taken_from_the_last_chunk_that_it_was_made_from() -> None:
    """A merged chunk waited for its last part; what came earlier by another host's clock counts as 0."""
    stream = edge(["aabbb", "cdd"], [(1, 2), (3, 4)], at_ms=15)
    latency = first_edge(stream).edge.latency
    assert latency is not None
    assert (latency.count, latency.median_ns, latency.max_ns, latency.negative) == (2, 0, 5 * MS, 1)


def test_no_latency_without_a_pair() -> None:
    """Stages that share no chunk have no latency between them."""
    assert first_edge(edge([], None)).edge.latency is None


def test_two_sources_with_the_same_answer_are_followed_apart() -> None:
    """A chunk names the span that it came from, so equal texts of equal sources are no doubled ones."""

    def round_of(name: str, at_ms: float) -> Span:
        return segment("provider", chunk_events(ABC, at_ms), of=name, source="openai")

    events: list[SpanEvent] = [
        *chunk_events(ABC, 20, [1, 2, 3, 4]),
        *(
            chunk_event(4 + n, text, 8 + n, 60 + n, n, **{"upstream.span": span_id("two")})
            for n, text in enumerate(ABC, 1)
        ),
    ]
    stream = stream_of(round_of("one", 0), round_of("two", 50), segment("emit", events, links=upstream("one", "two")))
    assert stream.upstream == [(), (), (0, 1)]
    assert edge_fates(stream, 0, 2).counts == edge_fates(stream, 1, 2).counts == {"same": 4}
    assert [stream.made_from(2)[seq][0] for seq in range(1, 9)] == [0] * 4 + [1] * 4


def test_numbers_of_a_hop_that_are_not_the_stages_own_are_not_believed() -> None:
    """After a reconnect a hop's numbers go on while the sender's stage counts afresh; then digests tell."""
    received = segment(
        "ws.receive", chunk_events(ABC, 5, [51, 52, 53, 54]), links=upstream("ws.send"), service="control"
    )
    stream = stream_of(segment("ws.send", chunk_events(ABC, 0)), received)
    assert not first_edge(stream).edge.recorded
    assert fates(stream) == ["same"] * 4


def test_numbers_of_a_hop_are_believed_where_digests_cannot_tell() -> None:
    """Two processes with different digest keys have no digest in common, and the hop's numbers stand."""
    received = segment(
        "ws.receive", chunk_events("stuv", 5, [1, 2, 3, 4]), links=upstream("ws.send"), service="control"
    )
    stream = stream_of(segment("ws.send", chunk_events(ABC, 0)), received)
    assert first_edge(stream).edge.recorded
    assert fates(stream) == ["changed"] * 4


def test_what_carries_no_content_is_matched_apart() -> None:
    """A role, an end or a comment is the same chunk where its digest is; it never takes part in a merge."""
    before = [
        chunk_event(1, "role", 0, 0, kind="control"),
        chunk_event(2, "a", 1, 1),
        chunk_event(3, "b", 2, 2),
        chunk_event(4, "end", 2, 3, kind="complete"),
    ]
    after = [
        chunk_event(1, "role", 0, 5, kind="control"),
        chunk_event(2, "ping", 0, 6, kind="comment"),
        chunk_event(3, "ab", 2, 7),
        chunk_event(4, "end", 2, 8, kind="complete"),
        chunk_event(5, "end", 2, 9, kind="complete"),
    ]
    stream = stream_of(segment("in", before), segment("out", after, links=upstream("in")))
    edge = stream.descents[0, 1]
    assert edge.ranges == {1: (1, 1), 3: (2, 3), 4: (4, 4), 5: (4, 4)}
    assert [passage.fate for passage in edge.others] == ["same", "added", "same", "doubled"]
    assert [chunk.seq for chunk in edge.added] == [2]


def test_the_worked_example() -> None:
    """What the comment beside the class says of an edge is so."""
    before = [*chunk_events("abc", 0), chunk_event(4, "[DONE]", 3, 30, kind="complete")]
    after = [
        chunk_event(1, "role", 0, 40, kind="control"),
        chunk_event(2, "a", 1, 41, 1),
        chunk_event(3, "a", 2, 42, 1),
        chunk_event(4, "c", 3, 43, 3),
        chunk_event(5, "[DONE]", 3, 44, 4, kind="complete"),
    ]
    edge = stream_of(segment("in", before), segment("out", after, links=upstream("in"))).descents[0, 1]
    assert edge.carried == edge.ranges == {2: (1, 1), 3: (1, 1), 4: (3, 3), 5: (4, 4)}
    assert [(p.seq, p.fate, p.first) for p in edge.flow.passages] == [(2, "same", 1), (3, "doubled", 1), (4, "same", 3)]
    assert [(p.seq, p.fate, p.first) for p in edge.others] == [(1, "added", 0), (5, "same", 4)]
    assert {seq: [p.seq for p in made] for seq, made in edge.made_of.items()} == {1: [2, 3], 3: [4], 4: [5]}
    assert (edge.flow.lost, edge.handed_on, edge.forward({1}), edge.back({3, 4})) == ([2], 3, {2, 3}, {1, 3})


def test_content_that_was_read_from_a_chunk_without_any_came_from_it() -> None:
    """Where only the stage after can read the content, its lineage and latency are known all the same."""
    before = [chunk_event(n, f"event {n}", 0, n, kind="control") for n in (1, 2)]
    after = [chunk_event(n, text, n, 10 + n, n) for n, text in ((1, "a"), (2, "b"))]
    edge = stream_of(segment("in", before), segment("out", after, links=upstream("in"))).descents[0, 1]
    assert edge.ranges == {1: (1, 1), 2: (2, 2)}
    assert edge.latency is not None
    assert (edge.latency.median_ns, edge.added) == (10 * MS, [])


def test_time_tells_which_of_two_identical_chunks_went_on() -> None:
    """What the losses say is what lineage, path and counts say: the one that had just come."""
    texts = ["x0", "x1", "x2", "the", "x3", "x4", "x5", "the", "x6"]
    kept = ["x0", "x1", "x2", "the", "x6"]
    after = [chunk_event(n, text, n, at, of) for n, (text, at, of) in
             enumerate(zip(kept, [1, 11, 21, 71, 81], [1, 2, 3, 4, 9], strict=True), 1)]  # fmt: skip
    stream = stream_of(segment("in", chunk_events(texts, 0)), segment("out", after, links=upstream("in")))
    assert stream.descents[0, 1].carried[4] == (4, 4)
    assert stream.descents[0, 1].ranges[4] == (8, 8)
    assert first_edge(stream).by_fate[Fate.LOST] == [4, 5, 6, 7]
    assert stream.made_from(1)[4] == (0, 8, 8)
    assert [step.fate for step in way(stream, 0, 4)] == [None, "lost"]
    lost = [row.cells[0].seqs for row in matrix_of(stream).rows if row.cells[1].mark == Fate.LOST]
    assert lost == [(4,), (5,), (6,), (7,)]
    assert [fault.seqs for fault in diagnose(stream).faults] == [(4, 5, 6, 7)]


def test_a_repetition_behind_a_hole_in_the_trace_is_unknown() -> None:
    """By digests alone it may be one of the chunks that are missing; lineage tells for certain."""
    holed = [event for event in chunk_events(ABC, 0) if event.attributes["sse.chunk.seq"] != 2]
    sent = ["aa", "aa", "c", "dd"]
    for lineage, fate in ((None, Fate.UNKNOWN), ([1, 1, 3, 4], Fate.DOUBLED)):
        out = segment("out", chunk_events(sent, 5, lineage), links=upstream("in"))
        stream = stream_of(segment("in", holed, stream_chunks=4), out)
        assert stream.descents[0, 1].passage_of[2].fate == fate
