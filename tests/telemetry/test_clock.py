"""Clocks: durations are monotonic, timestamps are wall time."""

from __future__ import annotations

import time

from otel_sse.telemetry.clock import Anchor, now_ns

SECOND_NS = 1_000_000_000


def test_an_anchor_keeps_distances_and_meets_the_wall_clock() -> None:
    """A monotonic reading becomes the wall time of the same moment; distances are those of the monotonic clock."""
    anchor = Anchor(1_000, 50)
    assert [anchor.wall(reading) for reading in (50, 60, 40)] == [1_000, 1_010, 990]
    before = time.time_ns()
    now = Anchor.read().wall(now_ns())
    # A wall clock may be set by a little at any time.
    assert before - SECOND_NS < now < time.time_ns() + SECOND_NS
