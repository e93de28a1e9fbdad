"""A flow by digests alone: what is the same, moved, repeated, remade, added and lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse.diagnosis.alignment.by_digest import by_digests
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Passage, Piece

TEXTS = st.lists(st.sampled_from(["a", "b", "cc"]), max_size=14)


def pieces(texts: list[str]) -> list[Piece]:
    return [Piece(seq, text, len(text)) for seq, text in enumerate(texts, 1)]


def found(up: str, down: str) -> Flow:
    """The flow between two answers, with a blank between each two chunks."""
    return by_digests(pieces(up.split()), pieces(down.split()))


def test_the_worked_example() -> None:
    """The flow is the one that the module's comment shows."""
    flow = found("a b c d e f g h", "a c b d e d e X g")
    assert flow.passages == [
        Passage(1, Fate.SAME, 1, 1),
        Passage(2, Fate.SAME, 3, 3),
        Passage(3, Fate.MOVED, 2, 2, 2),
        Passage(4, Fate.SAME, 4, 4),
        Passage(5, Fate.SAME, 5, 5),
        Passage(6, Fate.DOUBLED, 4, 4, 4),
        Passage(7, Fate.DOUBLED, 5, 5, 5),
        Passage(8, Fate.ADDED),
        Passage(9, Fate.SAME, 7, 7),
    ]
    assert (flow.lost, flow.recorded) == ([6, 8], False)


@pytest.mark.parametrize(
    ("up", "down", "passages"),
    [
        pytest.param("a b c", "a X c", [Passage(2, Fate.CHANGED, 2, 2)], id="one for one"),
        pytest.param("a bb cc d", "a XX YY d", [Passage(2, Fate.CHANGED, 2, 2), Passage(3, Fate.CHANGED, 3, 3)],
                     id="two for two"),
        pytest.param("a bb cc d", "a b bcc d", [Passage(2, Fate.REFRAMED, 2, 2), Passage(3, Fate.REFRAMED, 2, 3)],
                     id="two cut at another place"),
        pytest.param("a bb cc d", "a Note bbcc d", [Passage(2, Fate.ADDED), Passage(3, Fate.REFRAMED, 2, 3)],
                     id="merged behind what is added"),
        pytest.param("a bb cc d", "a bbcc d", [Passage(2, Fate.REFRAMED, 2, 3)], id="merged"),
        pytest.param("a bbcc d", "a bb cc d", [Passage(2, Fate.REFRAMED, 2, 2), Passage(3, Fate.REFRAMED, 2, 2)],
                     id="split"),
        pytest.param("a b c d e", "a [...] e", [Passage(2, Fate.REPLACED, 2, 4)], id="replaced"),
        pytest.param("a b", "a new b", [Passage(2, Fate.ADDED)], id="added"),
    ],
)  # fmt: skip
def test_chunks_in_a_gap_were_remade_from_those_on_its_other_side(up: str, down: str, passages: list[Passage]) -> None:
    """As many are changed, the same bytes are cut anew, fewer replace more; what has no other side is added."""
    flow = found(up, down)
    told = [passage for passage in flow.passages if passage.fate != Fate.SAME]
    assert told == passages
    assert flow.lost == []


def test_a_second_path_may_come_first() -> None:
    """The earlier of two equal chunks is the repetition where the later one is in order."""
    flow = found("a b c d", "b a b c d")
    assert flow.passages[0] == Passage(1, Fate.DOUBLED, 2, 2, 3)
    assert flow.lost == []


@given(TEXTS, TEXTS)
def test_every_chunk_is_told_once(up: list[str], down: list[str]) -> None:
    """Whatever comes: one passage a chunk, in order; what is lost is no passage's origin, and the same is equal."""
    flow = by_digests(pieces(up), pieces(down))
    assert [passage.seq for passage in flow.passages] == list(range(1, len(down) + 1))
    used = {n for passage in flow.passages for n in range(passage.first, passage.last + 1)}
    assert used.isdisjoint(flow.lost)
    assert flow.lost == sorted(set(flow.lost))
    for passage in flow.passages:
        if passage.fate in (Fate.SAME, Fate.MOVED, Fate.DOUBLED):
            assert up[passage.first - 1] == down[passage.seq - 1]
        if passage.fate == Fate.DOUBLED:
            assert down[passage.of - 1] == down[passage.seq - 1]
