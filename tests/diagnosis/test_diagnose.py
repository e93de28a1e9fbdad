"""A stream that one stage damages: what is said of it, where, and of which chunks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.diagnosis.faults.fault import Fault
from otel_sse.diagnosis.trace.streams import TraceStream
from tests.diagnosis.made_pipeline import (
    Stage,
    accumulated,
    changed,
    doubled,
    framed,
    lagging,
    merged,
    once_more,
    replayed,
    replying,
    restarted,
    stream_of,
    swapped,
    twice,
    whole,
    without,
)
from tests.diagnosis.made_trace import digest

TOKENS = st.lists(st.sampled_from(["ha", " ha", "the", " the", "\n", ".", " cat", "1", "12"]), min_size=2, max_size=40)
"""Tokens as a model writes them: the same ones again and again."""

PLACES = st.integers(1, 3)
"""Position of the stage at fault, of four."""

LINEAGE = pytest.mark.parametrize("lineage", [True, False], ids=["carried", "by-digest"])


def with_fault(texts: Sequence[str], fault: Stage, position: int, **how) -> TraceStream:
    stages: list[Stage] = [whole, whole, whole]
    stages[position - 1] = fault
    return stream_of(texts, *stages, **how)


def only(stream: TraceStream) -> Fault:
    """The one fault of a stream."""
    (fault,) = diagnose(stream).faults
    return fault


def digests(stream: TraceStream, position: int, but: Sequence[int] = ()) -> list[str]:
    return [chunk.digest for chunk in stream.stages[position].chunks if chunk.seq not in but]


def check_repeats(stream: TraceStream, fault: Fault, kinds: set[str], position: int) -> None:
    """A repetition is right where what is left without it is what came in, whichever of equal chunks is named."""
    assert (fault.kind in kinds, fault.position, fault.upstream) == (True, position, position - 1), fault
    assert fault.certain
    assert digests(stream, position, fault.seqs) == digests(stream, position - 1)
    own = {chunk.seq: chunk.digest for chunk in stream.stages[position].chunks}
    assert all(own[seq] == own[of] for seq, of in zip(fault.seqs, fault.of, strict=True))


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
@given(st.lists(st.sampled_from("abcdefgh"), min_size=6, max_size=40, unique=False), PLACES, st.integers(1, 3))
def test_a_second_path_that_lags_is_found(lineage: bool, texts: list[str], position: int, behind: int) -> None:
    """A B A C B C: all that is too much is named, at its stage, as a repetition."""
    stream = with_fault(texts, lagging(behind), position, lineage=lineage)
    found = diagnose(stream).faults
    assert {fault.position for fault in found} == {position}
    assert {fault.family for fault in found} == {"duplicate"}
    assert sum(fault.count for fault in found) == len(texts)


@LINEAGE
@given(TOKENS, PLACES, st.data())
def test_a_replay_is_found(lineage: bool, texts: list[str], position: int, data: st.DataObject) -> None:
    """A run that is handed on again is named whole."""
    start = data.draw(st.integers(0, len(texts) - 1))
    end = data.draw(st.integers(start + 1, len(texts)))
    stream = with_fault(texts, replayed(start, end), position, lineage=lineage)
    fault = only(stream)
    kinds = {"duplicate/replayed", "duplicate/restarted"}
    if end - start < 4 or len(set(texts[start:end])) < end - start:
        kinds.add("duplicate/doubled")
    check_repeats(stream, fault, kinds, position)
    assert fault.count == end - start


WORDS = [f" word{n}" for n in range(30)]


@LINEAGE
@pytest.mark.parametrize("position", [1, 2, 3])
def test_an_answer_that_begins_again_is_told(lineage: bool, position: int) -> None:
    """A second start is told from a replay by where it begins, and that the first was not at its end."""
    fault = only(with_fault(WORDS, restarted(12), position, lineage=lineage))
    assert (fault.kind, fault.stage, fault.seqs) == ("duplicate/restarted", f"stage{position}", tuple(range(13, 25)))
    assert fault.of == tuple(range(1, 13))
    assert "13-24 is the beginning of the answer again, 1-12 of" in fault.evidence
    assert "retry" in fault.cause


@LINEAGE
def test_a_stream_that_is_iterated_twice_is_a_replay(lineage: bool) -> None:
    """All of the answer once more, behind its end."""
    fault = only(with_fault(WORDS, twice, 2, lineage=lineage))
    assert (fault.kind, fault.position, fault.seqs) == ("duplicate/replayed", 2, tuple(range(31, 61)))
    assert "single_pass" in fault.where_to_look


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
@given(TOKENS, PLACES, st.data())
def test_chunks_out_of_order_are_found(lineage: bool, texts: list[str], position: int, data: st.DataObject) -> None:
    """Of two chunks that changed places, the one that came late is named."""
    at = data.draw(st.integers(0, len(texts) - 2))
    assume(texts[at] != texts[at + 1])
    fault = only(with_fault(texts, swapped(at), position, lineage=lineage))
    assert (fault.kind, fault.position, fault.certain) == ("reorder/moved", position, True)
    if lineage:
        assert (fault.seqs, fault.of) == ((at + 2,), (at + 1,))
    else:
        assert fault.count == 1


@LINEAGE
@given(TOKENS, PLACES, st.data())
def test_a_changed_chunk_is_found(lineage: bool, texts: list[str], position: int, data: st.DataObject) -> None:
    """A chunk with other content is named, with both digests."""
    at = data.draw(st.integers(0, len(texts) - 1))
    fault = only(with_fault(texts, changed(at, "\ufffd!"), position, lineage=lineage))
    assert (fault.kind, fault.position, fault.seqs) == ("corruption/changed", position, (at + 1,))
    assert digest(texts[at]) in fault.evidence
    assert digest("\ufffd!") in fault.evidence


@LINEAGE
def test_trimming_is_found_though_hardly_a_chunk_stays_the_same(lineage: bool) -> None:
    """A stage that strips every chunk has changed those that had white space, and no others."""
    texts = ["The", " cat", " sat", ".", " The", " dog", " ran", "."]
    fault = only(with_fault(texts, lambda items: [i._replace(text=i.text.strip()) for i in items], 1, lineage=lineage))
    assert (fault.kind, fault.seqs) == ("corruption/changed", (2, 3, 5, 6, 7))


@LINEAGE
@given(st.lists(st.sampled_from(WORDS), min_size=7, max_size=30), PLACES)
def test_the_whole_text_once_more_is_found(lineage: bool, texts: list[str], position: int) -> None:
    """A last chunk that was made from nothing and is as long as all before it."""
    fault = only(with_fault(texts, accumulated, position, lineage=lineage))
    assert (fault.kind, fault.position, fault.seqs) == ("duplicate/accumulated", position, (len(texts) + 1,))


@LINEAGE
def test_a_policys_reply_that_is_lost_is_told_from_other_losses(lineage: bool) -> None:
    """What a policy made is its right; that the stage after it lost it is that stage's fault."""
    stages = [replying("[blocked]"), lambda items: items[:-1], whole]
    stream = stream_of(WORDS, *stages, rewrites=[1], lineage=lineage)
    fault = only(stream)
    assert (fault.kind, fault.position, fault.upstream, fault.seqs) == ("gap/reply_lost", 2, 1, (16,))
    assert fault.origin == "made by stage1"


