"""What a stage adds up."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding
from otel_sse.stream.totals import Totals

FINDINGS = st.lists(
    st.builds(
        Finding,
        st.sampled_from([kind.name for kind in kinds.FINDINGS]),
        st.sampled_from([CERTAIN, SUSPECTED]),
        st.just("emit"),
        st.integers(0, 9),
        amount=st.integers(1, 5),
    ),
    max_size=30,
)


def amount(findings: list[Finding], family: str) -> int:
    return sum(finding.amount for finding in findings if finding.family == family)


@given(FINDINGS)
def test_counts_are_the_sums_over_the_findings(findings: list[Finding]) -> None:
    """Each finding adds one, duplicates and gaps add the chunks concerned, and `by_kind` holds both for each kind."""
    totals = Totals()
    for finding in findings:
        totals.count(finding)
    kinds = [(finding.kind, finding.certainty) for finding in findings]
    assert totals.findings == len(findings)
    assert totals.duplicates == amount(findings, "duplicate")
    assert totals.gaps == amount(findings, "gap")
    assert totals.stalls == sum(finding.family == "stall" for finding in findings)
    assert {kind: sums[0] for kind, sums in totals.by_kind.items()} == Counter(kinds)
    assert sum(sums[1] for sums in totals.by_kind.values()) == sum(finding.amount for finding in findings)


def test_by_kind_keeps_certain_and_suspected_apart() -> None:
    """The same kind in both certainties is counted under two keys."""
    totals = Totals()
    totals.count(Finding("gap/sequence", CERTAIN, "emit", 3, amount=2))
    totals.count(Finding("gap/sequence", CERTAIN, "emit", 9, amount=4))
    totals.count(Finding("gap/sequence", SUSPECTED, "emit", 9))
    assert totals.by_kind == {("gap/sequence", CERTAIN): [2, 6], ("gap/sequence", SUSPECTED): [1, 1]}


@pytest.mark.parametrize(("first_ns", "expected"), [(0, None), (150, 50)])
def test_time_to_first_chunk_and_content(first_ns: int, expected: int | None) -> None:
    """Both waits count from the opening, and are None before there is anything."""
    totals = Totals(opened_ns=100, first_chunk_ns=first_ns, first_content_ns=first_ns)
    assert totals.time_to_first_chunk_ns == expected
    assert totals.time_to_first_content_ns == expected
