"""Numbers in an application's own frames."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.detect.count import CountDetector
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding

GAP, BACK, AGAIN, TWIN = "gap/sequence", "reorder/sequence", "duplicate/replayed", "duplicate/doubled"


def findings(frames: list[tuple[int, str]]) -> list[Finding]:
    """Everything said of frames, each a number and a digest, and of their end."""
    detector = CountDetector("emit")
    found = [one for seq, frame in enumerate(frames, 1) for one in detector.check(seq, *frame)]
    return [*found, *detector.restart()]


def told(*numbers: int) -> list[tuple[str, int, int]]:
    """What is said of frames with these numbers, each number with a content of its own."""
    return [(one.kind, one.seq, one.of) for one in findings([(number, f"d{number}") for number in numbers])]


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([*range(1, 30)], []),
        ([*range(0, 30)], []),
        ([*range(1, 10), 12, 13], [(GAP, 10, 9)]),
        ([1, 2, 4, 5, 6, 7, 8, 9, 10], [(GAP, 3, 2)]),
        ([*range(1, 10), 11, 10, 12], [(BACK, 11, 10)]),
        ([*range(1, 12), 8, 9, 10, 11], [(AGAIN, 12, 8), (AGAIN, 13, 9), (AGAIN, 14, 10), (AGAIN, 15, 11)]),
        ([one for one in range(1, 11) for _ in "ab"], [(TWIN, 2 * one, 2 * one - 1) for one in range(1, 11)]),
    ],
    ids=str,
)
def test_a_run_that_counts_is_held_to_it(numbers: list[int], expected: list[tuple[str, int, int]]) -> None:
    """Skips, regressions and repeats are told, those at the beginning too."""
    assert told(*numbers) == expected


@pytest.mark.parametrize(
    "numbers",
    [
        [0, 5, 9, 12, 17, 18, 25, 31, 40, 41],
        [1, 3, 5, 7, 9, 11, 13, 15, 17, 19],
        [7] * 40,
        [1732099200000 + step for step in (0, 8, 9, 40, 41, 77, 80, 99)],
        [*range(1, 20), *range(1, 15), *range(1, 30)],
        [*range(5, 20), 2, 3, 4, 5, 6],
        [*range(1, limits.MAX_LEARNT_IDS - 1), limits.MAX_LEARNT_IDS],
    ],
    ids=["offsets", "odd", "the same", "times", "anew for each message", "another run", "too few"],
)
def test_numbers_that_prove_nothing_say_nothing(numbers: list[int]) -> None:
    """Without a dense run nothing is judged, and a run that begins anew is another one."""
    assert told(*numbers) == []


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("apart", [0, 12])
def test_a_count_for_each_channel_is_left_alone(channels: int, apart: int) -> None:
    """Where a number comes again with other content, it does not number the stream's frames."""
    alone = [(number, f"0/{number}") for number in range(1, apart + 1)]
    shared = [(number, f"{one}/{number}") for number in range(apart + 1, apart + 20) for one in range(channels)]
    assert findings([*alone, *shared, (500, "x"), (3, "0/3")]) == []


@pytest.mark.parametrize(("start", "certainty"), [(0, CERTAIN), (1, CERTAIN), (2, SUSPECTED)])
def test_gap_is_certain_only_in_a_count_from_the_beginning(start: int, certainty: str) -> None:
    """A count that begins elsewhere may be one that several streams share."""
    (gap,) = findings([(number, str(number)) for number in (*range(start, start + 9), start + 12)])
    assert (gap.kind, gap.certainty, gap.amount) == (GAP, certainty, 3)


@pytest.mark.parametrize(("numbers", "lost"), [([11, 12, 13], 0), ([12, 13], 1), ([1, 2, 3], 0), ([5, 6, 7], 0)])
def test_another_answer_may_count_anew_or_go_on(numbers: list[int], lost: int) -> None:
    """Numbers that go on lack what is skipped; numbers that go back are another run, with other contents."""
    detector = CountDetector("emit")
    for seq in range(1, 11):
        detector.check(seq, seq, f"{seq}")
    detector.begin()
    found = [one for at, number in enumerate(numbers) for one in detector.check(11 + at, number, f"other {number}")]
    found += detector.restart()
    assert [one.amount for one in found] == [lost] * bool(lost)


def test_another_answer_begins_anew_while_it_is_open_whether_numbers_count() -> None:
    """What was learnt of the answer before is forgotten where its numbers come again."""
    detector = CountDetector("emit")
    for seq in range(1, 4):
        detector.check(seq, seq, f"{seq}")
    detector.begin()
    found = [one for seq in range(4, 24) for one in detector.check(seq, seq - 3, f"other {seq}") if seq != 20]
    assert [one.kind for one in [*found, *detector.restart()]] == []