@LINEAGE
@pytest.mark.parametrize("right", [merged(3), without(1, 2, 7), changed(3, "X"), replying("no"), once_more(4)])
def test_what_a_rewriting_stage_may_do_is_no_fault(lineage: bool, right: Stage) -> None:
    """Merging, dropping, changing, replacing: reported in the matrix, and nobody is accused."""
    assert diagnose(with_fault(WORDS, right, 2, lineage=lineage, rewrites=[2])).faults == ()


@LINEAGE
def test_a_rewriting_stage_that_doubles_is_at_fault(lineage: bool) -> None:
    """Handing on each chunk twice is not rewriting."""
    fault = only(with_fault(WORDS, doubled, 2, lineage=lineage, rewrites=[2]))
    assert (fault.kind, fault.position, fault.count) == ("duplicate/doubled", 2, 30)


@LINEAGE
def test_two_faults_are_told_each_at_its_stage(lineage: bool) -> None:
    """The first stage in the order of the data comes first."""
    found = diagnose(stream_of(WORDS, without(4), whole, doubled, lineage=lineage)).faults
    assert [(fault.kind, fault.position) for fault in found] == [("gap/lost", 1), ("duplicate/doubled", 3)]


def test_the_verdict_names_stage_count_and_place() -> None:
    """One sentence that can be acted upon."""
    assert diagnose(with_fault(WORDS, without(4), 2)).verdict == (
        "process-0 stage2 lost 1 chunk, at 5; stage1 before it had them right."
    )
