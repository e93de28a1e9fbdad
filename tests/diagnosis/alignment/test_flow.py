"""How much damage a flow has, and what a piece of content is."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Passage, Piece, pieces_of
from tests.diagnosis.made_trace import chunks_made, digest


@pytest.mark.parametrize(
    ("passages", "lost", "damage"),
    [
        pytest.param([Passage(1, Fate.SAME, 1, 1), Passage(2, Fate.SAME, 2, 2)], [], 0, id="in order"),
        pytest.param([Passage(1, Fate.REFRAMED, 1, 2), Passage(2, Fate.REFRAMED, 2, 3)], [], 0, id="cut anew"),
        pytest.param([Passage(1, Fate.SAME, 1, 1), Passage(2, Fate.DOUBLED, 1, 1, 1)], [2, 3], 3, id="doubled, lost"),
        pytest.param([Passage(1, Fate.ADDED), Passage(2, Fate.MOVED, 2, 2, 1)], [], 2, id="added, moved"),
        pytest.param([Passage(1, Fate.REPLACED, 1, 4)], [], 5, id="one in the place of four"),
        pytest.param([Passage(1, Fate.REPLACED, 1, 4), Passage(2, Fate.REPLACED, 1, 4)], [], 6, id="two for four"),
    ],
)
def test_damage_counts_what_is_not_as_it_was(passages: list[Passage], lost: list[int], damage: int) -> None:
    """Lost, repeated, moved, changed and added chunks count one; a replacement counts what it stands for as well."""
    assert Flow(passages, lost, recorded=False).damage == damage


def test_pieces_have_the_sizes_that_are_known() -> None:
    """A chunk whose bytes nobody knows is a piece without a size."""
    first, second = chunks_made(["ab", "c"])
    assert pieces_of([first, second], {1: 2}) == [Piece(1, digest("ab"), 2), Piece(2, digest("c"), None)]
