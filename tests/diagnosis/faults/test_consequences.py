"""Faults that only say what another fault has made of the answer are left out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from otel_sse.diagnosis.diagnose import diagnose
from otel_sse.stream.chunk import CERTAIN, Finding
from tests.diagnosis.made_pipeline import Stage, changed, once_more, stream_of, swapped, whole, without

WORDS = [f"word {number}" for number in range(40)]
BROKEN = ("protocol/grammar", "protocol/tool_arguments")


def told(kind: str, at: int, *stages: Stage, rewrites: Sequence[int] = ()) -> list[tuple[str, int]]:
    """Kind and stage of each fault, where the stages from `at` on have found one of these."""
    finding = Finding(kind, CERTAIN, "", 5)
    findings = [(position, finding) for position in range(at, len(stages) + 1)]
    return [
        (one.kind, one.position)
        for one in diagnose(stream_of(WORDS, *stages, findings=findings, rewrites=rewrites)).faults
    ]


@pytest.mark.parametrize("kind", BROKEN)
def test_a_stage_that_writes_what_the_sdk_refuses_is_at_fault(kind: str) -> None:
    """It is told once, at the first stage that has it."""
    assert told(kind, 0, whole, whole) == [(kind, 0)]
    assert told(kind, 1, whole, whole) == [(kind, 1)]


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("stage", [without(9), once_more(9), swapped(9), changed(9, "another")])
def test_what_lost_repeated_or_changed_chunks_make_of_it_is_no_further_fault(kind: str, stage: Stage) -> None:
    """The stage after the one at fault sees it too."""
    assert kind not in [each for each, _ in told(kind, 1, stage, whole)]
    assert kind not in [each for each, _ in told(kind, 2, stage, whole)]


@pytest.mark.parametrize("kind", BROKEN)
def test_what_was_broken_before_stays_a_fault(kind: str) -> None:
    """A loss further on explains nothing."""
    assert (kind, 0) in told(kind, 0, without(9), whole)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_stage_that_may_rewrite_may_break_a_call_off(kind: str) -> None:
    """What it withholds on purpose is no fault; what the model sent broken is."""
    assert told(kind, 1, whole, whole, rewrites=[1]) == []
    assert told(kind, 0, whole, whole, rewrites=[0, 1]) == [(kind, 0)]
