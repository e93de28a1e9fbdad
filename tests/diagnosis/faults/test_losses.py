"""Chunks that did not come, and which of these are lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.trace.streams import trace_of
from tests.diagnosis.made_faults import (
    LINEAGE,
    PLACES,
    TOKENS,
    WORDS,
    digests,
    only,
    told,
    with_fault,
)
from tests.diagnosis.made_pipeline import (
    Stage,
    replying,
    stream_of,
    whole,
    without,
)
from tests.diagnosis.made_trace import chunk_event, chunk_events, segment, upstream


@LINEAGE
@given(TOKENS, PLACES, st.data())
def test_a_lost_chunk_is_found(lineage: bool, texts: list[str], position: int, data: st.DataObject) -> None:
    """What did not come is named by its number at the stage before; without it, both sides are the same."""
    places = data.draw(st.sets(st.integers(0, len(texts) - 1), min_size=1, max_size=min(3, len(texts) - 1)))
    stream = with_fault(texts, without(*places), position, lineage=lineage)
    fault = only(stream)
    assert (fault.kind, fault.position, fault.count, fault.certain) == ("gap/lost", position, len(places), True)
    assert digests(stream, position - 1, fault.seqs) == digests(stream, position)


def test_a_digit_that_deduplication_swallowed_is_found() -> None:
    """1833 that became 183: the second 3 is lost, though the 3 before it is there."""
    fault = only(with_fault(["It", " is", " 1", "8", "3", "3", "."], without(5), 2, lineage=False))
    assert (fault.kind, fault.position, fault.count) == ("gap/lost", 2, 1)
    assert set(fault.seqs) <= {5, 6}
    assert "1833" in fault.cause


@LINEAGE
def test_a_policys_reply_that_is_lost_is_told_from_other_losses(lineage: bool) -> None:
    """What a policy made is its right; that the stage after it lost it is that stage's fault."""
    stages = [replying("[blocked]"), lambda items: items[:-1], whole]
    stream = stream_of(WORDS, *stages, rewrites=[1], lineage=lineage)
    fault = only(stream)
    assert (fault.kind, fault.position, fault.upstream, fault.seqs) == ("gap/reply_lost", 2, 1, (16,))
    assert fault.origin == "made by stage1"


def test_what_an_ending_cut_off_is_not_lost() -> None:
    """Chunks that a stage had no time for are no gap beside the failure."""
    half: Stage = lambda items: items[:10]  # noqa: E731
    stream = stream_of(WORDS, whole, half, whole, outcomes=["cancelled", "cancelled", "failed", "failed"])
    assert told(stream) == [("outcome/failed", 2)]


def test_a_tail_that_a_completed_stage_lacks_is_lost() -> None:
    """A stage that says it went to its end has lost what did not come."""
    half: Stage = lambda items: items[:10]  # noqa: E731
    fault = only(stream_of(WORDS, whole, half, whole))
    assert (fault.kind, fault.position, fault.seqs) == ("gap/lost", 2, tuple(range(11, 31)))


def test_a_stage_whose_chunks_are_not_all_in_the_trace_lost_none() -> None:
    """With `OTEL_SSE_CHUNK_EVENTS=findings`, what is not there was not written down."""
    spans = [
        segment("provider", chunk_events(WORDS, 0)),
        segment(
            "emit",
            (chunk_event(1, WORDS[0], 6, 50, 1), chunk_event(30, WORDS[29], 200, 90, 30)),
            links=upstream("provider"),
            stream_chunks=30,
        ),
    ]
    trace = trace_of(spans)
    assert trace is not None
    assert diagnose(trace.streams[0]).faults == ()
