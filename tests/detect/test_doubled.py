"""Every chunk twice, by content alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import limits
from otel_sse.detect.doubled import DoubledDetector
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding

TABLE = [1, 2, 3, 2, 4, 2, 5, 2, 6, 2, 7, 8, 8, 9, 2, 10, 2, 11, 2, 12, 2, 13, 14, 14, 3, 2, 4, 2, 15, 2, 16, 2]
"""Contents as numbers: a table whose rule and blanks come again and again."""


def judge(keys: Iterable[int], *, told: Sequence[int] = (), batch: int = limits.LOOK_CHUNKS) -> list[Finding]:
    """Everything said of a run of contents, looked at as a monitor does: in batches, singly once something is told."""
    detector = DoubledDetector("emit", told)
    found: list[Finding] = []
    waiting: list[tuple[int, int]] = []
    for seq, key in enumerate(keys, 1):
        waiting.append((key, seq))
        if len(waiting) == batch or detector.active:
            found += detector.look([key for key, _ in waiting], [seq for _, seq in waiting])
            waiting = []
    return [*found, *detector.look([key for key, _ in waiting], [seq for _, seq in waiting])]


def twice(keys: Iterable[int], lag: int = 0) -> list[int]:
    """Each content once more, so many chunks later."""
    keys = list(keys)
    made: list[int] = []
    for at in range(len(keys) + lag):
        made += keys[at : at + 1]
        made += keys[at - lag : at - lag + 1] if at >= lag else []
    return made


def pairs(count: int, contents: int) -> list[int]:
    """So many pairs in a row of so many different contents."""
    return twice(at % contents for at in range(count))


@pytest.mark.parametrize("keys", [[], [1], TABLE, TABLE * 3, [1, 1] * 40, [1, 2] * 40, [0, *[7] * 90, 3]], ids=str)
def test_what_models_say_is_no_run_of_pairs(keys: list[int]) -> None:
    """Tables, one token over and over, and two in turn are no faults."""
    assert judge(keys) == []


@pytest.mark.parametrize("times", [3, 4, 5])
@pytest.mark.parametrize("batch", [1, limits.LOOK_CHUNKS])
def test_each_chunk_several_times_counts_all_copies(times: int, batch: int) -> None:
    """Of three equal chunks two are copies, and of six that the model says as two, four are."""
    keys = [*range(1, 11), 10, *range(11, 21)]
    found = judge([key for key in keys for _ in range(times)], batch=batch)
    assert sum(one.amount for one in found) == (times - 1) * len(keys)
    assert f"came {times} times" in found[-1].evidence


def test_worked_example_of_copies_of_neighbours() -> None:
    """What the comment in the class says of three copies each is so."""
    found = judge([key for key in (1, 2, 3, 4, 4) for _ in range(3)], batch=1)
    assert sum(one.amount for one in found) == 2 * 5


def test_each_chunk_twice_is_suspected_and_then_certain() -> None:
    """Each twin names the chunk that it repeats; the first finding counts the pairs before it that were not told."""
    found = judge(twice(range(1, 41)))
    assert [(one.seq, one.of) for one in found] == [(2 * n, 2 * n - 1) for n in range(limits.SUSPECTED_PAIRS, 41)]
    assert sum(one.amount for one in found) == 40
    certain = [one.seq for one in found if one.certainty == CERTAIN]
    assert certain == [2 * n for n in range(limits.EVERY_CHUNK_CONTENTS, 41)]
    assert {one.kind for one in found} == {"duplicate/doubled"}
    assert found[0].evidence == "4 chunks in a row came twice, 4 different ones, from chunk 1 on"


@pytest.mark.parametrize("copies", [2, 3, 4])
def test_what_the_model_says_twice_breaks_no_run(copies: int) -> None:
    """Natural repeats come four times where each chunk comes twice; of more copies than two all are counted."""
    keys = [key for key in TABLE for _ in range(copies)]
    found = judge(keys)
    assert sum(one.amount for one in found) == (copies - 1) * len(TABLE)
    assert len({one.seq for one in found}) == len(found)
    times = "twice" if copies == 2 else f"{copies} times each"
    assert all(f"chunks in a row came {times}, " in one.evidence for one in found)


@pytest.mark.parametrize("batch", [1, 7, 16, limits.LOOK_CHUNKS])
@pytest.mark.parametrize("copies", [3, 4, 5])
def test_every_copy_is_told_once_whatever_is_looked_at_at_once(copies: int, batch: int) -> None:
    """Each chunk but the first of its group is a copy, and is told by itself or counted with the first finding."""
    found = judge([key for key in range(1, 48) for _ in range(copies)], batch=batch)
    assert sum(one.amount for one in found) == (copies - 1) * 47
    assert all(one.of == (one.seq - 1) // copies * copies + 1 for one in found)


def test_a_copy_that_is_missing_once_leaves_the_others_told() -> None:
    """In a run of threes one that came but twice says that two are for certain; the run goes on."""
    keys = [key for key in range(1, 40) for _ in range(3)]
    keys.remove(20)
    found = judge(keys)
    assert (found[0].seq, found[-1].seq) == (11, len(keys) - 1)


def test_pairs_are_proof_only_where_the_whole_stream_so_far_is_paired() -> None:
    """One chunk that came once before them, and any number of pairs is suspected."""
    found = judge([1000, *twice(range(1, 101))])
    assert {one.certainty for one in found} == {SUSPECTED}
    assert sum(one.amount for one in found) == 100


@pytest.mark.parametrize(
    ("count", "contents", "expected"),
    [
        (limits.SUSPECTED_PAIRS - 1, 9, []),
        (limits.SUSPECTED_PAIRS, limits.SUSPECTED_PAIR_CONTENTS - 1, []),
        (limits.SUSPECTED_PAIRS, limits.SUSPECTED_PAIR_CONTENTS, [SUSPECTED]),
        (2 * limits.EVERY_CHUNK_CONTENTS, limits.EVERY_CHUNK_CONTENTS - 1, [SUSPECTED]),
        (limits.EVERY_CHUNK_CONTENTS - 1, limits.EVERY_CHUNK_CONTENTS - 1, [SUSPECTED]),
        (limits.EVERY_CHUNK_CONTENTS, limits.EVERY_CHUNK_CONTENTS, [SUSPECTED, CERTAIN]),
    ],
)
def test_caps_of_a_run(count: int, contents: int, expected: list[str]) -> None:
    """A run is told at its cap in pairs and in different contents, and not one before."""
    found = judge([*pairs(count, contents), 102, 103])
    assert list(dict.fromkeys(one.certainty for one in found)) == expected


@pytest.mark.parametrize("lag", [1, 2, 3, 4])
def test_second_path_that_lags_is_suspected(lag: int) -> None:
    """A B A C B C: each content comes again a little later, and none comes only once."""
    found = judge(twice(range(1, 41), lag))
    assert {(one.kind, one.certainty) for one in found} == {("duplicate/doubled", SUSPECTED)}
    assert sum(one.amount for one in found) == 40
    assert all(one.seq - one.of == 2 * lag + 1 for one in found[:-lag])


@pytest.mark.parametrize(
    ("count", "contents", "told"),
    [
        (limits.LAGGED_PAIRS, limits.LAGGED_PAIR_CONTENTS, True),
        (limits.LAGGED_PAIRS - 1, limits.LAGGED_PAIRS - 1, False),
        (limits.LAGGED_PAIRS, limits.LAGGED_PAIR_CONTENTS - 1, False),
    ],
)
def test_caps_of_a_run_that_lags(count: int, contents: int, told: bool) -> None:
    """Likewise where the second path lags, whose pairs prove less."""
    keys = twice([at % contents for at in range(count)], lag=2)
    assert bool(judge([*keys, *range(100, 110)], batch=len(keys))) == told


def test_chunk_that_comes_once_ends_a_run() -> None:
    """What is no pair breaks the run, and a new one has to prove itself anew."""
    alone = range(100, 100 + limits.MAX_LAG_CHUNKS)
    found = judge([*twice(range(1, 21)), *alone, *twice(range(21, 24)), *range(200, 220)])
    assert max(one.seq for one in found) == 40


def test_chunk_that_is_known_to_be_a_duplicate_is_not_told_again() -> None:
    """What lineage or numbers tell is left out, and not counted either."""
    keys = twice(range(1, 21))
    assert judge(keys, told=range(2, 41, 2)) == []
    assert sum(one.amount for one in judge(keys, told=[2, 4, 6])) == 17


def test_run_is_found_wherever_it_begins_and_ends() -> None:
    """After a clean beginning, within a batch or across two, a run is found, and afterwards quiet returns."""
    for clean in range(1, 34):
        keys = [*range(100, 100 + clean), *twice(range(1, 31)), *range(200, 260)]
        found = judge(keys)
        assert sum(one.amount for one in found) == 30, clean
        assert max(one.seq for one in found) == clean + 60, clean


@given(st.lists(st.integers(1, 400), min_size=40, max_size=120, unique=True), st.integers(1, 16))
def test_how_many_are_looked_at_once_changes_nothing_that_is_certain(keys: list[int], batch: int) -> None:
    """Whatever the size of a batch, each twin of a doubled answer is told once, and none of a clean answer is."""
    assert judge(keys, batch=batch) == []
    found = judge(twice(keys), batch=batch)
    assert sum(one.amount for one in found) == len(keys)
    assert len({one.seq for one in found}) == len(found)


def test_memory_is_bounded() -> None:
    """A long doubled answer keeps no more than a run's window and the contents that make it certain."""
    detector = DoubledDetector("emit")
    for seq in range(1, 20_000, 2):
        detector.look([seq, seq], [seq, seq + 1])
    assert detector._runs is not None
    adjacent, lagged = detector._runs
    assert len(adjacent._distinct) <= limits.EVERY_CHUNK_CONTENTS
    assert len(adjacent._lengths) <= 16
    assert len(lagged._waiting) <= limits.MAX_LAG_CHUNKS + 1
