"""What is no content: endings, silence, bursts, and what detectors found; told once, where it began."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse import semconv
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.faults.fault import Fault
from otel_sse.diagnosis.trace.streams import TraceStream, trace_of
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding
from tests.diagnosis.made_pipeline import (
    Item,
    Stage,
    accumulated,
    doubled,
    framed,
    once_more,
    replayed,
    restarted,
    stream_of,
    whole,
    without,
)
from tests.diagnosis.made_trace import MS, START, chunk_event, chunk_events, segment, upstream

WORDS = [f" word{n}" for n in range(30)]
STAGES: tuple[Stage, ...] = (whole, whole, whole)


def finding(kind: str, seq: int, of: int = 0, certainty: str = CERTAIN, amount: int = 1) -> Finding:
    return Finding(kind, certainty, "any", seq, of, f"{kind} seen", amount)


def told(stream: TraceStream) -> list[tuple[str, int]]:
    return [(fault.kind, fault.position) for fault in diagnose(stream).faults]


def only(stream: TraceStream) -> Fault:
    (fault,) = diagnose(stream).faults
    return fault


# Endings


@pytest.mark.parametrize(
    ("outcomes", "kind", "position"),
    [
        (["incomplete", "incomplete", "incomplete", "incomplete"], "outcome/incomplete", 0),
        (["completed", "abandoned", "failed", "failed"], "outcome/failed", 2),
        (["cancelled", "cancelled", "cancelled", "disconnected"], "outcome/disconnected", 3),
        (["cancelled", "cancelled", "cancelled", "cancelled"], "outcome/cancelled", 3),
        (["abandoned", "capped", "capped", "capped"], "outcome/capped", 1),
        (["incomplete", "completed", "completed", "completed"], "outcome/incomplete", 0),
    ],
)
def test_how_a_stream_ended_is_told_once(outcomes: list[str], kind: str, position: int) -> None:
    """A failure is told at the first stage of the data that had it, a leave at the last."""
    assert told(stream_of(WORDS, *STAGES, outcomes=outcomes)) == [(kind, position)]


@pytest.mark.parametrize("outcome", ["completed", "unparsed", ""])
def test_a_good_end_is_no_fault(outcome: str) -> None:
    """Nor is one that is not known; nor a reader that stops early and ends well."""
    assert told(stream_of(WORDS, *STAGES, outcomes=["abandoned", "completed", "completed", outcome])) == []


def test_the_models_broken_stream_is_the_models() -> None:
    """What the first stage had already is said to come from the model or before it."""
    fault = only(stream_of(WORDS, *STAGES, outcomes=["incomplete"] * 4))
    assert fault.upstream is None
    assert "the model's stream itself" in fault.origin


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


def test_a_hop_whose_other_end_is_gone_is_told_before_what_failed_after_it() -> None:
    """Where a process dies, the stage that read from it is named, not those that got less for it."""
    stream = stream_of(WORDS, *STAGES, outcomes=["cancelled", "disconnected", "disconnected", "failed"])
    stream.stages[1].name, stream.stages[2].name = "ws.send", "ws.receive"
    assert told(stream) == [("outcome/disconnected", 2)]


# Findings of detectors


def test_a_finding_is_told_once_at_the_first_stage_that_has_it() -> None:
    """Seen at three stages, it is one fault; the others are named in the evidence."""
    findings = [(at, finding("protocol/unframed", 7)) for at in (1, 2, 3)]
    fault = only(stream_of(WORDS, *STAGES, findings=findings))
    assert (fault.kind, fault.position, fault.seqs) == ("protocol/unframed", 1, (7,))
    assert fault.evidence.endswith("seen at stage2, stage3 too")


def test_a_finding_of_another_chunk_further_on_is_another_fault() -> None:
    """Where the chunk was in order at the first stage with such a finding, the second is told as well."""
    findings = [(1, finding("protocol/nested_json", 7)), (3, finding("protocol/nested_json", 20))]
    assert told(stream_of(WORDS, *STAGES, findings=findings)) == [
        ("protocol/nested_json", 1),
        ("protocol/nested_json", 3),
    ]


def test_two_rules_that_one_chunk_breaks_are_two_faults() -> None:
    """Only a strange field beside text without framing is the same."""
    findings = [
        (1, finding("protocol/unframed", 7)),
        (1, finding("protocol/unknown_field", 7, certainty=SUSPECTED)),
        (1, finding("protocol/nested_json", 7)),
        (1, finding("check/markdown", 7)),
        (1, finding("check/secret", 7)),
    ]
    kinds = [kind for kind, _ in told(stream_of(WORDS, *STAGES, findings=findings))]
    assert sorted(kinds) == ["check/markdown", "check/secret", "protocol/nested_json", "protocol/unframed"]


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


def test_a_repetition_that_passes_every_stage_is_the_models() -> None:
    """Noticed at the last stage only, but there at the first: nobody in between did it."""
    texts = [*WORDS, *WORDS[:20]]
    findings = [(3, finding("duplicate/restarted", seq, seq - 30, SUSPECTED)) for seq in range(31, 51)]
    found = diagnose(stream_of(texts, *STAGES, findings=findings))
    (fault,) = found.faults
    assert (fault.kind, fault.position, fault.certainty) == ("duplicate/restarted", 0, SUSPECTED)
    assert "it came so from the model or what lies before it" in found.verdict


def test_a_stage_that_repeats_is_not_excused_by_the_detector() -> None:
    """A restart between two stages stays at the stage that did it, wherever it was noticed."""
    stream = stream_of(WORDS, whole, restarted(20), whole)
    stream.stages[3].findings = [finding("duplicate/restarted", 21, 1, SUSPECTED)]
    assert told(stream) == [("duplicate/restarted", 2)]


def test_one_stage_alone_says_so() -> None:
    """What only one stage saw may have come so."""
    found = diagnose(stream_of(WORDS, findings=[(0, finding("duplicate/doubled", 2, 1, SUSPECTED))]))
    assert "only this stage was seen" in found.verdict
    assert diagnose(stream_of(WORDS)).verdict.startswith("In order as far as one stage can tell: 30 chunks")


def test_an_end_that_is_sent_twice_is_told_without_a_detector() -> None:
    """More ends of one kind left a stage than came to it."""
    again: Stage = lambda items: [*items, items[-1]]  # noqa: E731
    fault = only(stream_of(WORDS, framed, again, whole))
    last = len(WORDS) + 5
    assert (fault.kind, fault.position, fault.seqs, fault.of) == ("duplicate/terminal", 2, (last,), (last - 1,))


def fork(texts: list[str], *, both: bool) -> TraceStream:
    """A model's stream that a handler and an adapter read; both, or each in its turn, push to one stage."""
    seqs = list(range(1, len(texts) + 1))
    half = len(texts) // 2
    ways = {"handler": seqs, "adapter": seqs} if both else {"handler": seqs[:half], "adapter": seqs[half:]}
    spans = [segment("provider", chunk_events(texts, 0))]
    emitted = []
    for at_ms, (name, taken) in enumerate(ways.items(), 1):
        events = chunk_events([texts[seq - 1] for seq in taken], at_ms, taken)
        spans.append(segment(name, events, links=upstream("provider"), source=name))
        emitted += [(texts[seq - 1], n, name, seq * 10 + at_ms) for n, seq in enumerate(taken, 1)]
    emitted.sort(key=lambda each: each[3])
    pushed = [
        chunk_event(n, text, n * 6, 5.0 + at_ms, origin, source=name)
        for n, (text, origin, name, at_ms) in enumerate(emitted, 1)
    ]
    trace = trace_of([*spans, segment("emit", pushed, links=upstream(*ways))])
    assert trace is not None
    return trace.streams[0]


