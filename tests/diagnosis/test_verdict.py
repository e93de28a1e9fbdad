"""The verdict: one sentence."""

from __future__ import annotations

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.matrix import matrix_of
from otel_sse.diagnosis.trace.streams import trace_of
from otel_sse.stream.chunk import SUSPECTED
from tests.diagnosis.made_faults import (
    WORDS,
    finding,
    with_fault,
)
from tests.diagnosis.made_pipeline import (
    stream_of,
    without,
)
from tests.diagnosis.made_trace import chunk_event, chunk_events, segment, span_id, upstream


def test_the_verdict_names_stage_count_and_place() -> None:
    """One sentence that can be acted upon."""
    assert diagnose(with_fault(WORDS, without(4), 2)).verdict == (
        "process-0 stage2 lost 1 chunk, at 5; stage1 before it had them right."
    )


def test_one_stage_alone_says_so() -> None:
    """What only one stage saw may have come so."""
    found = diagnose(stream_of(WORDS, findings=[(0, finding("duplicate/doubled", 2, 1, SUSPECTED))]))
    assert "only this stage was seen" in found.verdict
    assert diagnose(stream_of(WORDS)).verdict.startswith("In order as far as one stage can tell: 30 chunks")


def test_copies_are_counted_and_said_in_words() -> None:
    """Three of each chunk are no pairs."""
    thrice = diagnose(with_fault(WORDS, lambda items: [item for item in items for _ in range(3)], 2))
    assert thrice.verdict == (
        "process-0 stage2 handed on 30 chunks three times, 60 too many, at 2-3, 5-6, 8-9, 11-12 and 26 more places; "
        "stage1 before it had them right."
    )
    assert thrice.faults[0].count == 60


def test_a_call_beside_the_answer_is_no_part_of_it() -> None:
    """A judge that is read before a merged chunk is handed on explains none of it, whatever the stage recorded."""
    judge = [" yes", " it", " is", " fine"]
    main, side = chunk_events(WORDS, 0), chunk_events(judge, 700)
    one, two = "".join(WORDS[:10]), "".join(WORDS[10:])
    of_judge = {"upstream.span": span_id("judge")}
    sent = (
        chunk_event(1, one, len(one), 800, (1, 10)),
        chunk_event(2, two, len(one + two), 810, (1, 4), **of_judge),
    )
    spans = [
        segment("provider", main, of="main"),
        segment("provider", side, of="judge"),
        segment("emit", sent, links=upstream("main", "judge")),
    ]
    trace = trace_of(spans)
    assert trace is not None
    (stream,) = trace.streams
    found = diagnose(stream)
    assert found.verdict.startswith("In order: 30 chunks with content crossed 2 stages")
    assert found.notes == ("provider: stands beside the answer; its 4 chunks with content are no part of it",)
    assert not matrix_of(stream).damaged


def test_only_what_goes_on_has_crossed() -> None:
    """Chunks of a channel that was left out crossed no stage."""
    stream = stream_of(WORDS, without(3, 4, 5))
    for chunk in stream.stages[0].chunks[3:6]:
        chunk.channel = "0/reasoning"
    assert diagnose(stream).verdict.startswith("In order: 27 chunks with content crossed 2 stages")
