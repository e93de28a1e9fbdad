"""docs/faults: every fault of the demo, and every kind of finding, has its place on a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from otel_sse.demo.faults import FAULTS
from otel_sse.stream.kinds import FAULTS as DIAGNOSED
from otel_sse.stream.kinds import FINDINGS

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "faults"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.md"))}
FAMILIES = {name: page for name, page in PAGES.items() if name != "README.md"}
PARTS = ("What the user sees.", "What the trace shows.", "What the tool says.", "How to fix it.")
KINDS = sorted(kind.name for kind in (*FINDINGS, *DIAGNOSED))


def section(name: str) -> str:
    """The section about a fault: the only one of all pages."""
    found = [re.search(rf"^## `{name}`: .*?(?=^## |\Z)", page, re.M | re.S) for page in FAMILIES.values()]
    (only,) = [each[0] for each in found if each]
    return only


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_a_section_with_all_its_parts(name: str) -> None:
    """A fault that can be made has the four parts, and what the tool says names its kind, certainty and stage."""
    place = FAULTS[name].pipeline
    if place is None:
        assert section(name)
        return
    assert [part for part in PARTS if f"**{part}**" not in section(name)] == []
    certainty = "certain" if place.certain else "suspected"
    assert re.search(rf"^1 {re.escape(place.kind)}, {certainty}, \d+ {re.escape(place.stage)}\b", section(name), re.M)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_stands_on_a_page(kind: str) -> None:
    """Each kind that a detector or the diagnosis tells is found on one of the pages."""
    assert any(kind in page for page in FAMILIES.values())


def test_the_index_names_every_page_and_every_fault() -> None:
    """The index links each family's page, and has each fault in its table."""
    index = PAGES["README.md"]
    assert [name for name in FAMILIES if f"]({name})" not in index] == []
    assert [name for name in FAULTS if f"`{name}`" not in index] == []
