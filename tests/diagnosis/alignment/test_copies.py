"""Chunks that came again, and chunks of a stage's own that equal one by chance."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.alignment.by_digest import by_digests
from otel_sse.diagnosis.alignment.copies import told_apart
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Piece

UP = "The fog and the bell . It rang and so we left at once , then slept"


def pieces(texts: list[str]) -> list[Piece]:
    return [Piece(seq, text, len(text)) for seq, text in enumerate(texts, 1)]


def found(up: str, down: str) -> Flow:
    before = pieces(up.split())
    flow = by_digests(before, pieces(down.split()))
    return told_apart(flow, [piece.seq for piece in before], {piece.seq: piece.digest for piece in before})


def numbers(flow: Flow, fate: Fate) -> list[int]:
    return [passage.seq for passage in flow.passages if passage.fate == fate]


def test_the_worked_example() -> None:
    """The flow is the one that the module's comment shows."""
    flow = found("The fog and the bell .", "Note: the bell . The fog fog and the bell .")
    assert numbers(flow, Fate.ADDED) == [1, 2, 3, 4]
    assert numbers(flow, Fate.DOUBLED) == [7]
    assert flow.unsure == {7}


@pytest.mark.parametrize(
    ("down", "again", "unsure"),
    [
        pytest.param(f"and {UP}", [], [], id="a word before"),
        pytest.param(f"{UP} and bell", [], [], id="two words behind"),
        pytest.param(UP.replace("bell", "bell bell"), [6], [], id="a copy behind its original"),
        pytest.param(f"Hear this: {UP}".replace("bell", "bell bell"), [8], [8], id="a copy beside own text"),
        pytest.param(UP.replace("and the bell", "and the and the bell"), [5, 6], [], id="a run behind itself"),
        pytest.param(f"{UP} fog and the bell", [18, 19, 20, 21], [], id="a run at a distance"),
        pytest.param(f"{UP} Note: fog and the bell", [], [], id="a run among own words"),
        pytest.param(f"{UP} Note: {UP}", list(range(19, 36)), list(range(19, 36)), id="all of it among own words"),
        pytest.param("a b X a c Y b d Z c e e f", [], [], id="words of another answer between"),
    ],
)
def test_a_copy_is_told_from_a_word_of_the_stages_own(down: str, again: list[int], unsure: list[int]) -> None:
    """A copy follows its original, or its neighbours are copies too; beside own text it is unsure."""
    flow = found("a b c d e f" if "X" in down else UP, down)
    assert numbers(flow, Fate.DOUBLED) == again
    assert flow.unsure == frozenset(unsure)


def test_each_chunk_again_is_a_copy_wherever_it_stands() -> None:
    """A second path that lags, and words that are all alike, are no words of a stage's own."""
    words = UP.split()
    lagging = [words[0], *(word for pair in zip(words[1:], words, strict=False) for word in pair), words[-1]]
    assert len(numbers(found(UP, " ".join(lagging)), Fate.DOUBLED)) == len(words)
    assert len(numbers(found("a a a b", "a a a a a a b b"), Fate.DOUBLED)) == 4
