"""A flow by ranges: what lineage, or the bytes of both sides, make of each chunk."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.alignment.by_range import by_ranges, cut_anew, is_cut_anew
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Passage, Piece
from otel_sse.diagnosis.alignment.ranges import Ranges

UP = ["aa", "bbb", "c", "dd"]


def pieces(texts: list[str]) -> list[Piece]:
    return [Piece(seq, text, len(text)) for seq, text in enumerate(texts, 1)]


@pytest.mark.parametrize(
    ("down", "ranges", "fates", "lost"),
    [
        pytest.param(UP, {n: (n, n) for n in range(1, 5)}, ["same"] * 4, [], id="same"),
        pytest.param(["aa", "XX", "c"], {n: (n, n) for n in (1, 2, 3)}, ["same", "changed", "same"], [4], id="changed"),
        pytest.param(["aabbb", "cdd"], {1: (1, 2), 2: (3, 4)}, ["reframed"] * 2, [], id="merged"),
        pytest.param(["aa", "b", "bb"], {1: (1, 1), 2: (2, 2), 3: (2, 2)}, ["same", "reframed", "reframed"], [3, 4],
                     id="split"),
        pytest.param(["aa", "no"], {1: (1, 1), 2: (2, 4)}, ["same", "replaced"], [], id="replaced"),
        pytest.param(["aa", "aa"], {1: (1, 1), 2: (1, 1)}, ["same", "doubled"], [2, 3, 4], id="doubled"),
        pytest.param(["aa", "new"], {1: (1, 1), 2: (1, 1)}, ["same", "added"], [2, 3, 4], id="added behind one"),
        pytest.param(["c", "aa"], {1: (3, 3), 2: (1, 1)}, ["same", "moved"], [2, 4], id="moved"),
        pytest.param(["aa"], {1: (7, 9)}, ["added"], [1, 2, 3, 4], id="numbers that nobody has"),
    ],
)  # fmt: skip
def test_each_chunk_is_what_its_range_makes_of_it(
    down: list[str], ranges: Ranges, fates: list[str], lost: list[int]
) -> None:
    """Digests and bytes say what became of the chunks that the range names."""
    found = by_ranges(pieces(UP), pieces(down), ranges, recorded=True)
    assert ([passage.fate for passage in found.passages], found.lost) == (fates, lost)
    assert found.recorded


def test_a_moved_chunk_names_the_one_that_came_too_early() -> None:
    """So that the evidence can name both."""
    found = by_ranges(pieces(UP), pieces(["aa", "c", "bbb"]), {1: (1, 1), 2: (3, 3), 3: (2, 2)}, recorded=True)
    assert found.passages[2] == Passage(3, Fate.MOVED, 2, 2, 2)


def test_bytes_tell_whose_they_were() -> None:
    """Each piece was made from the pieces that its bytes were in; () where there are more or fewer."""
    assert cut_anew(pieces(UP), pieces(["a", "abb", "bcdd"])) == {1: (1, 1), 2: (1, 2), 3: (2, 4)}
    assert cut_anew(pieces(UP), pieces(["aabbbcd"])) == {}
    assert cut_anew([], []) == {}


@pytest.mark.parametrize("sizes", [(None, 2), (-2, 4)])
def test_bytes_that_are_not_known_tell_nothing(sizes: tuple[int | None, int]) -> None:
    """Where a chunk is missing in the trace, and where a damaged trace has lengths that shrink."""
    assert cut_anew([Piece(n, "x", size) for n, size in enumerate(sizes, 1)], [Piece(1, "y", 2)]) == {}


@pytest.mark.parametrize(
    ("parents", "children", "anew"),
    [
        (["ab", "c"], ["a", "bc"], True),
        (["ab", "c"], ["abX"], True),
        (["ab", "c"], ["c", "ab"], False),
        (["ab"], ["a"], False),
    ],
)
def test_chunks_that_changed_places_are_not_cut_anew(parents: list[str], children: list[str], anew: bool) -> None:
    """As many bytes are the same bytes, unless the chunks themselves come back."""
    assert is_cut_anew(pieces(parents), pieces(children)) is anew
