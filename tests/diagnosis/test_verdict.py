"""The verdict: one sentence."""

from __future__ import annotations

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.stream.chunk import SUSPECTED
from tests.diagnosis.made_faults import (
    WORDS,
    finding,
    with_fault,
)
from tests.diagnosis.made_pipeline import (
    stream_of,
    without,
)


def test_the_verdict_names_stage_count_and_place() -> None:
    """One sentence that can be acted upon."""
    assert diagnose(with_fault(WORDS, without(4), 2)).verdict == (
        "process-0 stage2 lost 1 chunk, at 5; stage1 before it had them right."
    )


def test_one_stage_alone_says_so() -> None:
    """What only one stage saw may have come so."""
    found = diagnose(stream_of(WORDS, findings=[(0, finding("duplicate/doubled", 2, 1, SUSPECTED))]))
    assert "only this stage was seen" in found.verdict
    assert diagnose(stream_of(WORDS)).verdict.startswith("In order as far as one stage can tell: 30 chunks")


def test_copies_are_counted_and_said_in_words() -> None:
    """Three of each chunk are no pairs."""
    thrice = diagnose(with_fault(WORDS, lambda items: [item for item in items for _ in range(3)], 2))
    assert thrice.verdict == (
        "process-0 stage2 handed on 30 chunks three times, 60 too many, at 2-3, 5-6, 8-9 and 27 more places; "
        "stage1 before it had them right."
    )
    assert thrice.faults[0].count == 60
