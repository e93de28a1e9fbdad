"""What a stage could only guess as it happened, and what one fault brings down with it: told once, at the culprit."""

from __future__ import annotations

import pytest

from otel_sse import semconv
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.trace.streams import TraceStream, trace_of
from otel_sse.stream.chunk import CERTAIN, COMPLETE, CONTROL, SUSPECTED, Finding
from tests.diagnosis.made_pipeline import (
    Item,
    Stage,
    accumulated,
    changed,
    claimed,
    once_more,
    replayed,
    restarted,
    stream_of,
    swapped,
    whole,
    without,
)
from tests.diagnosis.made_trace import MS, START, chunk_event, chunk_events, digest, finding_event, segment, upstream

WORDS = [f" word{n}" for n in range(30)]


def finding(kind: str, seq: int, of: int = 0, certainty: str = CERTAIN, amount: int = 1) -> Finding:
    return Finding(kind, certainty, "any", seq, of, f"{kind} seen", amount)


def told(stream: TraceStream) -> list[tuple[str, int]]:
    return [(fault.kind, fault.position) for fault in diagnose(stream).faults]


# Endings


@pytest.mark.parametrize("last", ["disconnected", "cancelled", "abandoned"])
@pytest.mark.parametrize("received", ["disconnected", "incomplete"])
def test_a_client_that_leaves_takes_hops_down_with_it(last: str, received: str) -> None:
    """Who served it lets go of its sockets; what read from these broke off, and is not what is told."""
    outcomes = ["cancelled", "cancelled", received, "failed", "cancelled", last]
    stream = stream_of(WORDS, *[whole] * 5, outcomes=outcomes, services=3)
    stream.stages[1].name, stream.stages[2].name = "ws.send", "ws.receive"
    assert told(stream) == [(f"outcome/{last}", 5)]


def test_a_failure_takes_down_what_was_still_on_its_way_there() -> None:
    """The gateway's sender fails because the answer failed on its way back: the policy in between did it."""
    outcomes = ["cancelled", "failed", "incomplete", "failed", "failed", "failed"]
    stream = stream_of(WORDS, *[whole] * 5, outcomes=outcomes)
    for stage, (service, end_ms) in zip(
        stream.stages,
        [("gateway", 50), ("gateway", 50), ("control", 20), ("control", 10), ("gateway", 30), ("gateway", 40)],
        strict=True,
    ):
        stage.service, stage.end_ns = service, START + end_ms * MS
    assert told(stream) == [("outcome/failed", 3)]


# Guesses, taken back


def test_what_a_stage_adds_is_not_the_models() -> None:
    """A chunk that equals all text is tied to the last one that came in, and is not that one."""
    stream = stream_of(WORDS, whole, accumulated, findings=[(2, finding("duplicate/accumulated", 31))])
    stream.stages[2].chunks[-1].upstream_first = stream.stages[2].chunks[-1].upstream_last = 30
    assert told(stream) == [("duplicate/accumulated", 2)]


def test_an_equal_chunk_that_was_overtaken_is_out_of_order() -> None:
    """A stage that said of the later one that it was the earlier one has lost none, and doubled none."""
    texts = [*WORDS[:10], " ha", *WORDS[10:20], " ha", *WORDS[20:]]
    late: Stage = lambda items: [*items[:10], *items[11:25], items[10], *items[25:]]  # noqa: E731
    stream = stream_of(texts, late)
    stage = stream.stages[1]
    first, second = [chunk for chunk in stage.chunks if chunk.digest == digest(" ha")]
    # It took the first that came for the first that had come in, and the late one for that one again.
    for chunk in (first, second):
        chunk.upstream_first = chunk.upstream_last = 22
    stage.findings = [finding("gap/lost", 12), finding("duplicate/doubled", second.seq, first.seq)]
    assert told(stream) == [("reorder/moved", 1)]


