"""A fault: its kind in two parts, what is known of it, and numbers as ranges."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.faults.causes import CAUSES, UNKNOWN_CAUSE
from otel_sse.diagnosis.faults.fault import Fault, ranges
from otel_sse.stream.chunk import CERTAIN, SUSPECTED


def fault(kind: str, certainty: str = CERTAIN) -> Fault:
    return Fault(kind=kind, certainty=certainty, stage="emit", service="", position=0, upstream=None)


def test_kind_is_a_family_and_a_detail() -> None:
    """The part before the slash, and the part behind it."""
    assert (fault("gap/lost").family, fault("gap/lost").detail) == ("gap", "lost")
    assert (fault("gap").family, fault("gap").detail) == ("gap", "")


@pytest.mark.parametrize(("certainty", "certain"), [(CERTAIN, True), (SUSPECTED, False)])
def test_certain_is_one_of_two_certainties(certainty: str, certain: bool) -> None:
    """What is suspected is not certain."""
    assert fault("gap/lost", certainty).certain is certain


def test_cause_is_that_of_the_kind_or_of_its_family() -> None:
    """A kind that has no cause of its own has its family's, and a family that nobody knows has one as well."""
    assert fault("gap/lost").cause == CAUSES["gap/lost"].cause
    assert fault("nothing/known").where_to_look == UNKNOWN_CAUSE.where_to_look


def test_numbers_are_told_as_ranges() -> None:
    """The first few, and how many more there are."""
    assert ranges([1, 2, 3, 7, 9, 10]) == "1-3, 7, 9-10"
    assert ranges(range(1, 20, 2), 3) == "1, 3, 5 and 7 more places"
    assert ranges([]) == ""
