"""Numbers that must count."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import limits
from otel_sse.detect.sequence import SequenceDetector
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding

Told = tuple[str, int, int, int]


def told(finding: Finding) -> Told:
    """Kind, chunk, earlier chunk, amount."""
    return finding.kind, finding.seq, finding.of, finding.amount


def judge(numbers: list[int], *, detector: SequenceDetector | None = None, digest: str = "") -> list[Told]:
    """Everything said of a run, its end included; a number's digest is its own unless one is given."""
    detector = detector or SequenceDetector("emit", "sequence number")
    found = [one for seq, number in enumerate(numbers, 1) for one in detector.check(seq, number, digest or f"{number}")]
    return [told(finding) for finding in [*found, *detector.restart()]]


GAP, BACK, AGAIN, TWIN = "gap/sequence", "reorder/sequence", "duplicate/replayed", "duplicate/doubled"


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], []),
        ([0, 1, 2, 3], []),
        ([1, 2, 3], []),
        ([41, 42, 43], []),
        ([1, 3], [(GAP, 2, 1, 1)]),
        ([1, 2, 6, 7], [(GAP, 3, 2, 3)]),
        ([1, 1, 2, 2, 3, 3], [(TWIN, 2, 1, 1), (TWIN, 4, 3, 1), (TWIN, 6, 5, 1)]),
        ([1, 2, 3, 1, 2, 3], [(AGAIN, 4, 1, 1), (AGAIN, 5, 2, 1), (AGAIN, 6, 3, 1)]),
        ([1, 2, 3, 2, 3, 4], [(AGAIN, 4, 2, 1), (AGAIN, 5, 3, 1)]),
        ([1, 3, 2], [(BACK, 3, 2, 1)]),
        ([1, 3, 2, 4], [(BACK, 3, 2, 1)]),
        ([1, 3, 2, 2, 3], [(BACK, 3, 2, 1), (TWIN, 4, 3, 1), (AGAIN, 5, 2, 1)]),
        ([1, 2, 5, 3, 4, 6], [(BACK, 4, 3, 1)]),
        ([1, 2, 6, 4, 7], [(BACK, 4, 3, 1), (GAP, 3, 2, 2)]),
        ([5, 6, 7, 3, 4, 5, 6, 7, 8], [(BACK, 4, 3, 1), (AGAIN, 6, 1, 1), (AGAIN, 7, 2, 1), (AGAIN, 8, 3, 1)]),
    ],
    ids=str,
)
def test_each_way_to_miscount_is_told_with_its_chunks(numbers: list[int], expected: list[Told]) -> None:
    """Repeated, skipped and late numbers give the finding, the chunk, the chunk before and the amount."""
    assert judge(numbers) == expected


def test_gap_is_told_once_a_late_number_has_had_its_time() -> None:
    """A skipped number that does not come within `MAX_LATE_CHUNKS` chunks is a gap at the chunk where it arose."""
    detector = SequenceDetector("emit", "id")
    assert not detector.check(1, 1, "a")
    silent = [detector.check(seq, seq + 1, "b") for seq in range(2, 2 + limits.MAX_LATE_CHUNKS)]
    assert not any(silent)
    (gap,) = detector.check(2 + limits.MAX_LATE_CHUNKS, 3 + limits.MAX_LATE_CHUNKS, "b")
    assert told(gap) == (GAP, 2, 1, 1)
    assert gap.evidence == "id 1 then 3, 1 did not come"
    assert not detector.restart()


def test_number_later_than_that_is_missing_and_then_out_of_order() -> None:
    """What comes after its gap was told is reordered, and repeated where it comes yet again."""
    numbers = [1, *range(3, 40), 2, 2]
    assert judge(numbers) == [(GAP, 2, 1, 1), (BACK, 39, 38, 1), (TWIN, 40, 39, 1)]


def test_gap_is_told_too_while_numbers_go_back() -> None:
    """Repeats do not keep a gap from being told."""
    numbers = [1, 3, *[1] * limits.MAX_LATE_CHUNKS]
    assert judge(numbers, digest="same")[-1] == (GAP, 2, 1, 1)


def test_repeat_with_other_content_went_back_and_was_not_replayed() -> None:
    """A number that stands on two different events is called out of order."""
    detector = SequenceDetector("emit", "sequence number")
    detector.check(1, 1, "a")
    detector.check(2, 2, "b")
    (finding,) = detector.check(3, 1, "c")
    assert told(finding) == (BACK, 3, 2, 1)
    assert finding.evidence == "sequence number 2 then 1, with other content"


