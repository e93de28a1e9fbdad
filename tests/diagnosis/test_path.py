from __future__ import annotations

from collections.abc import Sequence

from otel_sse.diagnosis.faults.edge_fates import edge_fates
from otel_sse.diagnosis.path import first_stage_with, telling_chunk, way
from otel_sse.diagnosis.trace.spans import Span, SpanEvent
from otel_sse.diagnosis.trace.streams import TraceStream
from tests.diagnosis.made_edge import ABC, edge, stream_of
from tests.diagnosis.made_trace import MS, chunk_event, chunk_events, segment, upstream


def pipeline() -> TraceStream:
    """A provider, a policy that merges two into one, a splitter, and the socket, which drops the second half."""
    return stream_of(
        segment("provider", chunk_events(ABC, 0)),
        segment("policy.merge", chunk_events(["aabbb", "cdd"], 30, [(1, 2), (3, 4)]), links=upstream("provider"),
                direction="out"),
        segment("split", chunk_events(["aab", "bb", "cdd"], 50, [1, 1, 2]), links=upstream("policy.merge.out")),
        segment("socket_write", chunk_events(["aab", "cdd"], 70, [1, 3]), links=upstream("split"), service="edge"),
    )  # fmt: skip


def told(stream: TraceStream, stage: int, seq: int) -> list[tuple[int, list[int], str, int, int]]:
    return [
        (step.stage, [chunk.seq for chunk in step.chunks], step.fate or "", step.first, step.last)
        for step in way(stream, stage, seq)
    ]


def test_a_chunk_is_followed_to_the_end() -> None:
    """From its first stage: merged with its neighbour, split, and handed on in part."""
    assert told(pipeline(), 0, 2) == [
        (0, [2], "", 0, 0),
        (1, [1], "merged", 1, 2),
        (2, [1, 2], "split", 1, 2),
        (3, [1], "same", 0, 0),
    ]


def test_a_chunk_is_followed_back_to_its_origin() -> None:
    """From its last stage: only what is in this chunk is shown upstream."""
    assert told(pipeline(), 3, 2) == [
        (0, [3, 4], "", 0, 0),
        (1, [2], "merged", 3, 4),
        (2, [3], "same", 0, 0),
        (3, [2], "same", 0, 0),
    ]


def test_a_piece_is_followed_both_ways() -> None:
    """From a stage in between: to what it was cut from, and to where it was dropped, and no further."""
    assert told(pipeline(), 2, 2) == [
        (0, [1, 2], "", 0, 0),
        (1, [1], "merged", 1, 2),
        (2, [2], "split", 1, 2),
        (3, [], "lost", 0, 0),
    ]


def test_times_count_from_the_first_step() -> None:
    """Each step's time is that of its first chunk, since the first chunk of the way."""
    assert [step.since_ns for step in way(pipeline(), 0, 1)] == [0, 30 * MS, 50 * MS, 70 * MS]


def test_after_a_drop_there_is_no_further_step() -> None:
    """The way ends at the stage that did not get the chunk."""
    stream = stream_of(
        segment("a", chunk_events(["x", "y"], 0)),
        segment("b", chunk_events(["y"], 5, [2]), links=upstream("a")),
        segment("c", chunk_events(["y"], 9, [1]), links=upstream("b")),
    )
    assert told(stream, 0, 1) == [(0, [1], "", 0, 0), (1, [], "lost", 0, 0)]
    assert way(stream, 0, 1)[1].since_ns == 0


def test_an_added_chunk_has_its_own_beginning() -> None:
    """What was made from nothing upstream says so, and is followed from there."""
    stream = edge(["aa", "new"], [1, None])
    assert told(stream, 1, 2) == [(1, [2], "added", 0, 0)]


def test_a_doubled_chunk_is_shown_twice() -> None:
    """Both emissions stand in the step that made them, and in those after it."""
    stream = stream_of(
        segment("a", chunk_events(["x", "y"], 0)),
        segment("b", chunk_events(["x", "x", "y"], 5, [1, 1, 2]), links=upstream("a")),
        segment("c", chunk_events(["x", "x", "y"], 9, [1, 2, 3]), links=upstream("b")),
    )
    assert told(stream, 0, 1) == [(0, [1], "", 0, 0), (1, [1, 2], "doubled", 1, 2), (2, [1, 2], "same", 0, 0)]


def test_two_sources_of_one_stage_are_followed_apart() -> None:
    """Chunks that say their source came from that one, though both sources count from 1."""

    def provider(name: str, texts: Sequence[str], at_ms: float) -> Span:
        return segment("provider", chunk_events(texts, at_ms), of=name, source=name)

    events: list[SpanEvent] = [
        chunk_event(1, "x", 1, 20, 1),
        chunk_event(2, "u", 2, 21, 1, source="two"),
        chunk_event(3, "y", 3, 22, 2, source="one"),
    ]
    stream = stream_of(
        provider("one", "xy", 0), provider("two", "uv", 5), segment("emit", events, links=upstream("one", "two"))
    )
    assert stream.upstream == [(), (), (0, 1)]
    assert told(stream, 0, 2) == [(0, [2], "", 0, 0), (2, [3], "same", 0, 0)]
    assert told(stream, 1, 1) == [(1, [1], "", 0, 0), (2, [2], "same", 0, 0)]
    assert told(stream, 2, 1) == [(0, [1], "", 0, 0), (2, [1], "same", 0, 0)]
    assert edge_fates(stream, 0, 2).counts == {"same": 2}
    assert edge_fates(stream, 1, 2).counts == {"same": 1, "lost": 1}
    assert stream.made_from(2) == {1: (0, 1, 1), 2: (1, 1, 1), 3: (0, 2, 2)}


def test_a_chunk_that_did_not_stay_the_same_is_found() -> None:
    """The first of them, by its number at the first stage; None where all stayed as they were."""
    assert telling_chunk(pipeline()) == 1
    assert telling_chunk(edge(["aa", "bbb", "c", "XX"], [1, 2, 3, 4])) == 4
    assert telling_chunk(edge(ABC, [1, 2, 3, 4])) is None


def test_two_ways_down_are_both_followed() -> None:
    """Where two stages take their chunks from one, a chunk has a step at each."""
    stream = stream_of(
        segment("a", chunk_events("xy", 0)),
        segment("log", chunk_events("xy", 5, [1, 2]), links=upstream("a")),
        segment("emit", chunk_events("xy", 9, [1, 2]), links=upstream("a")),
    )
    assert [step[:2] for step in told(stream, 0, 2)] == [(0, [2]), (1, [2]), (2, [2])]
    assert [step[:2] for step in told(stream, 2, 1)] == [(0, [1]), (2, [1])]


def test_the_first_stage_that_has_a_number_is_found() -> None:
    """The first in the order of the data, or None where no stage has it."""
    stream = edge(["aa", "bbb", "c", "dd", "e"], [1, 2, 3, 4, None])
    assert first_stage_with(stream, 4) == 0
    assert first_stage_with(stream, 5) == 1
    assert first_stage_with(stream, 6) is None
