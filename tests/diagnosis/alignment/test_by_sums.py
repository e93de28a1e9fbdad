"""Text that was cut anew, by the sums of its bytes: whole, with something added, and with something missing."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.alignment.by_sums import by_sums, is_orderly
from otel_sse.diagnosis.alignment.flow import Piece

UP = ["The", " fog", " rose", "."]


def pieces(texts: list[str]) -> list[Piece]:
    return [Piece(seq, text, len(text)) for seq, text in enumerate(texts, 1)]


def test_the_worked_example() -> None:
    """The sums are those that the module's comment shows."""
    found = by_sums(pieces(UP), pieces(["So: ", "The fog", " rose."]))
    assert found is not None
    assert tuple(found) == ({2: (1, 2), 3: (3, 4)}, [0], [], 0, 1)
    assert is_orderly(found, 3)


@pytest.mark.parametrize(
    ("down", "added"),
    [
        pytest.param(["The fog", " rose."], [], id="none"),
        pytest.param(["The fog", " rose.", "\n\n", "Sources"], [2, 3], id="behind"),
        pytest.param(["The fog", " (it is cold)", " rose."], [1], id="between"),
        pytest.param(["Oh, ", "The fog", " rose.", " Said A. B."], [0, 3], id="on both sides"),
    ],
)
def test_what_a_stage_adds_is_told_from_what_it_cut(down: list[str], added: list[int]) -> None:
    """One run of chunks, or a beginning and an end, have the bytes that are too many."""
    found = by_sums(pieces(UP), pieces(down))
    assert found is not None
    assert (found.added, found.missing) == (added, [])


def test_missing_bytes_are_believed_where_borders_fit() -> None:
    """One run of chunks upstream has the bytes that are too few; two borders at least are at the same places."""
    up = pieces([*UP, " And", " then", " it", " fell", "."])
    found = by_sums(up, pieces(["The fog", " rose.", " it fell", "."]))
    assert found is not None
    assert (found.missing, is_orderly(found, 4)) == ([4, 5], True)
    found = by_sums(up[:4], pieces(["fog.", " rose"]))
    assert found is None or not is_orderly(found, 2)


@pytest.mark.parametrize("down", [["The", " fxg", " rose", "."], ["Thefog roseandonandon"], []])
def test_other_content_is_not_cut_anew(down: list[str]) -> None:
    """A chunk that has just the place of another one and differs; sums that fit nowhere; nothing at all."""
    assert by_sums(pieces(UP), pieces(down)) is None


@pytest.mark.parametrize("size", [None, -1])
def test_sizes_that_are_not_known_give_no_sums(size: int | None) -> None:
    """A chunk whose predecessor is not in the trace has no size, and a damaged trace has lengths that shrink."""
    assert by_sums([Piece(1, "x", size), Piece(2, "y", 2)], pieces(["ab"])) is None


def test_chunks_that_changed_places_are_not_in_order() -> None:
    """The same bytes in all, and two chunks that equal one elsewhere."""
    found = by_sums(pieces(["a", "bb", "c", "dd"]), pieces(["bb", "a", "dd", "c"]))
    assert found is None or not is_orderly(found, 4)