def test_two_paths_that_push_each_chunk_are_named() -> None:
    """No edge shows it: each path handed on what it got. Where they meet is at fault, and both are named."""
    stream = fork(WORDS, both=True)
    assert [stage.name for stage in stream.stages] == ["provider", "handler", "adapter", "emit"]
    fault = only(stream)
    assert (fault.kind, fault.stage, fault.count) == ("duplicate/doubled", "emit", 30)
    assert (fault.seqs[:2], fault.of[:2]) == ((2, 4), (1, 3))
    assert fault.origin == "emitted by handler (handler) and by adapter (adapter)"


def test_two_paths_that_share_the_work_are_no_fault() -> None:
    """What came on one way only came once; what one path leaves to the other is not lost."""
    assert [fault.kind for fault in diagnose(fork(WORDS, both=False)).faults] == []


# Time


def timed(*times_ms: list[float], **says: Any) -> TraceStream:
    """Stages of one process that the same chunks crossed at these times."""
    stream = stream_of(WORDS[: len(times_ms[0])], *[whole] * (len(times_ms) - 1), **says)
    for stage, times in zip(stream.stages, times_ms, strict=True):
        for chunk, time_ms in zip(stage.chunks, times, strict=True):
            chunk.time_ns = START + round(time_ms * MS)
    return stream


