"""Answers and their parts begin once."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.detect.opening import OpeningDetector
from otel_sse.stream.chunk import CERTAIN, SUSPECTED


def test_first_answer_is_no_finding() -> None:
    """Each answer begins, and its parts do."""
    detector = OpeningDetector("emit")
    assert detector.answer(1, "a", 0) is None
    assert detector.part(2, "0", 0) is None
    assert detector.part(9, "1", 40) is None


def test_another_answer_is_suspected_and_counts_no_chunk() -> None:
    """An agent may have started again, or may stream several answers: nobody knows that any text came twice."""
    detector = OpeningDetector("emit")
    detector.answer(1, "a", 0)
    found = detector.answer(40, "b", 300)
    assert found is not None
    assert (found.kind, found.certainty, found.seq, found.of, found.amount) == (
        "duplicate/restarted", SUSPECTED, 40, 1, 0,
    )  # fmt: skip
    assert found.evidence == "an answer began at 1, and another one begins"


@pytest.mark.parametrize(("content", "kind"), [(0, "duplicate/doubled"), (300, "duplicate/restarted")])
def test_same_answer_again_is_certain(content: int, kind: str) -> None:
    """The same identity is doubled where nothing was said in between, and begun again where something was."""
    detector = OpeningDetector("emit")
    detector.answer(1, "a", 0)
    found = detector.answer(2, "a", content)
    assert found is not None
    assert (found.kind, found.certainty, found.of, found.amount) == (kind, CERTAIN, 1, 1)


@pytest.mark.parametrize(("content", "kind"), [(10, "duplicate/doubled"), (300, "duplicate/restarted")])
def test_part_that_begins_again_is_certain(content: int, kind: str) -> None:
    """A content block has one beginning in an answer."""
    detector = OpeningDetector("emit")
    detector.answer(1, "a", 0)
    detector.part(2, "0", 10)
    found = detector.part(3, "0", content)
    assert found is not None
    assert (found.kind, found.certainty, found.of) == (kind, CERTAIN, 2)
    assert found.evidence == "part 0 at 2 and again at 3"


def test_parts_of_the_next_answer_may_have_the_same_names() -> None:
    """Behind another answer's beginning, or behind an answer's end, a block 0 begins."""
    detector = OpeningDetector("emit")
    detector.answer(1, "a", 0)
    detector.part(2, "0", 0)
    detector.answer(10, "b", 50)
    assert detector.part(11, "0", 50) is None
    detector.ended()
    assert detector.part(20, "0", 90) is None


def test_answers_that_take_turns_are_told_once_each() -> None:
    """Two answers whose events alternate give one finding for the second, and not one for each event."""
    detector = OpeningDetector("emit")
    found = [detector.answer(seq, "ab"[seq % 2], seq) for seq in range(1, 20)]
    assert sum(one is not None for one in found) == 1


def test_memory_is_bounded() -> None:
    """MAX_CHANNELS answers and parts are remembered; further ones are not judged."""
    detector = OpeningDetector("emit")
    told = [detector.answer(seq, f"{seq}", seq) for seq in range(1, limits.MAX_CHANNELS + 3)]
    assert sum(one is not None for one in told) == limits.MAX_CHANNELS - 1
    assert [detector.part(seq, f"{seq}", 0) for seq in range(limits.MAX_CHANNELS + 1)] == [None] * (
        limits.MAX_CHANNELS + 1
    )
    assert len(detector._parts) == len(detector._answers) == limits.MAX_CHANNELS
