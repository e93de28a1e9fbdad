"""What became of each chunk on one edge, and whether the stage may do so."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.faults.edge_fates import edge_fates
from otel_sse.diagnosis.matrix import matrix_of
from otel_sse.diagnosis.trace.spans import Span
from tests.diagnosis import made_pipeline as made
from tests.diagnosis.made_edge import ABC, edge, fates, first_edge, stream_of
from tests.diagnosis.made_trace import Lineage, chunk_event, chunk_events, segment, span_id, upstream

RECORDED = [
    (ABC, [1, 2, 3, 4], ["same"] * 4),
    (["aa", "XX", "c", "dd"], [1, 2, 3, 4], ["same", "changed", "same", "same"]),
    (["aabbb", "cdd"], [(1, 2), (3, 4)], ["merged"] * 4),
    (["aa", "[blocked]"], [1, (2, 4)], ["same", "replaced", "replaced", "replaced"]),
    (["aa", "b", "bb", "c", "dd"], [1, 2, 2, 3, 4], ["same", "split", "same", "same"]),
    (["aa", "aa", "bbb", "c", "dd"], [1, 1, 2, 3, 4], ["doubled", "same", "same", "same"]),
    (["aa", "c", "dd"], [1, 3, 4], ["same", "lost", "same", "same"]),
    (["aa", "bbb"], [1, 2], ["same", "same", "lost", "lost"]),
]
IDS = ["same", "changed", "merged", "replaced", "split", "doubled", "lost", "lost at the end"]


@pytest.mark.parametrize(("texts", "lineage", "became"), RECORDED, ids=IDS)
def test_each_chunk_became_what_the_stage_recorded(texts: list[str], lineage: Lineage, became: list[str]) -> None:
    """With lineage on the chunks, it says what became of each chunk upstream."""
    stream = edge(texts, lineage)
    assert first_edge(stream).edge.recorded
    assert fates(stream) == became


@pytest.mark.parametrize(("texts", "became"), [(texts, became) for texts, _, became in RECORDED], ids=IDS)
def test_each_chunk_became_what_digests_say(texts: list[str], became: list[str]) -> None:
    """Without lineage, aligned digests say the same."""
    stream = edge(texts, None)
    assert not first_edge(stream).edge.recorded
    assert fates(stream) == became


@pytest.mark.parametrize("outcome", ["failed", "abandoned", "disconnected", "cancelled"])
def test_what_a_stage_ended_before_was_cut_off(outcome: str) -> None:
    """Chunks behind the last one that was handed on were not dropped where the stage did not go to its end."""
    assert fates(edge(["aa", "c"], [1, 3], outcome=outcome)) == ["same", "lost", "same", "cut off"]


def test_what_the_trace_has_not_is_unknown() -> None:
    """Where chunks of a stage are missing in the trace, none is said to be dropped there."""
    events = [chunk_event(1, "aa", 2, 5, 1), chunk_event(4, "dd", 8, 6, 4)]
    stream = stream_of(
        segment("in", chunk_events(ABC, 0)), segment("out", events, stream_chunks=4, links=upstream("in"))
    )
    assert fates(stream) == ["same", "unknown", "unknown", "same"]


def test_a_drop_between_two_chunks_that_are_there_is_certain() -> None:
    """A hole elsewhere does not make a drop between neighbours unknown."""
    events = [chunk_event(1, "aa", 2, 5, 1), chunk_event(2, "c", 3, 6, 3)]
    out = segment("out", events, stream_chunks=3, outcome="", links=upstream("in"))
    assert fates(stream_of(segment("in", chunk_events(ABC, 0)), out)) == ["same", "lost", "same", "unknown"]


def test_content_and_other_chunks_are_counted_apart() -> None:
    """Sums for content do not count the role that a policy leaves out, nor the end that it adds."""
    role = chunk_event(1, "role", 0, 0, kind="control")
    end = chunk_event(2, "end", 2, 6, kind="complete")
    stream = stream_of(
        segment("in", [role, chunk_event(2, "aa", 2, 1)]),
        segment("out", [chunk_event(1, "aa", 2, 5, 2), end], links=upstream("in")),
    )
    assert first_edge(stream).counts == {"same": 1}
    assert first_edge(stream).other_counts == {"left out": 1, "added": 1}


def test_a_chunk_behind_all_of_another_was_added() -> None:
    """An application that says sorry after a failure adds a chunk: the one before it was handed on whole."""
    stream = edge(["aa", "bbb", "sorry", "c", "dd"], [1, 2, 2, 3, 4])
    assert fates(stream) == ["same"] * 4
    assert [chunk.seq for chunk in first_edge(stream).edge.added] == [3]


def test_what_went_on_in_another_round_is_not_lost_in_this_one() -> None:
    """A stage that is begun for each chunk of the one before: each round takes its own."""

    def round_of(n: int) -> Span:
        return segment("b", chunk_events([ABC[n]], 5 + n, [n + 1]), of=f"b{n}", links=upstream("a"))

    stream = stream_of(segment("a", chunk_events(ABC, 0)), *map(round_of, range(3)))
    assert [dict(edge_fates(stream, 0, n).counts) for n in (1, 2, 3)] == [{"same": 1, "elsewhere": 2, "lost": 1}] * 3
    assert [(fault.kind, fault.seqs) for fault in diagnose(stream).faults] == [("gap/lost", (4,))] * 3


WORDS = [f" word{n}" for n in range(12)]


def test_a_moved_chunk_is_counted_as_moved() -> None:
    """One of two neighbours that changed places is out of order, and all others are the same."""
    assert edge_fates(made.stream_of(WORDS, made.swapped(3)), 0, 1).counts == {"same": 11, "moved": 1}


def test_what_a_second_path_took_is_not_lost() -> None:
    """Where two stages share the chunks of one, and both feed a third, each took its own."""
    stream = stream_of(
        segment("a", chunk_events(ABC, 0)),
        segment("left", chunk_events(ABC[:2], 5, [1, 2]), links=upstream("a")),
        segment("right", chunk_events(ABC[2:], 6, [3, 4]), links=upstream("a")),
        segment("joined", [
            *chunk_events(ABC[:2], 40, [1, 2]),
            chunk_event(3, "c", 3, 60, 1, **{"upstream.span": span_id("right")}),
            chunk_event(4, "dd", 5, 61, 2, **{"upstream.span": span_id("right")}),
        ], links=upstream("left", "right")),
    )  # fmt: skip
    assert fates(stream) == ["same", "same", "elsewhere", "elsewhere"]
    assert edge_fates(stream, 0, 2).counts == {"same": 2, "elsewhere": 2}
    assert diagnose(stream).faults == ()


def test_content_that_nobody_can_read_is_unknown() -> None:
    """A stage whose chunks have no content that is known has lost none: trace, matrix and diagnosis say so alike."""
    unread = [chunk_event(n, f"event {n}", 0, 5 + n, kind="control") for n in range(1, 5)]
    stream = stream_of(segment("in", chunk_events(ABC, 0)), segment("out", unread, links=upstream("in")))
    assert fates(stream) == ["unknown"] * 4
    assert diagnose(stream).faults == ()
    assert not matrix_of(stream).damaged


@pytest.mark.parametrize("lineage", [True, False], ids=["lineage", "digests"])
def test_a_whole_channel_is_left_out_and_a_piece_of_it_is_lost(lineage: bool) -> None:
    """What an application does not show on purpose is no loss in any view."""
    stream = made.stream_of(WORDS, made.without(4, 5), lineage=lineage)
    for chunk in stream.stages[0].chunks[4:6]:
        chunk.channel = "0/reasoning"
    assert edge_fates(stream, 0, 1).counts == {"same": 10, "left out": 2}
    again = made.stream_of(WORDS, made.without(4), lineage=lineage)
    for chunk in again.stages[0].chunks[4:6]:
        chunk.channel = "0/reasoning"
    for chunk in again.stages[1].chunks[4:5]:
        chunk.channel = "0/reasoning"
    assert edge_fates(again, 0, 1).counts == {"same": 11, "lost": 1}


def test_what_a_stage_may_do_is_marked_as_rewritten() -> None:
    """The fate is what happened; the mark of the matrix says that it was allowed."""
    for rewrites, mark in (([], Fate.CHANGED), ([1], Fate.REWRITTEN)):
        stream = made.stream_of(WORDS, made.changed(3, "X"), rewrites=rewrites)
        found = edge_fates(stream, 0, 1)
        assert (found.of(4), found.mark(4)) == (Fate.CHANGED, mark)


def test_the_fates_of_an_edge_are_worked_out_once() -> None:
    """Trace, path, matrix and diagnosis of one stream share them."""
    stream = made.stream_of(WORDS, made.without(3))
    diagnose(stream)
    assert edge_fates(stream, 0, 1) is edge_fates(stream, 0, 1)
    assert edge_fates(stream, 0, 1).losses is edge_fates(stream, 0, 1).losses
