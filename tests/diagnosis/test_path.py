from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from otel_sse.diagnosis.path import first_stage_with, telling_chunk, way
from otel_sse.diagnosis.trace.edge import Descent
from otel_sse.diagnosis.trace.spans import Span, SpanEvent
from otel_sse.diagnosis.trace.streams import TraceStream, trace_of
from tests.diagnosis.made_trace import MS, Lineage, chunk_event, chunk_events, segment, span_id, upstream

ABC = ["aa", "bbb", "c", "dd"]


def stream_of(*spans: Span) -> TraceStream:
    trace = trace_of(spans)
    assert trace is not None
    (stream,) = trace.streams
    return stream


def edge(texts: Sequence[str], lineage: Lineage | None, *, at_ms: float = 5, **says: Any) -> TraceStream:
    """Two stages: `in` with the texts ABC, `out` with these."""
    out = segment("out", chunk_events(texts, at_ms, lineage), links=upstream("in"), **says)
    return stream_of(segment("in", chunk_events(ABC, 0)), out)


def descent(stream: TraceStream) -> Descent:
    return stream.descents[0, 1]


def fates(stream: TraceStream) -> list[str]:
    return [descent(stream).became(seq) for seq in range(1, 5)]


RECORDED = [
    (ABC, [1, 2, 3, 4], ["same"] * 4),
    (["aa", "XX", "c", "dd"], [1, 2, 3, 4], ["same", "changed", "same", "same"]),
    (["aabbb", "cdd"], [(1, 2), (3, 4)], ["merged"] * 4),
    (["aa", "[blocked]"], [1, (2, 4)], ["same", "replaced", "replaced", "replaced"]),
    (["aa", "b", "bb", "c", "dd"], [1, 2, 2, 3, 4], ["same", "split", "same", "same"]),
    (["aa", "aa", "bbb", "c", "dd"], [1, 1, 2, 3, 4], ["doubled", "same", "same", "same"]),
    (["aa", "c", "dd"], [1, 3, 4], ["same", "dropped", "same", "same"]),
    (["aa", "bbb"], [1, 2], ["same", "same", "dropped", "dropped"]),
]
IDS = ["same", "changed", "merged", "replaced", "split", "doubled", "dropped", "dropped at the end"]


@pytest.mark.parametrize(("texts", "lineage", "became"), RECORDED, ids=IDS)
def test_each_chunk_became_what_the_stage_recorded(texts: list[str], lineage: Lineage, became: list[str]) -> None:
    """With lineage on the chunks, it says what became of each chunk upstream."""
    stream = edge(texts, lineage)
    assert descent(stream).recorded
    assert fates(stream) == became


@pytest.mark.parametrize(("texts", "became"), [(texts, became) for texts, _, became in RECORDED], ids=IDS)
def test_each_chunk_became_what_digests_say(texts: list[str], became: list[str]) -> None:
    """Without lineage, aligned digests say the same."""
    stream = edge(texts, None)
    assert not descent(stream).recorded
    assert fates(stream) == became


@pytest.mark.parametrize("outcome", ["failed", "abandoned", "disconnected", "cancelled"])
def test_what_a_stage_ended_before_was_cut_off(outcome: str) -> None:
    """Chunks behind the last one that was handed on were not dropped where the stage did not go to its end."""
    assert fates(edge(["aa", "c"], [1, 3], outcome=outcome)) == ["same", "dropped", "same", "cut off"]


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
    assert fates(stream_of(segment("in", chunk_events(ABC, 0)), out)) == ["same", "dropped", "same", "unknown"]


def test_content_and_other_chunks_are_counted_apart() -> None:
    """Sums for content do not count the role that a policy leaves out, nor the end that it adds."""
    role = chunk_event(1, "role", 0, 0, kind="control")
    end = chunk_event(2, "end", 2, 6, kind="complete")
    stream = stream_of(
        segment("in", [role, chunk_event(2, "aa", 2, 1)]),
        segment("out", [chunk_event(1, "aa", 2, 5, 2), end], links=upstream("in")),
    )
    assert descent(stream).counts == {"same": 1}
    assert descent(stream).other_counts == {"dropped": 1, "added": 1}


def test_latency_is_taken_from_the_last_chunk_that_it_was_made_from() -> None:
    """A merged chunk waited for its last part; what came earlier by another host's clock counts as 0."""
    stream = edge(["aabbb", "cdd"], [(1, 2), (3, 4)], at_ms=15)
    latency = descent(stream).latency
    assert latency is not None
    assert (latency.count, latency.median_ns, latency.max_ns, latency.negative) == (2, 0, 5 * MS, 1)


def test_no_latency_without_a_pair() -> None:
    """Stages that share no chunk have no latency between them."""
    assert descent(edge([], None)).latency is None


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
        (step.stage, [chunk.seq for chunk in step.chunks], step.became, step.first, step.last)
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
        (3, [], "dropped", 0, 0),
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
    assert told(stream, 0, 1) == [(0, [1], "", 0, 0), (1, [], "dropped", 0, 0)]
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


def test_a_chunk_behind_all_of_another_was_added() -> None:
    """An application that says sorry after a failure adds a chunk: the one before it was handed on whole."""
    stream = edge(["aa", "bbb", "sorry", "c", "dd"], [1, 2, 2, 3, 4])
    assert fates(stream) == ["same"] * 4
    assert [chunk.seq for chunk in descent(stream).added] == [3]


def test_what_went_on_in_another_round_is_not_lost_in_this_one() -> None:
    """A stage that is begun for each chunk of the one before: each round takes its own."""

    def round_of(n: int) -> Span:
        return segment("b", chunk_events([ABC[n]], 5 + n, [n + 1]), of=f"b{n}", links=upstream("a"))

    stream = stream_of(segment("a", chunk_events(ABC, 0)), *map(round_of, range(3)))
    assert [dict(stream.descents[0, n].counts) for n in (1, 2, 3)] == [{"same": 1, "elsewhere": 2, "dropped": 1}] * 3


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
    assert stream.descents[0, 2].counts == {"same": 2}
    assert stream.descents[1, 2].counts == {"same": 1, "dropped": 1}
    assert stream.made_from(2) == {1: (0, 1, 1), 2: (1, 1, 1), 3: (0, 2, 2)}


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
    assert stream.descents[0, 2].counts == stream.descents[1, 2].counts == {"same": 4}
    assert [stream.made_from(2)[seq][0] for seq in range(1, 9)] == [0] * 4 + [1] * 4


def test_numbers_of_a_hop_that_are_not_the_stages_own_are_not_believed() -> None:
    """After a reconnect a hop's numbers go on while the sender's stage counts afresh; then digests tell."""
    received = segment(
        "ws.receive", chunk_events(ABC, 5, [51, 52, 53, 54]), links=upstream("ws.send"), service="control"
    )
    stream = stream_of(segment("ws.send", chunk_events(ABC, 0)), received)
    assert not descent(stream).recorded
    assert fates(stream) == ["same"] * 4


def test_numbers_of_a_hop_are_believed_where_digests_cannot_tell() -> None:
    """Two processes with different digest keys have no digest in common, and the hop's numbers stand."""
    received = segment(
        "ws.receive", chunk_events("stuv", 5, [1, 2, 3, 4]), links=upstream("ws.send"), service="control"
    )
    stream = stream_of(segment("ws.send", chunk_events(ABC, 0)), received)
    assert descent(stream).recorded
    assert fates(stream) == ["changed"] * 4


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
