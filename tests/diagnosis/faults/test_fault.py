"""A fault: made in one place, with what follows from its stage."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import otel_sse
from otel_sse.diagnosis.faults.fault import fault_at
from tests.diagnosis.made_pipeline import stream_of, whole

PACKAGE = Path(otel_sse.__file__).parent / "diagnosis"


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
