"""A stretch of chunks in which something is unusual."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.lineage.pending import Crossings
from otel_sse.lineage.shares import Shares
from otel_sse.lineage.stretch import Stretch
from tests.lineage.made_edges import Side


@pytest.mark.parametrize(
    ("chunks", "full"), [(limits.MAX_STRETCH_CHUNKS - 1, False), (limits.MAX_STRETCH_CHUNKS, True)]
)
def test_stretch_is_bounded(chunks: int, full: bool) -> None:
    """At MAX_STRETCH_CHUNKS chunks it is full, and half of it is judged and forgotten."""
    stretch, source, above, below = Stretch(()), Crossings(), Side(), Side()
    for n in range(chunks):
        stretch.take(below.chunk(f"{n // 2}"), [] if n % 2 else [above.chunk(f"{n // 2}")], source, calm=False)
    assert stretch.is_full is full
    verdict = stretch.half(Shares())
    assert chunks / 4 - 1 <= len(verdict.copies) <= chunks / 4 + 1
    assert not stretch.is_full
    rest = stretch.end(Shares())
    assert len(verdict.copies) + len(rest.copies) == chunks // 2


def test_stretch_is_over_once_three_follow_in_their_order() -> None:
    """An unusual chunk between them makes it go on."""
    stretch, source, side = Stretch(()), Crossings(), Side()
    for calm in (False, True, True, False, True, True):
        stretch.take(side.chunk("a"), (), source, calm=calm)
    assert not stretch.is_over
    stretch.take(side.chunk("a"), (), source, calm=True)
    assert stretch.is_over


@pytest.mark.parametrize(("head", "missing"), [(limits.LEFT_OUT_CHUNKS - 1, True), (limits.LEFT_OUT_CHUNKS, False)])
def test_long_beginning_is_left_out_on_purpose(head: int, missing: bool) -> None:
    """LEFT_OUT_CHUNKS chunks before the first that goes on are a model's reasoning, perhaps; fewer are missing."""
    stretch, side = Stretch(()), Side()
    ups = [side.chunk(f"{n}") for n in range(head + 1)]
    stretch.take(Side().chunk(f"{head}"), ups, Crossings(), calm=False)
    assert len(stretch.end(Shares()).missing) == (head if missing else 0)
