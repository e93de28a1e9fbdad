"""The diagnosis of a stream that stages damage: each fault told once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import semconv
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.stream.chunk import CERTAIN, CONTROL, SUSPECTED
from tests.diagnosis.made_faults import (
    LINEAGE,
    PLACES,
    TOKENS,
    WORDS,
    check_repeats,
    finding,
    only,
    told,
    with_fault,
)
from tests.diagnosis.made_pipeline import (
    Item,
    Stage,
    changed,
    doubled,
    framed,
    merged,
    once_more,
    replayed,
    stream_of,
    whole,
    without,
)
from tests.diagnosis.made_trace import MS, START


@LINEAGE
@given(TOKENS)
def test_a_clean_pipeline_has_no_fault(lineage: bool, texts: list[str]) -> None:
    """However often tokens repeat, nothing is said of a stream that every stage handed on as it was."""
    found = diagnose(stream_of(texts, whole, whole, whole, lineage=lineage))
    assert found.in_order
    assert found.verdict.startswith(f"In order: {len(texts)} chunks with content crossed 4 stages")


@LINEAGE
@given(TOKENS, st.integers(2, 5))
def test_frames_and_other_cuts_are_no_fault(lineage: bool, texts: list[str], count: int) -> None:
    """Openings, heartbeats, usage, ends, and text that is cut anew are framing."""
    stages = [framed, lambda items: [each for each in items if each.kind == "content"], merged(count), framed]
    assert diagnose(stream_of(texts, *stages, lineage=lineage and count == 1)).faults == ()


@LINEAGE
@given(TOKENS, PLACES)
def test_doubling_is_found_at_its_stage(lineage: bool, texts: list[str], position: int) -> None:
    """A A B B: the stage that handed on twice, and each of the second ones."""
    stream = with_fault(texts, doubled, position, lineage=lineage)
    check_repeats(stream, only(stream), {"duplicate/doubled"}, position)


@LINEAGE
@given(TOKENS, PLACES, st.data())
def test_one_chunk_twice_is_found(lineage: bool, texts: list[str], position: int, data: st.DataObject) -> None:
    """One chunk that was handed on twice is named, among as many equal ones as there are."""
    stream = with_fault(texts, once_more(data.draw(st.integers(0, len(texts) - 1))), position, lineage=lineage)
    fault = only(stream)
    check_repeats(stream, fault, {"duplicate/doubled"}, position)
    assert fault.count == 1


@LINEAGE
def test_two_faults_are_told_each_at_its_stage(lineage: bool) -> None:
    """The first stage in the order of the data comes first."""
    found = diagnose(stream_of(WORDS, without(4), whole, doubled, lineage=lineage)).faults
    assert [(fault.kind, fault.position) for fault in found] == [("gap/lost", 1), ("duplicate/doubled", 3)]


def test_a_hops_gap_is_that_of_its_own_stage() -> None:
    """Two stages that lose chunks: what the hop counted belongs to the one behind it."""
    stream = stream_of(WORDS, without(4), without(9), whole, findings=[(2, finding("gap/hop", 9, 8))])
    found = diagnose(stream).faults
    assert [(fault.kind, fault.position, "gap/hop" in fault.evidence) for fault in found] == [
        ("gap/lost", 1, False),
        ("gap/lost", 2, True),
    ]


def test_a_doubling_that_a_detector_saw_too_is_one_fault() -> None:
    """The edge proves it, the detector suspected it; the end that came twice belongs to it."""
    stream = stream_of([*WORDS], framed, doubled, whole)
    last = len(stream.stages[2].chunks)
    findings = [finding("duplicate/doubled", 6, 5, SUSPECTED), finding("duplicate/terminal", last, last - 1)]
    stream.stages[2].findings = stream.stages[3].findings = findings
    fault = only(stream)
    assert (fault.kind, fault.position, fault.certainty, fault.count) == ("duplicate/doubled", 2, CERTAIN, 30)
    assert "duplicate/terminal seen" in fault.evidence


def test_a_replay_behind_the_end_is_a_replay() -> None:
    """All content of a second pass comes after the end, and that is its consequence."""
    stream = stream_of(WORDS, whole, replayed(20, 30), whole)
    stream.stages[2].findings = [finding("protocol/after_done", seq, 30) for seq in range(31, 41)]
    assert told(stream) == [("duplicate/replayed", 2)]


def test_a_late_chunk_behind_the_end_is_late() -> None:
    """That it equals the one before the end is told with it, and is not a fault of its own."""
    stream = stream_of(WORDS, whole, once_more(29), whole, findings=[(2, finding("protocol/after_done", 31, 30))])
    fault = only(stream)
    assert (fault.kind, fault.position) == ("protocol/after_done", 2)
    assert "31 is 30 again" in fault.evidence


def test_a_message_that_was_resent_says_so() -> None:
    """The hop's own number says more than that the chunk came twice."""
    stream = stream_of(WORDS, whole, once_more(4), whole, findings=[(2, finding("duplicate/resent", 6, 5))])
    fault = only(stream)
    assert (fault.kind, fault.position, fault.seqs) == ("duplicate/resent", 2, (6,))


