"""Numbers that lie in one of several ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse.diagnosis.alignment.ranges import Intervals

RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda each: (each[0], each[0] + each[1])))


@given(RANGES, st.integers(-2, 60))
def test_a_number_is_in_one_of_the_ranges_or_in_none(ranges: list[tuple[int, int]], number: int) -> None:
    """Whatever overlaps, and in whatever order the ranges come."""
    assert (number in Intervals(ranges)) == any(first <= number <= last for first, last in ranges)


@pytest.mark.parametrize(("number", "there"), [(0, False), (1, True), (2**62, True), (2**63, True), (2**63 + 1, False)])
def test_a_range_may_be_as_wide_as_it_likes(number: int, there: bool) -> None:
    """A damaged trace costs no more than its numbers."""
    assert (number in Intervals([(1, 2**63)])) is there
