"""Chunks that were handed on again: doubled, replayed, or begun anew."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse.diagnosis.diagnose import diagnose
from tests.diagnosis.made_faults import (
    LINEAGE,
    PLACES,
    TOKENS,
    WORDS,
    check_repeats,
    only,
    with_fault,
)
from tests.diagnosis.made_pipeline import (
    lagging,
    replayed,
    restarted,
    twice,
)


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
