"""Growth over a long stream: what counts as growth, and one short run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench import growth
from bench.growth import Readings, read_heap, read_rss, risen


@pytest.mark.parametrize(
    ("readings", "expected"),
    [([10, 12, 12, 11], 0), ([10, 12, 15, 11], 3), ([10, 12, 9, 9], -3), ([50, 12, 13, 12], 1)],
    ids=["level", "a later peak", "falling", "high at first"],
)
def test_growth_is_the_later_peak_over_the_earlier_one(readings: list[int], expected: int) -> None:
    """A saw-tooth that repeats is no growth; one later peak is, even if it falls again."""
    assert risen(readings, windows=2) == expected


@pytest.mark.parametrize("read", [read_rss, read_heap])
def test_short_stream_is_read_at_every_window(read: Callable[[int], Readings], monkeypatch: pytest.MonkeyPatch) -> None:
    """Four windows give four readings, and the chunks leave through the exporter meanwhile."""
    monkeypatch.setattr(growth, "WINDOW_CHUNKS", 50)
    found = read(200)
    assert len(found.held) == len(found.peak) == 4
    assert min(found.held) > 0
    assert found.encoded_bytes > 200 * 30
