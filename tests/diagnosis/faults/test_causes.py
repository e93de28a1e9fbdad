"""What is known of each kind of fault: in the code, in the verdict, and on the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_sse.diagnosis import faults
from otel_sse.diagnosis.faults.causes import CAUSES, UNKNOWN_CAUSE
from otel_sse.diagnosis.faults.fault import Fault
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN
from tests.stream.literals import names_used

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "diagnose.md").read_text(encoding="utf-8")
TOLD_OF = ("causes.py", "consequences.py", "findings.py")
"""Files that name kinds and make no fault of them."""

FILES = [f"diagnosis/faults/{path.name}" for path in Path(faults.__path__[0]).glob("*.py") if path.name not in TOLD_OF]
MADE = [value for name in names_used("kinds", *FILES) if name.isupper() and "/" in (value := getattr(kinds, name))]
KINDS = sorted({*MADE, *(kind.name for kind in kinds.FAULTS)})


def fault(kind: str) -> Fault:
    return Fault(kind=kind, certainty=CERTAIN, stage="emit", service="", position=0, upstream=None)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_that_a_diagnosis_makes_has_a_cause(kind: str) -> None:
    """And words of its own in the verdict."""
    assert fault(kind).cause != UNKNOWN_CAUSE.cause
    assert kind in kinds.PHRASES


@pytest.mark.parametrize("kind", CAUSES)
def test_every_kind_stands_on_the_page_as_in_the_code(kind: str) -> None:
    """docs/diagnose.md has the table of the code, word for word."""
    known = CAUSES[kind]
    assert f"| `{kind}` | {known.brief} | {known.cause} | {known.where_to_look} |" in PAGE


def test_a_kind_without_a_line_has_its_familys() -> None:
    """A detector's new kind is told with what is known of its family; of a new family it is said that nothing is."""
    assert fault("check/markdown_leak").cause == CAUSES["check"].cause
    assert fault("new/kind").cause == UNKNOWN_CAUSE.cause
    assert (fault("check/a").family, fault("check/a").detail, fault("odd").detail) == ("check", "a", "")