def test_a_gap_that_a_hop_counted_is_one_fault() -> None:
    """The edge names the chunks, the hop's number proves that they did not come."""
    stream = stream_of(WORDS, whole, without(4, 5), whole, findings=[(2, finding("gap/hop", 5, 4, amount=2))])
    fault = only(stream)
    assert (fault.kind, fault.position, fault.seqs, fault.count) == ("gap/lost", 2, (5, 6), 2)
    assert "gap/hop seen" in fault.evidence


def test_a_resent_run_is_called_so() -> None:
    """A run that came again over a hop, with the hop's numbers to prove it, is resent and not just replayed."""
    resent = [finding("duplicate/resent", seq, seq - 8) for seq in range(21, 29)]
    stream = stream_of(WORDS, whole, replayed(12, 20), whole, findings=[(2, each) for each in resent])
    assert told(stream) == [("duplicate/resent", 2)]


def test_two_chunks_after_a_single_one_twice_stay_a_doubling() -> None:
    """A doubling that both sides show is not taken back."""
    stream = stream_of(WORDS, once_more(4), findings=[(1, finding("duplicate/doubled", 6, 5))])
    assert told(stream) == [("duplicate/doubled", 1)]


@pytest.mark.parametrize("kind", ["protocol/double_framing", "protocol/nested_json"])
def test_a_broken_frame_is_not_a_changed_chunk_too(kind: str) -> None:
    """Content that reads as another one because its frame is broken is one fault: the frame."""
    stream = stream_of(WORDS, whole, changed(4, "data: ..."), findings=[(2, finding(kind, 5))])
    assert told(stream) == [(kind, 2)]


def test_past_the_cap_on_findings_broken_frames_are_one_fault() -> None:
    """Of those that were only counted, too, the change is the frame's."""
    stream = stream_of(WORDS, changed(20, "data: ..."), findings=[(1, finding("protocol/double_framing", 3))])
    stream.stages[1].attributes = {**stream.stages[1].attributes, semconv.STREAM_FINDINGS: 40}
    assert told(stream) == [("protocol/double_framing", 1)]


def test_a_change_elsewhere_is_told_beside_a_broken_frame() -> None:
    """A chunk that no finding is about was changed by itself."""
    stream = stream_of(WORDS, changed(20, " else"), findings=[(1, finding("protocol/double_framing", 3))])
    assert sorted(told(stream)) == [("corruption/changed", 1), ("protocol/double_framing", 1)]


def test_a_sentence_behind_a_tools_step_is_no_second_beginning() -> None:
    """A stage that saw the step knows better than those that did not; the passage is told once."""
    texts = [*WORDS[:18], *WORDS]
    findings = [
        (0, finding("repeat/reasserted", 19, 1, SUSPECTED, amount=18)),
        (2, finding("duplicate/restarted", 19, 1, SUSPECTED, amount=18)),
    ]
    assert told(stream_of(texts, whole, whole, findings=findings)) == [("repeat/reasserted", 0)]


def test_what_waited_behind_a_silence_is_no_burst() -> None:
    """Chunks that came in meanwhile go on at once when it is over: that is the silence's end."""
    stream = stream_of(WORDS, whole, findings=[(1, finding("stall/content", 11)), (1, finding("coalescing/burst", 16))])
    for chunk in stream.stages[1].chunks[10:]:
        chunk.time_ns += 20_000 * MS
    assert told(stream) == [("stall/content", 1)]


def test_a_wait_for_the_first_content_is_told_once() -> None:
    """A stage that was opened early, and one behind it, waited for the same content as the model did."""
    opened: Stage = lambda items: [Item("START", 0, CONTROL, at_ms=0), *items]  # noqa: E731
    content: Stage = lambda items: [item for item in items if item.kind != CONTROL]  # noqa: E731
    stream = stream_of(WORDS, opened, content)
    waits = {0: 6.0, 1: 0.0, 2: 6.0}
    for position, stage in enumerate(stream.stages):
        stage.start_ns = START
        for chunk in stage.chunks:
            chunk.time_ns += 0 if chunk.kind == CONTROL else 6_000 * MS
        stage.attributes = {**stage.attributes, semconv.STREAM_TTFE: waits[position]}
    stream.stages[0].findings = [finding("stall/first_byte", 1)]
    stream.stages[1].findings = [finding("stall/content", 2)]
    stream.stages[2].findings = [finding("stall/first_byte", 1)]
    assert told(stream) == [("stall/first_byte", 0)]


def test_chunks_that_hold_all_of_the_text_are_not_told_as_changed_too() -> None:
    """That each chunk says more than the one it was made from is what cumulative means; a change elsewhere is told."""

    def so_far(items: list[Item]) -> list[Item]:
        return [item._replace(text="".join(each.text for each in items[: at + 1])) for at, item in enumerate(items)]

    cumulative = finding("duplicate/cumulative", 8, 1, SUSPECTED, amount=8)
    stream = stream_of(WORDS, whole, so_far, findings=[(2, cumulative)])
    assert told(stream) == [("duplicate/cumulative", 2)]
    stream = stream_of(WORDS, changed(4, "!"), so_far, findings=[(2, cumulative)])
    assert sorted(told(stream)) == [("corruption/changed", 1), ("duplicate/cumulative", 2)]
