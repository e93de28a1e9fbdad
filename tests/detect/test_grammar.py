"""Breaks of a dialect's grammar: each is told once, with how often it came."""

from __future__ import annotations

import pytest

from otel_sse.detect.grammar import GrammarDetector
from otel_sse.limits import MAX_GRAMMAR_BREAKS


def test_each_break_is_told_once_with_its_number() -> None:
    """The finding is about the first chunk that broke it, and counts the rest."""
    detector = GrammarDetector("emit")
    for seq, how in ((3, "a"), (4, "b"), (5, "a"), (9, "a")):
        detector.broken(seq, how)
    told = [(one.kind, one.certainty, one.seq, one.amount, one.evidence) for one in detector.close()]
    assert told == [
        ("protocol/grammar", "certain", 3, 3, "a, first at 3"),
        ("protocol/grammar", "certain", 4, 1, "b, first at 4"),
    ]
    assert detector.close() == []


@pytest.mark.parametrize("count", [MAX_GRAMMAR_BREAKS, MAX_GRAMMAR_BREAKS + 1])
def test_so_many_breaks_are_told(count: int) -> None:
    """At the cap each is told, one past it the last is not; those that are known are counted on."""
    detector = GrammarDetector("emit")
    for number in range(count):
        detector.broken(number + 1, f"break {number}")
    detector.broken(99, "break 0")
    found = detector.close()
    assert len(found) == MAX_GRAMMAR_BREAKS
    assert found[0].amount == 2