def test_run_that_starts_again_with_other_content_is_told_once() -> None:
    """What follows a number that went back is in order, so one finding stands for the whole run."""
    detector = SequenceDetector("emit", "sequence number")
    first = [detector.check(seq, seq, f"a{seq}") for seq in range(1, 6)]
    second = [detector.check(seq + 5, seq, f"b{seq}") for seq in range(1, 8)]
    assert [told(one) for found in first + second for one in found] == [(BACK, 6, 5, 1)]


def test_one_number_far_ahead_does_not_spoil_those_after_it() -> None:
    """An outlier gives its gap and one regression, however long the stream goes on below it."""
    assert judge([1, 2, 10**12, *range(3, 200)]) == [(BACK, 4, 3, 1), (GAP, 3, 2, 1)]
    assert judge([1, 2, 10**12, 10**12]) == [(TWIN, 4, 3, 1), (GAP, 3, 2, 1)]


def test_chunks_without_a_number_do_not_shift_the_evidence() -> None:
    """The earlier chunk of a repeat is named by its own seq, though comments came between."""
    detector = SequenceDetector("emit", "sequence number")
    for seq, number in [(1, 1), (4, 2), (9, 3)]:
        assert not detector.check(seq, number, f"{number}")
    assert [told(detector.check(seq, number, f"{number}")[0]) for seq, number in [(11, 2), (12, 1)]] == [
        (AGAIN, 11, 4, 1),
        (AGAIN, 12, 1, 1),
    ]


def test_restart_lets_the_next_number_be_any() -> None:
    """After a restart an earlier number begins a run of its own, and a gap that was still open is told."""
    detector = SequenceDetector("emit", "sequence number")
    for seq, number in enumerate([5, 6, 9], 1):
        detector.check(seq, number, "")
    gaps = detector.restart()
    assert [told(finding) for finding in gaps] == [(GAP, 3, 2, 2)]
    assert gaps[0].certainty == CERTAIN
    assert judge([0, 1, 2], detector=detector) == []
    # 7 and 8 were missing before; they are not any more.
    assert judge([6, 7, 8, 7], detector=detector) == [(AGAIN, 4, 2, 1)]


def test_uncertain_numbers_give_suspected_gaps_and_certain_repeats() -> None:
    """`certain=False` weakens gaps alone: a number that comes again proves itself."""
    detector = SequenceDetector("emit", "id", certain=False)
    found = [one for seq, number in enumerate([7, 9, 9], 1) for one in detector.check(seq, number, "")]
    assert [(one.kind, one.certainty) for one in [*found, *detector.restart()]] == [(TWIN, CERTAIN), (GAP, SUSPECTED)]


def test_number_shared_by_two_events_is_seen() -> None:
    """`is_shared` is true for the latest number with another digest, and for nothing else."""
    detector = SequenceDetector("emit", "id")
    assert not detector.is_shared(1, "a")
    detector.check(1, 1, "a")
    detector.check(2, 2, "b")
    assert detector.is_shared(2, "c")
    assert not detector.is_shared(2, "b")
    assert not detector.is_shared(1, "c")


@pytest.mark.parametrize(
    ("lost", "late", "expected"),
    [
        (limits.MAX_MISSING_NUMBERS, 2, [(BACK, 42, 41, 1), (AGAIN, 43, 0, 1)]),
        (limits.MAX_MISSING_NUMBERS + 1, 3, [(BACK, 42, 41, 1), (AGAIN, 43, 0, 1)]),
        # The oldest is forgotten, so nobody can say whether it came before: the weaker claim is made, both times.
        (limits.MAX_MISSING_NUMBERS + 1, 2, [(BACK, 42, 41, 1), (BACK, 43, 41, 1)]),
    ],
)
def test_missing_numbers_are_remembered_up_to_the_cap(lost: int, late: int, expected: list[Told]) -> None:
    """Up to MAX_MISSING_NUMBERS skipped numbers are known to be missing; of more the latest are."""
    numbers = [1, *range(lost + 2, lost + 42), late, late]
    assert judge(numbers) == [(GAP, 2, 1, lost), *expected]


def test_missing_numbers_of_many_gaps_are_forgotten_oldest_first() -> None:
    """Gaps that add up to more than the cap push out the oldest missing number, and no other."""
    skipping = [*range(1, 2 * limits.MAX_MISSING_NUMBERS + 4, 2)]
    found = [one for one in judge([*skipping, 2, 2, 4, 4]) if one[0] != GAP]
    at = len(skipping)
    assert found == [(BACK, at + 1, at, 1), (BACK, at + 2, at, 1), (BACK, at + 3, at, 1), (AGAIN, at + 4, 0, 1)]


