"""A fault: made in one place, its kind in two parts, what is known of it, and numbers as ranges."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import otel_sse
from otel_sse.diagnosis.faults.causes import CAUSES, UNKNOWN_CAUSE
from otel_sse.diagnosis.faults.fault import Fault, fault_at, ranges
from otel_sse.stream.chunk import CERTAIN, SUSPECTED
from tests.diagnosis.made_pipeline import stream_of, whole

PACKAGE = Path(otel_sse.__file__).parent / "diagnosis"


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


def test_a_fault_names_the_stage_at_its_position() -> None:
    """Label and process are those of the stage; the rest is what was given."""
    stream = stream_of(["a", "b"], whole, services=2)
    stream.stages[1].direction = "out"
    fault = fault_at(stream, 1, "gap/lost", "seen", upstream=0, certain=False, seqs=[1, 2], of=[3, 4], origin="there")
    assert (fault.stage, fault.service, fault.position, fault.upstream) == ("stage1.out", "process-1", 1, 0)
    assert (fault.kind, fault.certainty, fault.evidence, fault.origin) == ("gap/lost", "suspected", "seen", "there")
    assert (fault.seqs, fault.of) == ((1, 2), (3, 4))


@pytest.mark.parametrize(
    ("seqs", "count", "counted"), [([1, 2], None, 2), ([], None, 1), ([1, 2], 7, 7), ([1, 2], 0, 0)]
)
def test_a_fault_counts_its_chunks(seqs: list[int], count: int | None, counted: int) -> None:
    """As many as are named, unless more is known; the end of a stream is one."""
    stream = stream_of(["a"], whole)
    assert fault_at(stream, 0, "outcome/failed", "", upstream=None, seqs=seqs, count=count).count == counted


def test_faults_are_made_in_one_place() -> None:
    """No module of the diagnosis but the fault's own calls the class."""
    callers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Fault"
    }
    assert callers == {"faults/fault.py"}
