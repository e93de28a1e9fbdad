"""Text of a stage's own that equals an earlier chunk by chance."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.diagnose import diagnose
from tests.diagnosis.made_pipeline import Item, stream_of

WORDS = ["Hello", "!", "\n", *(f" word{number}" for number in range(30))]

LINEAGE = pytest.mark.parametrize("lineage", [True, False], ids=["carried", "by-digest"])


def with_footer(items: list[Item]) -> list[Item]:
    """Adds a text at the end that the answer began with."""
    return [*items, Item("Hello", 1)]


def with_line_ends(items: list[Item]) -> list[Item]:
    """Adds a line end and a mark behind each tenth chunk."""
    out: list[Item] = []
    for number, item in enumerate(items, 1):
        out.append(item)
        if not number % 10:
            out += [Item("\n", 3), Item("!", 2)]
    return out


@LINEAGE
def test_one_chunk_far_behind_its_equal_is_suspected_at_most(lineage: bool) -> None:
    """A footer that equals the greeting is no proof that the greeting was handed on twice."""
    (fault,) = diagnose(stream_of(WORDS, with_footer, lineage=lineage)).faults
    assert (fault.kind, fault.certainty) == ("duplicate/doubled", "suspected")


@LINEAGE
def test_stage_that_may_rewrite_may_add_what_equals_earlier_chunks(lineage: bool) -> None:
    """Line ends and marks are its own; a note says so, and nothing is a fault."""
    found = diagnose(stream_of(WORDS, with_line_ends, lineage=lineage, rewrites=[1]))
    assert found.in_order
    assert any("may rewrite" in note for note in found.notes)
