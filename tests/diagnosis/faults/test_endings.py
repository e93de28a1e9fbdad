"""How a stream ended badly, told once, where that began."""

from __future__ import annotations

import msgspec
import pytest

from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import COMPLETE, CONTROL
from tests.diagnosis.made_faults import (
    STAGES,
    WORDS,
    only,
    told,
)
from tests.diagnosis.made_pipeline import (
    Item,
    stream_of,
    whole,
)
from tests.diagnosis.made_trace import MS, START


@pytest.mark.parametrize(
    ("outcomes", "kind", "position"),
    [
        (["incomplete", "incomplete", "incomplete", "incomplete"], "outcome/incomplete", 0),
        (["completed", "abandoned", "failed", "failed"], "outcome/failed", 2),
        (["cancelled", "cancelled", "cancelled", "disconnected"], "outcome/disconnected", 3),
        (["cancelled", "cancelled", "cancelled", "cancelled"], "outcome/cancelled", 3),
        (["abandoned", "capped", "capped", "capped"], "outcome/capped", 1),
        (["incomplete", "completed", "completed", "completed"], "outcome/incomplete", 0),
    ],
)
def test_how_a_stream_ended_is_told_once(outcomes: list[str], kind: str, position: int) -> None:
    """A failure is told at the first stage of the data that had it, a leave at the last."""
    assert told(stream_of(WORDS, *STAGES, outcomes=outcomes)) == [(kind, position)]


@pytest.mark.parametrize("outcome", ["completed", "unparsed", ""])
def test_a_good_end_is_no_fault(outcome: str) -> None:
    """Nor is one that is not known; nor a reader that stops early and ends well."""
    assert told(stream_of(WORDS, *STAGES, outcomes=["abandoned", "completed", "completed", outcome])) == []


def test_the_models_broken_stream_is_the_models() -> None:
    """What the first stage had already is said to come from the model or before it."""
    fault = only(stream_of(WORDS, *STAGES, outcomes=["incomplete"] * 4))
    assert fault.upstream is None
    assert "the model's stream itself" in fault.origin


def test_a_hop_whose_other_end_is_gone_is_told_before_what_failed_after_it() -> None:
    """Where a process dies, the stage that read from it is named, not those that got less for it."""
    stream = stream_of(WORDS, *STAGES, outcomes=["cancelled", "disconnected", "disconnected", "failed"])
    stream.stages[1].name, stream.stages[2].name = "ws.send", "ws.receive"
    assert told(stream) == [("outcome/disconnected", 2)]


@pytest.mark.parametrize("last", ["disconnected", "cancelled", "abandoned"])
@pytest.mark.parametrize("received", ["disconnected", "incomplete"])
def test_a_client_that_leaves_takes_hops_down_with_it(last: str, received: str) -> None:
    """Who served it lets go of its sockets; what read from these broke off, and is not what is told."""
    outcomes = ["cancelled", "cancelled", received, "failed", "cancelled", last]
    stream = stream_of(WORDS, *[whole] * 5, outcomes=outcomes, services=3)
    stream.stages[1].name, stream.stages[2].name = "ws.send", "ws.receive"
    assert told(stream) == [(f"outcome/{last}", 5)]


def test_a_failure_takes_down_what_was_still_on_its_way_there() -> None:
    """The gateway's sender fails because the answer failed on its way back: the policy in between did it."""
    outcomes = ["cancelled", "failed", "incomplete", "failed", "failed", "failed"]
    stream = stream_of(WORDS, *[whole] * 5, outcomes=outcomes)
    for stage, (service, end_ms) in zip(
        stream.stages,
        [("gateway", 50), ("gateway", 50), ("control", 20), ("control", 10), ("gateway", 30), ("gateway", 40)],
        strict=True,
    ):
        stage.service, stage.end_ns = service, START + end_ms * MS
    assert told(stream) == [("outcome/failed", 3)]


def _cut(ends: bool, handed_on: int = 20) -> TraceStream:
    """A stage that hands on some chunks, leaves its upstream stage, and may write an end of its own."""
    end = [Item("[DONE]", 0, COMPLETE)] if ends else []
    stream = stream_of(WORDS, lambda items: [*items[:handed_on], *end], whole, outcomes=["abandoned"])
    stream.stages[0].chunks = stream.stages[0].chunks[:handed_on]
    return stream


def test_an_end_of_a_stages_own_making_hides_no_broken_answer() -> None:
    """The answer was left in the middle, and its readers are told that this was all: suspected where it was left."""
    fault = only(_cut(ends=True))
    assert (fault.kind, fault.position, fault.certain) == ("outcome/abandoned", 0, False)
    assert fault.origin == "stage1 left it in the middle, and the end at 21 is of its own making"
    assert told(_cut(ends=False)) == []


def test_an_answer_that_is_left_behind_its_text_is_whole() -> None:
    """Who leaves behind the finish or the end has all of it."""
    for kind in (CONTROL, COMPLETE):
        stream = _cut(ends=True)
        stream.stages[0].chunks.append(msgspec.structs.replace(stream.stages[0].chunks[-1], seq=21, kind=kind))
        assert told(stream) == []