EVENLY = [n * 40.0 for n in range(30)]


def later(times: list[float], by_ms: float = 1) -> list[float]:
    return [time + by_ms for time in times]


def test_chunks_that_come_in_one_burst_are_coalesced() -> None:
    """The edge between the stage that had them evenly and the one that had them at once is named."""
    burst = [1_200 + n * 0.1 for n in range(30)]
    fault = only(timed(EVENLY, later(EVENLY), burst, later(burst)))
    assert (fault.kind, fault.position, fault.upstream, fault.count) == ("coalescing/burst", 2, 1, 30)
    assert "30 of 30 chunks, which left stage1 over 1.160 s, came in one burst of 0.003 s" in fault.evidence


def test_a_pause_within_a_burst_does_not_hide_it() -> None:
    """A busy machine stops for a moment while the buffer is flushed; it is still a tenth of the time it came in."""
    burst = [1_200 + n * 0.1 + 80 * (n >= 15) for n in range(30)]
    fault = only(timed(EVENLY, later(EVENLY), burst, later(burst)))
    assert (fault.kind, fault.position, fault.certainty, fault.count) == ("coalescing/burst", 2, CERTAIN, 30)


def test_a_buffer_that_gathers_ten_at_a_time_is_suspected() -> None:
    """Several long bursts are what a buffer makes, and what a busy event loop may make."""
    slowly = [n * 150.0 for n in range(30)]
    bursts = [(n // 10 + 1) * 1_500 + n % 10 * 0.1 for n in range(30)]
    fault = only(timed(slowly, bursts))
    assert (fault.kind, fault.position, fault.certainty) == ("coalescing/burst", 1, SUSPECTED)
    assert "over 4.050 s, came in 3 bursts, together of 0.003 s" in fault.evidence


def test_a_busy_reader_is_no_buffer() -> None:
    """An event loop that comes to its sockets only every 200 ms reads in bursts, and gathers nothing."""
    assert told(timed(EVENLY, [(n // 5 + 1) * 200 + n % 5 * 0.1 for n in range(30)])) == []


def test_one_hiccup_is_no_buffer() -> None:
    """An event loop that sleeps once gathers some chunks, and not most."""
    hiccup = [max(time, 600.0 + n * 0.1) if 5 <= n < 15 else time for n, time in enumerate(EVENLY)]
    assert told(timed(EVENLY, hiccup)) == []


def test_a_model_that_sends_all_at_once_is_no_fault() -> None:
    """Nothing was gathered where nothing had been apart."""
    burst = [n * 0.1 for n in range(30)]
    assert told(timed(burst, later(burst), later(burst, 2))) == []


def test_a_stage_that_may_rewrite_may_gather() -> None:
    """A policy that waits for the end of a sentence is not accused of it."""
    burst = [1_200 + n * 0.1 for n in range(30)]
    assert told(timed(EVENLY, burst, rewrites=[1])) == []


def stalled(at: int, by_ms: float) -> list[float]:
    return [time + (by_ms if n >= at else 0) for n, time in enumerate(EVENLY)]


def test_silence_that_the_model_kept_is_the_models() -> None:
    """Reported at three stages, it is told once, at the first that was silent."""
    times = stalled(10, 20_000)
    findings = [(at, finding("stall/content", 11)) for at in (0, 1, 2)]
    fault = only(timed(times, later(times), later(times, 2), findings=findings))
    assert (fault.kind, fault.position, fault.upstream, fault.seqs) == ("stall/content", 0, None, (11,))
    assert "the model, or what lies before it, was silent itself" in fault.origin


@pytest.mark.parametrize(
    ("heartbeats", "told_by"),
    [((0, 2, 5), "stage2"), ((0, 5, 2), "stage1"), ((3, 0, 3), "stage0"), ((0, 0, 0), "stage0")],
)
def test_a_silence_is_told_by_the_stage_that_most_heartbeats_passed(
    heartbeats: tuple[int, int, int], told_by: str
) -> None:
    """It says more of the silence than the others; where none says a number, as in old traces, the first tells."""
    times = stalled(10, 20_000)
    findings = [(n, Finding("stall/content", CERTAIN, "any", 11, heartbeats=many)) for n, many in enumerate(heartbeats)]
    fault = only(timed(times, later(times), later(times, 2), findings=findings))
    assert (fault.position, fault.seqs) == (0, (11,))
    assert fault.evidence.endswith(f"at 11 of {told_by}")


def test_silence_that_a_stage_made_is_its_own() -> None:
    """The stage before had the chunk in time."""
    times = stalled(10, 20_000)
    fault = only(timed(EVENLY, later(EVENLY), times, findings=[(2, finding("stall/content", 11))]))
    assert (fault.kind, fault.position, fault.upstream) == ("stall/content", 2, 1)
    assert fault.origin == "stage1 was not silent before it: the chunk waited between the two"


def test_a_stage_that_is_not_asked_is_not_the_silent_one() -> None:
    """A reader that is busy with a chunk asks for no other; the stage before is silent because of it."""
    pulled = stalled(10, 20_000)
    reader = [*pulled[:9], pulled[9] + 20_000, *later(pulled)[10:]]
    findings = [(0, finding("stall/content", 11)), (1, finding("stall/content", 10))]
    fault = only(timed(pulled, reader, findings=findings))
    assert (fault.kind, fault.position, fault.upstream, fault.seqs) == ("stall/content", 1, 0, (10,))


@pytest.mark.parametrize(
    ("waits", "position", "origin"),
    [
        ((6.0, 6.0, 6.0), 0, "stage0 is the first stage seen: the model, or what lies before it, was late itself"),
        ((0.1, 0.2, 6.0), 2, "stage1 had its first chunk in time: it waited between the two"),
    ],
)
def test_a_late_first_byte_is_the_stages_that_was_late(waits: tuple[float, ...], position: int, origin: str) -> None:
    """The wait is told at the first stage that had most of it."""
    last = later(EVENLY, 6_000)
    stream = timed(EVENLY, later(EVENLY), last if waits[1] < 1 else later(EVENLY, 2))
    for stage, wait_s in zip(stream.stages, waits, strict=True):
        stage.attributes = {**stage.attributes, semconv.STREAM_TTFE: wait_s}
        stage.findings = [finding("stall/first_byte", 1)] if wait_s > 5 else []
    found = [fault for fault in diagnose(stream).faults if fault.kind == "stall/first_byte"]
    assert [(fault.position, fault.origin) for fault in found] == [(position, origin)]


def test_time_spent_before_the_model_was_asked_is_told() -> None:
    """The model answered at once, and the answer left at once: the request waited before."""
    stream = timed(EVENLY, later(EVENLY))
    for stage, wait_s in zip(stream.stages, (0.1, 6.0), strict=True):
        stage.attributes = {**stage.attributes, semconv.STREAM_TTFE: wait_s}
    stream.stages[1].findings = [finding("stall/first_byte", 1)]
    assert only(stream).origin == "spent before stage0 was asked"


def test_chunks_that_an_edge_holds_back_are_told_without_a_detector() -> None:
    """Longer than any first byte may take, compared with the edge's quickest chunk, so that clocks do not matter."""
    held = [time + (17_000 if n >= 10 else 0) - 3_600_000 for n, time in enumerate(EVENLY)]
    fault = only(timed(EVENLY, held))
    assert (fault.kind, fault.position, fault.seqs) == ("stall/delayed", 1, tuple(range(11, 31)))
    assert "20 chunks took up to 17.000 s longer from stage0 than the quickest" in fault.evidence


def test_a_slow_client_is_suspected_and_not_the_stage() -> None:
    """Where the last stage waited for its reader, everything before it was held back by that."""
    held = stalled(10, 17_000)
    stream = timed(EVENLY, held)
    stream.stages[1].attributes = {**stream.stages[1].attributes, semconv.STREAM_SEND_TIME: 17.0}
    fault = only(stream)
    assert fault.certainty == SUSPECTED
    assert "slow client" in fault.origin


# What can't be told


def test_a_stage_that_is_missing_makes_everything_a_suspicion() -> None:
    """What happened in a process whose spans are not there may have been allowed there."""
    spans = [
        segment("provider", chunk_events(WORDS, 0)),
        segment("emit", chunk_events([w for w in WORDS for _ in "ab"], 50), links=upstream("elsewhere")),
    ]
    trace = trace_of(spans)
    assert trace is not None
    (stream,) = trace.streams
    found = diagnose(stream)
    assert [(fault.kind, fault.certainty) for fault in found.faults] == [("duplicate/doubled", SUSPECTED)]
    assert "emit: the stage that its chunks came from is not in the trace" in found.notes


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


def test_content_that_a_stage_frames_in_its_own_way_is_not_lost() -> None:
    """Where no content can be read behind a stage, but as many other chunks came, nothing can be compared."""
    own: Stage = lambda items: [Item(f"<{item.text}>", 0, "control", item.at_ms) for item in items]  # noqa: E731
    found = diagnose(stream_of(WORDS, own, lineage=False))
    assert found.faults == ()
    assert "content_of" in found.notes[0]


def test_a_beginning_that_is_left_out_whole_is_noted() -> None:
    """A model's reasoning that an application does not hand on is no loss."""
    found = diagnose(stream_of(WORDS, without(*range(12)), whole))
    assert found.faults == ()
    assert "1-12 of stage0, its beginning, was not handed on" in found.notes[0]
    assert only(stream_of(WORDS, without(*range(7)), whole)).kind == "gap/lost"


def agent(second: str) -> TraceStream:
    """An answer whose end (the arguments of a call) is not handed on, and what came after it from another stage."""
    spans = [
        segment("provider", chunk_events(WORDS, 0), of="first"),
        segment(second, chunk_events(["and", " more"], 1_000), of="second"),
        segment(
            "emit",
            (
                *chunk_events(WORDS[:25], 1, list(range(1, 26))),
                chunk_event(26, "and", 200, 1_001, 1, source="again"),
                chunk_event(27, " more", 210, 1_011, 2, source="again"),
            ),
            links=upstream("first", "second"),
        ),
    ]
    spans[1] = segment(second, spans[1].events, of="second", source="again")
    trace = trace_of(spans)
    assert trace is not None
    return trace.streams[0]


def test_an_end_that_is_left_out_before_a_model_is_asked_again_is_noted() -> None:
    """The arguments of a tool's call are not for the reader; what comes after them is."""
    found = diagnose(agent("provider"))
    assert found.faults == ()
    assert "26-30 of provider, its end, was not handed on" in found.notes[0]
    assert [fault.kind for fault in diagnose(agent("cache")).faults] == ["gap/lost"]


def test_content_that_came_out_as_a_comment_is_told() -> None:
    """A piece of text that begins with a colon and was not framed is a comment for every reader."""
    colon: Stage = lambda items: [  # noqa: E731
        item._replace(text="comment", kind="comment", origin=0) if n == 7 else item for n, item in enumerate(items)
    ]
    fault = only(stream_of(WORDS, colon, lineage=False))
    assert (fault.kind, fault.seqs) == ("gap/colon_content", (8,))


def test_two_paths_that_emit_one_chunk_are_named() -> None:
    """The sources of both are in what is said of it."""
    stream = stream_of(WORDS, doubled)
    for chunk in stream.stages[1].chunks:
        chunk.source = "handler" if chunk.seq % 2 else "ui-adapter"
    assert only(stream).origin == "emitted by handler and by ui-adapter"


def test_channel_that_is_left_out_whole_is_noted() -> None:
    """An application that shows no reasoning, wherever it comes, has lost nothing; a piece of what it shows is lost."""
    texts = ["The", " cat", "hm", " sat", "hm hm", " on", " the", " mat"]
    stream = stream_of(texts, without(2, 4, 6))
    for chunk in stream.stages[0].chunks:
        chunk.channel = "0/reasoning" if chunk.seq in (3, 5) else ""
    said = diagnose(stream)
    assert [(fault.kind, fault.seqs) for fault in said.faults] == [("gap/lost", (7,))]
    assert "channel 0/reasoning, was not handed on: meant to be left out?" in said.notes[0]


@pytest.mark.parametrize(("channel", "kinds"), [("0/tool:0", []), ("0", ["corruption/replaced"])])
def test_a_status_in_the_place_of_a_tools_call_is_no_replacement(channel: str, kinds: list[str]) -> None:
    """What is not shown may be spoken of; what is put in the place of the answer's own text replaces it."""
    texts = ["I", " will", " look", "{", "}", "It", " rains"]
    shown: Stage = lambda items: [*items[:3], Item("[looking]", 4), *items[5:]]  # noqa: E731
    stream = stream_of(texts, shown)
    for chunk in stream.stages[0].chunks:
        chunk.channel = channel if chunk.seq in (4, 5) else "0"
    stream.stages[1].chunks[3].upstream_last = 5
    assert [fault.kind for fault in diagnose(stream).faults] == kinds


def test_a_short_answer_that_is_sent_whole_once_more_is_suspected() -> None:
    """So short a chunk may be as long as all before it by chance."""
    fault = only(stream_of(["Yes", ", ", "sir"], accumulated))
    assert (fault.kind, fault.certainty, fault.seqs) == ("duplicate/accumulated", SUSPECTED, (4,))
    assert told(stream_of(["Yes", ", ", "sir"], lambda items: [*items, Item("[1]", 0)])) == []


def test_findings_past_a_cap_are_not_the_fault_of_a_later_stage() -> None:
    """A stage that tells of ten of its thirty broken frames has broken the others too, and says how many."""
    kind = "protocol/double_framing"
    early = [(0, finding(kind, seq)) for seq in range(1, 11)]
    stream = stream_of(WORDS, whole, findings=[*early, *((1, finding(kind, seq)) for seq in range(1, 31))])
    stream.stages[0].attributes = {**stream.stages[0].attributes, semconv.STREAM_FINDINGS: 30}
    fault = only(stream)
    assert (fault.position, fault.certainty) == (0, CERTAIN)
    assert "20 more findings were counted and have no event" in fault.evidence