@pytest.mark.parametrize(
    ("back", "of"),
    [(limits.MAX_RECENT_NUMBERS - 1, 300 - limits.MAX_RECENT_NUMBERS + 1), (limits.MAX_RECENT_NUMBERS, 0)],
)
def test_repeats_are_named_as_far_back_as_the_cap(back: int, of: int) -> None:
    """The chunk that a repeat repeats is known for the last MAX_RECENT_NUMBERS numbers; before, `of` is 0."""
    assert judge([*range(1, 301), 300 - back]) == [(AGAIN, 301, of, 1)]


def test_late_number_from_before_the_window_leaves_the_window_alone() -> None:
    """A number that comes later than the window reaches is no reason to forget a number within it."""
    window = limits.MAX_RECENT_NUMBERS
    numbers = [1, *range(3, window + 3), 2, window + 2]
    assert judge(numbers) == [
        (GAP, 2, 1, 1),
        (BACK, window + 2, window + 1, 1),
        (AGAIN, window + 3, window + 1, 1),
    ]


@pytest.mark.parametrize(
    ("step", "amount"),
    [(limits.MAX_NUMBER_STEP, limits.MAX_NUMBER_STEP), (limits.MAX_NUMBER_STEP + 1, 1), (2**63 - 3, 1)],
)
def test_leap_counts_as_one(step: int, amount: int) -> None:
    """A gap says how many are missing up to MAX_NUMBER_STEP; a larger step is another numbering and counts as one."""
    assert judge([1, step + 2]) == [(GAP, 2, 1, amount)]


@given(st.lists(st.integers(0, 12), max_size=40))
def test_verdicts_agree_with_a_reading_of_the_whole_run(numbers: list[int]) -> None:
    """Repeats are the numbers seen before, and a gap's amount is what never came within its time."""
    found = judge(numbers)
    repeats = [seq for seq, number in enumerate(numbers, 1) if number in numbers[: seq - 1] and number >= numbers[0]]
    assert [seq for kind, seq, _, _ in found if kind in (AGAIN, TWIN)] == repeats
    assert sum(amount for kind, _, _, amount in found if kind == GAP) == missing(numbers)


def missing(numbers: list[int]) -> int:
    """Numbers jumped over that had not come `MAX_LATE_CHUNKS` chunks later, read off the whole list."""
    lost = 0
    for at in range(1, len(numbers)):
        highest = max(numbers[:at])
        in_time = numbers[at : at + limits.MAX_LATE_CHUNKS + 1]
        lost += len([one for one in range(highest + 1, numbers[at]) if one not in in_time])
    return lost


def test_memory_does_not_grow_with_the_stream() -> None:
    """A long stream with gaps, repeats and regressions everywhere keeps no more than the caps allow."""
    chance = random.Random(1)
    detector = SequenceDetector("emit", "sequence number")
    number = 0
    for seq in range(1, 20_000):
        number = max(number + chance.choice([1, 1, 1, 2, 5, 40, -3]), 0)
        detector.check(seq, number, "")
    assert len(detector._missing) <= limits.MAX_MISSING_NUMBERS
    assert len(detector._holes) <= limits.MAX_LATE_CHUNKS + 1
    assert len(detector._seqs) == len(detector._digests) == limits.MAX_RECENT_NUMBERS


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (11, []),
        (13, [("gap/sequence", 11)]),
        (10 + limits.MAX_LATE_CHUNKS, [("gap/sequence", 11)]),
        (11 + limits.MAX_LATE_CHUNKS, []),
        (10, []),
        (1, []),
    ],
)
def test_another_answer_goes_on_with_the_numbers_or_begins_anew(number: int, expected: list[tuple[str, int]]) -> None:
    """A number close behind the last one belongs to the run, so what lies between is missing; any other begins one."""
    detector = SequenceDetector("emit", "id")
    for seq in range(1, 11):
        assert not detector.check(seq, seq, f"{seq}")
    detector.begin()
    found = [*detector.check(11, number, "x"), *detector.restart()]
    assert [(one.kind, one.seq) for one in found] == expected


def test_gap_of_the_run_before_is_told_as_another_one_begins() -> None:
    """What was held in case it came late is told with the first number of the next run."""
    detector = SequenceDetector("emit", "id")
    for seq, number in enumerate((1, 2, 4), 1):
        assert not detector.check(seq, number, f"{number}")
    detector.begin()
    assert [(one.kind, one.seq) for one in detector.check(4, 1, "x")] == [("gap/sequence", 3)]