def test_one_of_two_equal_chunks_that_was_lost_is_not_one_twice() -> None:
    """What seemed to come twice, while others were lost, was two by all chunks of both sides."""
    texts = [*WORDS[:10], " ha", WORDS[10], " ha", *WORDS[11:]]
    stream = stream_of(texts, without(4, 5, 6))
    stage = stream.stages[1]
    first, second = [chunk for chunk in stage.chunks if chunk.digest == digest(" ha")]
    second.upstream_first = second.upstream_last = first.upstream_first
    stage.findings = [finding("duplicate/doubled", second.seq, first.seq, SUSPECTED)]
    assert told(stream) == [("gap/lost", 1)]


def test_of_equal_neighbours_the_first_is_out_of_place() -> None:
    """A chunk that changed places with one before others like it: the one that stands in the wrong place is told."""
    texts = [*WORDS[:5], " ha", WORDS[5], " ha", " ha", *WORDS[6:]]
    stream = stream_of(texts, swapped(5))
    for chunk, guessed in zip(stream.stages[1].chunks[6:9], (8, 9, 6), strict=True):
        chunk.upstream_first = chunk.upstream_last = guessed
    assert [fault.seqs for fault in diagnose(stream).faults] == [(7,)]


@pytest.mark.parametrize(("whole_trace", "kinds"), [(True, []), (False, ["gap/lost"])])
def test_what_seemed_to_be_lost_and_is_there_is_no_gap(whole_trace: bool, kinds: list[str]) -> None:
    """A stage that missed a chunk among equal ones takes it back where the trace has all chunks of both sides."""
    stream = stream_of([*WORDS[:5], " ha", *WORDS[5:]], whole, findings=[(1, finding("gap/lost", 7))])
    before = stream.stages[0]
    before.attributes = {**before.attributes, semconv.STREAM_CHUNKS: len(before.chunks) + (not whole_trace)}
    assert [kind for kind, _ in told(stream)] == kinds


def test_a_passage_that_comes_again_twice_is_told_where_it_did() -> None:
    """Where what a stage recorded was taken back, findings are followed back by content as well."""
    texts = [*WORDS[:18], *WORDS[:18], *WORDS[18:]]
    again = [(position, finding("duplicate/replayed", seq, 1, SUSPECTED)) for position, seq in ((0, 19), (1, 34))]
    stream = claimed(stream_of(texts, restarted(15), findings=again), ahead=True)
    guess = stream.stages[1].chunks[33]
    guess.upstream_first = guess.upstream_last = 1
    assert stream.descents[0, 1].ranges[34] == (19, 19)
    assert told(stream) == [("duplicate/restarted", 1), ("duplicate/replayed", 0)]


def test_a_beginning_that_a_stage_took_for_another_chunk_is_not_the_models() -> None:
    """The model said one word in two places; the stage that began again repeated it, whichever of them it named."""
    texts = [*WORDS[:18], WORDS[0], *WORDS[18:]]
    doubled = finding("duplicate/doubled", 26, 19)
    stream = claimed(stream_of(texts, whole, restarted(25), findings=[(2, doubled)]), ahead=True)
    assert stream.stages[2].chunks[25].upstream_first == 19
    assert stream.descents[1, 2].ranges[26] == (1, 1)
    assert told(stream) == [("duplicate/restarted", 2)]


@pytest.mark.parametrize(("came_late", "kinds"), [(False, ["protocol/after_done"]), (True, [])])
def test_what_repeats_and_comes_behind_the_end_is_late_where_it_does(came_late: bool, kinds: list[str]) -> None:
    """A model that repeats itself before the end has not sent anything behind it: the stage that did is told."""
    late: Stage = lambda items: [*items[:-2], items[-1], items[-2]]  # noqa: E731
    stream = stream_of([*WORDS, *WORDS[:18], "[DONE]"], late, whole, lineage=False)
    model, stage, _ = stream.stages
    for chunk in (model.chunks[-1], stage.chunks[-2]):
        chunk.kind, chunk.done = COMPLETE, True
    model.findings = [finding("duplicate/replayed", seq, seq - 30, SUSPECTED) for seq in (31, 48)]
    stage.findings = [finding("protocol/after_done", 49)]
    if came_late:
        model.chunks[0].done = True
    assert [kind for kind, _ in told(stream) if kind == "protocol/after_done"] == kinds


