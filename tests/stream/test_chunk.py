"""Chunks and findings."""

from __future__ import annotations

import pytest

from otel_sse.stream.chunk import CERTAIN, KINDS, Finding


@pytest.mark.parametrize(
    ("kind", "family", "detail"),
    [("duplicate/terminal", "duplicate", "terminal"), ("gap", "gap", ""), ("check/a/b", "check", "a/b")],
)
def test_kind_of_a_finding_is_family_and_detail(kind: str, family: str, detail: str) -> None:
    """The family stands before the first slash, the detail behind it; without a slash there is no detail."""
    finding = Finding(kind, CERTAIN, "emit", 1)
    assert (finding.family, finding.detail) == (family, detail)


def test_findings_are_values() -> None:
    """Two findings that say the same are equal and hash alike, and none can be changed."""
    finding = Finding("gap/sequence", CERTAIN, "emit", 3, 1, "1 then 3")
    assert {finding, Finding("gap/sequence", CERTAIN, "emit", 3, 1, "1 then 3")} == {finding}
    with pytest.raises(AttributeError):
        finding.seq = 4  # type: ignore[misc]


def test_kinds_of_chunks_are_the_designs() -> None:
    """The kinds are the six that the attribute `sse.chunk.kind` may have."""
    assert KINDS == ("content", "comment", "heartbeat", "complete", "error", "control")
