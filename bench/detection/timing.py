"""When frames come: gaps as a model's were recorded."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Final

OPENED_NS: Final = 1_000_000_000
_FIRST_MS: Final = 350.0
_NS_PER_MS: Final = 1e6


def times_ns(
    count: int, gaps_ms: Sequence[float], chance: random.Random, wait_s: Mapping[int, float] | None = None
) -> list[int]:
    """Return when each of so many frames comes.

    Args:
        count: Frames.
        gaps_ms: Recorded gaps to draw from.
        chance: Draws.
        wait_s: Seconds to wait before a frame, by its place, instead of a gap.
    """
    wait_s = wait_s or {}
    now = float(OPENED_NS)
    found: list[int] = []
    for at in range(count):
        usual_ms = chance.choice(gaps_ms) if at else _FIRST_MS
        now += wait_s.get(at, usual_ms / 1_000) * 1_000 * _NS_PER_MS
        found.append(round(now))
    return found
