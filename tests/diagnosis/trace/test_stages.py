from __future__ import annotations

from typing import Any

import msgspec

from otel_sse import semconv
from otel_sse.diagnosis.trace.spans import SpanEvent
from otel_sse.diagnosis.trace.stages import stages_of
from tests.diagnosis.made_trace import (
    MS,
    START,
    chunk_event,
    chunk_events,
    finding_event,
    segment,
    upstream,
)


def test_segments_become_one_stage_whatever_their_order() -> None:
    """All segments of a stage are one: chunks in order, the totals of the last, the start of the first."""
    first = segment("emit", chunk_events("ab", 0), outcome="", stream_chunks=2)
    second = segment(
        "emit", chunk_events("cd", 20, first_seq=3), of="second", index=1, stream_chunks=4,
        links=upstream("emit", meaning="segment"),
    )  # fmt: skip
    (stage,) = stages_of([second, first])
    assert [chunk.seq for chunk in stage.chunks] == [1, 2, 3, 4]
    assert (stage.total, stage.outcome, stage.is_whole) == (4, "completed", True)
    assert stage.span_ids == (first.span_id, second.span_id)
    assert (stage.start_ns, stage.end_ns) == (first.start_ns, second.end_ns)


def test_a_segment_whose_predecessor_is_missing_joins_its_own_stage() -> None:
    """Where a segment was lost, the others still are one stage, and what is missing is known."""
    first = segment("emit", chunk_events("ab", 0), outcome="")
    third = segment(
        "emit", chunk_events("ef", 40, first_seq=5), of="third", index=2, stream_chunks=6,
        links=upstream("second", meaning="segment"),
    )  # fmt: skip
    (stage,) = stages_of([first, third])
    assert [chunk.seq for chunk in stage.chunks] == [1, 2, 5, 6]
    assert stage.total == 6
    assert not stage.is_whole


def test_two_stages_of_one_name_stay_two() -> None:
    """An application that asks its model twice has two stages of that name, each with its own segments."""
    spans = [
        segment("provider", chunk_events("ab", 0), of="one", outcome=""),
        segment("provider", chunk_events("xy", 5), of="two", outcome=""),
        segment(
            "provider", chunk_events("c", 20, first_seq=3), of="one+", index=1, links=upstream("one", meaning="segment")
        ),
        segment(
            "provider", chunk_events("z", 25, first_seq=3), of="two+", index=1, links=upstream("two", meaning="segment")
        ),
    ]
    assert [[c.time_ns for c in stage.chunks] for stage in stages_of(spans)] == [
        [START + ms * MS for ms in (0, 10, 20)],
        [START + ms * MS for ms in (5, 15, 25)],
    ]


def test_stages_of_two_processes_stay_two() -> None:
    """One name in two processes is two stages."""
    spans = [segment("ws.send", chunk_events("a", 0), of=name, service=name) for name in ("gateway", "control")]
    assert [stage.service for stage in stages_of(spans)] == ["gateway", "control"]


def test_a_span_that_comes_twice_counts_once() -> None:
    """A batch that was delivered twice changes nothing."""
    span = segment("emit", (*chunk_events("ab", 0), finding_event("gap/sequence", 2, 12)))
    (stage,) = stages_of([span, span])
    assert (stage.total, stage.findings_total) == (2, 1)


def test_attributes_of_other_types_are_passed_over() -> None:
    """A trace that was edited by hand can't break the reader."""
    says: dict[str, Any] = {
        semconv.CHUNK_SEQ: "one",
        semconv.CHUNK_DIGEST: 5,
        semconv.CHUNK_ACC_LEN: True,
        semconv.CHUNK_DONE: "yes",
    }
    event = SpanEvent(semconv.CHUNK_EVENT, START, says)
    (stage,) = stages_of([segment("emit", [event], stage_rewrites="yes", stream_findings="no")])
    (chunk,) = stage.chunks
    assert (chunk.seq, chunk.digest, chunk.acc_len, chunk.done) == (0, "", 0, False)
    assert (stage.rewrites, stage.findings_total) == (False, 0)


def test_bytes_of_content_are_known_where_the_chunk_before_is() -> None:
    """A chunk's bytes are what the sum grew by; after a hole nobody knows."""
    events = [chunk_event(1, "ab", 2, 0), chunk_event(2, "cde", 5, 1), chunk_event(4, "f", 9, 2)]
    assert stages_of([segment("emit", events)])[0].content_bytes == {1: 2, 2: 3}


def test_finish_reasons_are_those_of_the_last_segment() -> None:
    """They are words in their order; what is none is passed over."""
    made: tuple[tuple[object, tuple[str, ...]], ...] = (
        (("stop", "length"), ("stop", "length")), (("stop", 5), ("stop",)), ("stop", ()), (None, ()),
    )  # fmt: skip
    for says, expected in made:
        span = segment("emit", [])
        attributes = {**span.attributes, semconv.STREAM_FINISH_REASONS: says}
        (stage,) = stages_of([msgspec.structs.replace(span, attributes=attributes)])
        assert stage.finish_reasons == expected
