"""Two sequences of digests: as many matches as there can be, whatever repeats, in little time."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse.lineage import lcs
from otel_sse.lineage.lcs import match, pairs

FEW = st.lists(st.sampled_from("abc"), max_size=14)


def longest(one: list[str], other: list[str]) -> int:
    """The length of the longest common subsequence, by its definition."""
    row = [0] * (len(other) + 1)
    for a in one:
        before = row
        row = [0]
        for j, b in enumerate(other, 1):
            row.append(before[j - 1] + 1 if a == b else max(before[j], row[j - 1]))
    return row[-1]


@given(FEW, FEW)
def test_matches_are_equal_in_order_and_as_many_as_can_be(up: list[str], down: list[str]) -> None:
    """Whatever comes: a longest common subsequence, each element once."""
    found = pairs(up, down)
    assert all(up[i] == down[j] for i, j in found)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(found))
    assert len(found) == longest(up, down)


@given(FEW, FEW)
def test_a_table_too_large_is_halved_with_the_same_result(up: list[str], down: list[str]) -> None:
    """Memory is bounded; what is found is as long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lcs, "_MAX_TABLE_BITS", 4)
        found = pairs(up, down)
    assert all(up[i] == down[j] for i, j in found)
    assert len(found) == longest(up, down)


@pytest.mark.parametrize(
    ("up", "down", "put_in"),
    [
        ("abcd", "aabbccdd", [1, 3, 5, 7]),
        ("abcdef", "abcabcdef", [3, 4, 5]),
        ("abcdef", "abcdbcdef", [4, 5, 6]),
        ("abcdbx", "abcdabcdbx", [4, 5, 6, 7]),
    ],
)
def test_of_equal_ones_the_first_is_the_first(up: str, down: str, put_in: list[int]) -> None:
    """What is left over downstream is the repetition, in one piece."""
    matched = {j for _, j in pairs(list(up), list(down))}
    assert [j for j in range(len(down)) if j not in matched] == put_in


def test_what_was_left_out_stays_in_one_piece() -> None:
    """A token of the block that equals the one behind it does not part it."""
    matched = {i for i, _ in pairs(list("wpqarax"), list("wax"))}
    assert [i for i in range(7) if i not in matched] == [1, 2, 3, 4]


def _sequences(kind: str) -> tuple[list[str], list[str]]:
    chance = random.Random(4)
    words = [f"w{chance.randrange(300)}" for _ in range(10_000)]
    two = [chance.choice("ab") for _ in range(10_000)]
    damaged = [word if chance.random() < 0.7 else "?" for word in words if chance.random() < 0.5]
    return {
        "two digests": (two, [chance.choice("ab") for _ in range(10_000)]),
        "doubled": (two, [each for each in two for _ in range(2)]),
        "heavily damaged": (words, damaged),
        "backwards": (words, words[::-1]),
        "nothing in common": (words, [f"{word}?" for word in words]),
    }[kind]


@pytest.mark.parametrize("kind", ["two digests", "doubled", "heavily damaged", "backwards", "nothing in common"])
def test_each_digest_is_looked_at_a_few_times(kind: str) -> None:
    """In the worst cases that are known, many repeats, all twice, heavy damage, none is compared with all others."""
    looks = 0

    class Digest(str):
        def __hash__(self) -> int:
            nonlocal looks
            looks += 1
            return super().__hash__()

        def __eq__(self, other: object) -> bool:
            nonlocal looks
            looks += 1
            return super().__eq__(other)

    up, down = (list(map(Digest, each)) for each in _sequences(kind))
    found = pairs(up, down)
    assert 0 < looks < 20 * (len(up) + len(down))
    assert all(str(up[i]) == str(down[j]) for i, j in found)


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.lists(st.sampled_from("abcd"), max_size=30))
def test_matches_are_equal_and_in_order(upstream: list[str], downstream: list[str]) -> None:
    """Whatever comes, only equal digests are matched, and never backwards."""
    found = match(upstream, downstream)
    assert all(downstream[j] == upstream[i] for j, i in found.items())
    assert list(found) == sorted(found)
    assert list(found.values()) == sorted(found.values())


def test_equal_neighbours_are_matched_to_one_element() -> None:
    """The repetition may stand on either side of what was matched."""
    assert match("ab", "aab") == {0: 0, 1: 0, 2: 1}
    assert match("rd", "rpdd") == {0: 0, 2: 1, 3: 1}


def test_the_worked_example() -> None:
    """The rows and the matches are those that the module's comment shows."""
    assert [f"{row:04b}" for row in lcs._rows("dcba", "dba")] == ["1110", "1010", "0010"]
    assert lcs._traced("abcd", "abd") == [(0, 0), (1, 1), (3, 2)]
    assert pairs("abcd", "abd") == [(0, 0), (1, 1), (3, 2)]