@pytest.mark.parametrize(("astray", "kinds"), [(True, ["reorder/sequence"]), (False, ["duplicate/replayed"])])
def test_an_id_that_comes_again_by_mistake_is_no_replay(astray: bool, kinds: list[str]) -> None:
    """Where ids go back, two equal chunks can get the same one; both came in, so neither was repeated."""
    texts = [*WORDS[:10], " ha", WORDS[10], " ha", *WORDS[11:]]
    stream = stream_of(texts, whole, whole)
    for stage in stream.stages[1:]:
        for seq in (11, 13):
            stage.by_seq[seq].id = "7"
        stage.findings = [finding("duplicate/replayed", 13, 11)]
        stage.findings += [finding("reorder/sequence", 12)] if astray else []
    assert told(stream) == [(kind, 1) for kind in kinds]


def test_a_resent_run_is_called_so() -> None:
    """A run that came again over a hop, with the hop's numbers to prove it, is resent and not just replayed."""
    resent = [finding("duplicate/resent", seq, seq - 8) for seq in range(21, 29)]
    stream = stream_of(WORDS, whole, replayed(12, 20), whole, findings=[(2, each) for each in resent])
    assert told(stream) == [("duplicate/resent", 2)]


def test_two_chunks_after_a_single_one_twice_stay_a_doubling() -> None:
    """A doubling that both sides show is not taken back."""
    stream = stream_of(WORDS, once_more(4), findings=[(1, finding("duplicate/doubled", 6, 5))])
    assert told(stream) == [("duplicate/doubled", 1)]


# What follows from it


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


def test_what_a_sender_sent_after_its_end_is_not_a_repetition() -> None:
    """A stage that was let go of early goes on to send for a moment; what comes out then is not compared."""
    texts = [*WORDS[:20], *WORDS[:5]]
    stream = stream_of(texts, whole, services=2, outcomes=["abandoned", "abandoned"])
    del stream.stages[0].chunks[20:]
    assert told(stream) == [("outcome/abandoned", 1)]


# What is left out on purpose


def test_a_channel_that_is_left_out_whole_is_noted() -> None:
    """The call of a tool in the middle, of which nothing is handed on, is no loss; a piece of the text is."""
    stream = stream_of(WORDS, without(14, 15))
    for chunk in stream.stages[0].chunks[14:16]:
        chunk.channel = "0/tool:0"
    found = diagnose(stream)
    assert found.faults == ()
    assert "15-16 of stage0, its channel 0/tool:0, was not handed on" in found.notes[0]
    stream.stages[0].chunks[14].channel = ""
    again = TraceStream(stream.stages, stream.upstream)
    assert [(fault.kind, fault.seqs) for fault in diagnose(again).faults] == [("gap/lost", (15,))]


# A model that is asked twice


def test_the_second_of_two_equal_feeds_is_told_from_the_first() -> None:
    """Where a model is asked again and says the same, what came then is of the second answer: no edge repeats."""
    first, second = chunk_events(WORDS[:10], 0), chunk_events(WORDS, 1_000)
    sent = [
        *(chunk_event(n, WORDS[n - 1], n * 7, n * 10 + 1, n) for n in range(1, 11)),
        *(chunk_event(10 + n, WORDS[n - 1], (10 + n) * 7, 1_000 + n * 10 + 1, n) for n in range(1, 31)),
    ]
    restart = finding_event("duplicate/restarted", 11, 1_200)
    trace = trace_of(
        [
            segment("provider", first, of="first", outcome="abandoned"),
            segment("provider", second, of="second"),
            segment("emit", (*sent, restart), links=upstream("first", "second")),
        ]
    )
    assert trace is not None
    (stream,) = trace.streams
    assert [len(stream.descents[up, 2].chunks) for up in (0, 1)] == [10, 30]
    assert told(stream) == [("duplicate/restarted", 2)]
