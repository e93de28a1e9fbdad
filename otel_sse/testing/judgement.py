"""What is wrong with a recorded stream, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otel_sse.diagnosis.diagnose import diagnose, late_places
from otel_sse.diagnosis.faults.fault import Fault, ranges
from otel_sse.diagnosis.matrix import matrix_of
from otel_sse.diagnosis.matrix_text import matrix_text
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.kinds import COALESCING, OUTCOME

_OTHER_ASSERTION: Final = frozenset({OUTCOME, COALESCING})
"""Families that are no finding in a test: the outcome has an assertion of its own, and a test client that reads an
answer at once has all of it in one burst."""


def faults_of(stream: TraceStream, family: str, *, suspected: bool) -> list[Fault]:
    """Return what is wrong with a stream.

    Args:
        stream: The stream.
        family: The family that is asked for: `duplicate`, `gap`; "" for all but the outcome.
        suspected: Whether what is not certain counts.
    """
    return [
        fault
        for fault in diagnose(stream).faults
        if (fault.certain or suspected) and (fault.family == family or (not family and not _is_other(fault)))
    ]


def told(faults: Sequence[Fault]) -> str:
    """Return faults in a line: kind, stage, certainty, chunks."""
    return "; ".join(map(_told, faults))


def shown(stream: TraceStream) -> str:
    """Return the diagnosis' verdict, what usually causes it and where to look, and the matrix of chunks and stages."""
    diagnosis = diagnose(stream)
    culprit = diagnosis.culprit
    lines = [diagnosis.verdict]
    if culprit is not None:
        lines += [f"evidence: {culprit.evidence}", f"cause:    {culprit.cause}", f"look:     {culprit.where_to_look}"]
    return "\n".join([*lines, "", matrix_text(matrix_of(stream, late_places(stream, diagnosis.faults)))])


def _is_other(fault: Fault) -> bool:
    return fault.family in _OTHER_ASSERTION


def _told(fault: Fault) -> str:
    chunks = f", seq {ranges(fault.seqs)}" if fault.seqs else ""
    return f"{fault.kind} at {fault.stage} ({fault.certainty}{chunks})"
