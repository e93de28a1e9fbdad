"""What counts as wrong, by family and certainty, and how it is told."""

from __future__ import annotations

import msgspec
import pytest

from otel_sse import semconv
from otel_sse.diagnosis.trace.streams import TraceStream, trace_of
from otel_sse.testing.judgement import faults_of, shown, told
from tests.diagnosis.made_trace import chunk_events, finding_event, segment

TEXTS = ["One ", "two ", "three ", "four "]


def one_stage(kind: str, certainty: str = "certain", outcome: str = "completed") -> TraceStream:
    """A stream of one stage with one finding about its third chunk."""
    finding = finding_event(kind, 3, 20, "what was compared")
    finding = msgspec.structs.replace(finding, attributes={**finding.attributes, semconv.FINDING_CERTAINTY: certainty})
    trace = trace_of([segment("emit", [*chunk_events(TEXTS, 0), finding], outcome=outcome, stream_findings=1)])
    assert trace is not None
    return trace.streams[0]


@pytest.mark.parametrize(
    ("kind", "family", "counts"),
    [
        ("duplicate/replayed", "duplicate", 1),
        ("duplicate/replayed", "gap", 0),
        ("gap/sequence", "gap", 1),
        ("gap/sequence", "duplicate", 0),
        ("protocol/after_done", "", 1),
        ("coalescing/burst", "", 0),
    ],
)
def test_family_decides_what_an_assertion_is_about(kind: str, family: str, counts: int) -> None:
    """Each assertion sees its own family; without one all count but bursts."""
    assert len(faults_of(one_stage(kind), family, suspected=True)) == counts


def test_what_is_suspected_counts_only_where_it_is_asked_for() -> None:
    """Content alone may be a model that repeats itself."""
    stream = one_stage("duplicate/doubled", "suspected")
    assert len(faults_of(stream, "duplicate", suspected=True)) == 1
    assert faults_of(stream, "duplicate", suspected=False) == []


def test_outcome_is_no_finding() -> None:
    """How a stream ended is asked for by another assertion."""
    stream = one_stage("protocol/after_done", outcome="failed")
    assert [fault.kind for fault in faults_of(stream, "", suspected=True)] == ["protocol/after_done"]


def test_faults_are_told_in_a_line() -> None:
    """Kind, stage, certainty and numbers, and what was compared below it."""
    stream = one_stage("duplicate/replayed")
    assert told(faults_of(stream, "duplicate", suspected=True)) == "duplicate/replayed at emit (certain, seq 3)"
    assert "evidence: what was compared" in shown(stream)
    assert "1 gateway emit  4 chunks" in shown(stream)


def test_clean_stream_is_shown_without_a_culprit() -> None:
    """The verdict and the matrix stand alone."""
    trace = trace_of([segment("emit", chunk_events(TEXTS, 0))])
    assert trace is not None
    assert "evidence" not in shown(trace.streams[0])
    assert shown(trace.streams[0]).startswith("In order")
