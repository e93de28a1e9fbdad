"""Both sides of a stretch, matched: what was moved, copied, lost or added."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.lineage.matching import Matching
from otel_sse.lineage.shares import Shares
from otel_sse.stream.chunk import Chunk
from tests.lineage.made_edges import Side


def _matched(up: str, down: str) -> tuple[Matching, list[Chunk]]:
    """Match sides of one letter a chunk; each chunk downstream names the latest equal one."""
    above, below = Side(), Side()
    ups, downs = [above.chunk(each) for each in up], [below.chunk(each) for each in down]
    return Matching((), ups, downs, Shares()), downs


def _seqs(pairs: list[tuple[Chunk, Chunk]]) -> list[tuple[int, int]]:
    return [(one.seq, other.seq) for one, other in pairs]


def test_worked_example() -> None:
    """What the comment in the class says of ten chunks is so."""
    found, _ = _matched("abcdefgh", "aebbcdegfh")
    assert [(up.digest, one.seq, before.seq) for up, one, before in found.moved] == [("f", 9, 8)]
    assert (_seqs(found.twins), found.copies) == ([(4, 3)], [])
    assert (found.added, found.has_foreign, found.missing(10)) == ([2], False, [])


@pytest.mark.parametrize(("size", "copies"), [(limits.LAGGED_TWINS, True), (limits.LAGGED_TWINS - 1, False)])
def test_run_of_copies_is_sure(size: int, copies: bool) -> None:
    """LAGGED_TWINS chunks whose originals follow one another are copies; one fewer may be the stage's own."""
    found, _ = _matched("abcdefgh", f"abcd{'abcd'[:size]}efgh")
    assert [one for one, _ in _seqs(found.copies)] == (list(range(5, 5 + size)) if copies else [])


@pytest.mark.parametrize(("size", "copies"), [(limits.COPIED_RUN, True), (limits.COPIED_RUN - 1, False)])
def test_long_run_is_sure_beside_foreign_chunks(size: int, copies: bool) -> None:
    """COPIED_RUN copies are no chance although the stage has words of its own; one fewer may be."""
    found, _ = _matched("abcdefghijkl", f"abcdefghij?{'abcdefghij'[:size]}kl")
    assert found.has_foreign
    assert len(found.copies) == (size if copies else 0)


def test_missing_names_what_came_instead() -> None:
    """A chunk that did not go on is missing before the next one that did; the last one before the end."""
    found, _ = _matched("abcde", "acd")
    assert [(up.digest, instead) for up, instead in found.missing(3)] == [("b", 2), ("e", 3)]
