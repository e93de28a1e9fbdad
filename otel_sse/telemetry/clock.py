"""Two clocks: durations are monotonic, span timestamps are wall time."""

from __future__ import annotations

import time

import msgspec

now_ns = time.perf_counter_ns
"""The monotonic clock that all durations of this package are read from, in nanoseconds."""


class Anchor(msgspec.Struct, frozen=True):
    """One reading of both clocks, which turns any monotonic reading into wall time.

    A stream keeps one anchor for its life, so the order and the distances of its events are those of the monotonic
    clock even where the wall clock is set meanwhile.
    """

    wall_ns: int
    monotonic_ns: int

    @classmethod
    def read(cls) -> Anchor:
        """Return an anchor made of both clocks' present readings."""
        return cls(time.time_ns(), now_ns())

    def wall(self, monotonic_ns: int) -> int:
        """Return the wall time, in nanoseconds since the epoch, of a monotonic reading."""
        return self.wall_ns + monotonic_ns - self.monotonic_ns
