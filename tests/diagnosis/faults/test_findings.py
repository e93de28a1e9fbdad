"""Detectors' findings as faults: told once, at the first stage that has them, or taken back."""

from __future__ import annotations

import pytest

from otel_sse import semconv
from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.stream.chunk import CERTAIN, COMPLETE, SUSPECTED
from tests.diagnosis.made_faults import (
    STAGES,
    WORDS,
    finding,
    only,
    told,
)
from tests.diagnosis.made_pipeline import (
    Stage,
    accumulated,
    claimed,
    restarted,
    stream_of,
    swapped,
    whole,
    without,
)
from tests.diagnosis.made_trace import digest


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


def test_findings_past_a_cap_are_not_the_fault_of_a_later_stage() -> None:
    """A stage that tells of ten of its thirty broken frames has broken the others too, and says how many."""
    kind = "protocol/double_framing"
    early = [(0, finding(kind, seq)) for seq in range(1, 11)]
    stream = stream_of(WORDS, whole, findings=[*early, *((1, finding(kind, seq)) for seq in range(1, 31))])
    stream.stages[0].attributes = {**stream.stages[0].attributes, semconv.STREAM_FINDINGS: 30}
    fault = only(stream)
    assert (fault.position, fault.certainty) == (0, CERTAIN)
    assert "20 more findings were counted and have no event" in fault.evidence


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
