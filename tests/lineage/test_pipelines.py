"""Lineage over made-up stages, each of which knows the truth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import limits
from tests.lineage.made_chunks import (
    Stage,
    annotated,
    doubled,
    lagging,
    merged,
    rewritten,
    run,
    split,
    swapped,
    whole,
    without,
)

REPEATING = st.lists(st.sampled_from(["ha", " ha", "the", "\n", ".", "cat"]), max_size=60)
"""Tokens as a model writes them: the same ones again and again."""

DISTINCT = st.lists(st.text("abcdefgh", min_size=2, max_size=5), max_size=60, unique=True)
"""Tokens of which no two are equal, so that there is but one truth."""

EVERY = st.integers(2, 5)


def wrong(tokens: list[str], stage: Stage, *, rewrites: bool = False) -> list[object]:
    """What lineage said otherwise than it was."""
    return [(piece, said) for piece, said in run(tokens, stage, rewrites=rewrites) if said != (piece.first, piece.last)]


@pytest.mark.parametrize("rewrites", [False, True])
@given(tokens=REPEATING)
def test_one_to_one_is_exact(tokens: list[str], rewrites: bool) -> None:
    """Where a stage hands on every chunk, each names the one it was, however often tokens repeat."""
    assert wrong(tokens, whole, rewrites=rewrites) == []


@pytest.mark.parametrize("rewrites", [False, True])
@given(tokens=REPEATING, every=EVERY)
def test_chunk_handed_on_twice_names_the_same_one_twice(tokens: list[str], every: int, rewrites: bool) -> None:
    """A double emission is exact, also where its neighbours are equal tokens."""
    assert wrong(tokens, doubled(every), rewrites=rewrites) == []


@given(tokens=DISTINCT, behind=st.integers(1, limits.MAX_RECENT_CROSSINGS - 1))
def test_second_path_that_lags_names_what_it_repeats(tokens: list[str], behind: int) -> None:
    """A B A C B C: each repeat names the chunk it repeats, up to MAX_RECENT_CROSSINGS back."""
    assert wrong(tokens, lagging(behind)) == []


@given(tokens=REPEATING, behind=st.integers(1, limits.MAX_RECENT_CROSSINGS - 1))
def test_repeat_names_an_equal_chunk(tokens: list[str], behind: int) -> None:
    """Where tokens repeat, a repeat names a chunk that it may be: one of the same text, not older than the true one."""
    for piece, (first, last) in run(tokens, lagging(behind)):
        assert first == last >= piece.first
        assert tokens[first - 1] == piece.text


@given(tokens=DISTINCT, every=EVERY)
def test_chunks_left_out_leave_the_others_exact(tokens: list[str], every: int) -> None:
    """Where a stage drops chunks, those that it hands on still name the ones they are."""
    assert wrong(tokens, without(every)) == []


@given(tokens=REPEATING, every=EVERY)
def test_chunks_left_out_among_equal_ones(tokens: list[str], every: int) -> None:
    """Which of two equal neighbours was dropped can't be told; what is claimed is equal, in order, and never later."""
    before = 0
    for piece, (first, last) in run(tokens, without(every)):
        assert before < first == last <= piece.first
        assert tokens[first - 1] == piece.text
        before = first


@given(tokens=DISTINCT)
def test_swapped_neighbours_are_exact(tokens: list[str]) -> None:
    """Where a stage hands chunks on in another order, each still names the one it is."""
    assert wrong(tokens, swapped) == []


@given(tokens=REPEATING, count=EVERY)
def test_merged_chunks_name_their_range(tokens: list[str], count: int) -> None:
    """A chunk made of several names the first and the last of them."""
    assert wrong(tokens, merged(count), rewrites=True) == []


@given(tokens=REPEATING)
def test_pieces_name_what_they_were_cut_from(tokens: list[str]) -> None:
    """Where a stage splits, all pieces name the one chunk they were part of."""
    assert wrong(tokens, split, rewrites=True) == []


@given(tokens=REPEATING)
def test_rewritten_chunks_name_what_they_were_made_of(tokens: list[str]) -> None:
    """A chunk with other content names the one it replaces."""
    assert wrong(tokens, rewritten, rewrites=True) == []


@given(tokens=REPEATING, every=EVERY)
def test_added_chunks_leave_the_others_exact(tokens: list[str], every: int) -> None:
    """A chunk that a stage adds names what was handed on last; the others are exact."""
    assert wrong(tokens, annotated(every), rewrites=True) == []


@pytest.mark.parametrize("made", [whole, without(3), merged(2), split, rewritten, annotated(2)])
@given(tokens=REPEATING)
def test_claims_never_go_back(made: Stage, tokens: list[str]) -> None:
    """Where nothing is repeated, no chunk names an earlier one than the chunk before it did."""
    ranges = [said for _, said in run(tokens, made, rewrites=True)]
    assert ranges == sorted(ranges)


@given(tokens=REPEATING, stages=st.lists(st.sampled_from([whole, doubled(3), split, rewritten, merged(2)]), max_size=3))
def test_every_chunk_has_a_range_that_exists(tokens: list[str], stages: list[Stage]) -> None:
    """Through any chain, what a chunk of the last stage names are chunks that were pulled."""

    def chain(pieces):
        for stage in stages:
            pieces = stage(pieces)
        return pieces

    for _, (first, last) in run(tokens, chain, rewrites=True):
        assert 1 <= first <= last <= len(tokens)
