"""What simpler rules would say: an equal hash seen before, next to each other, or within 100 ms."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bench.detection.injections import double_emission, second_start
from bench.detection.recordings import Frame, Recording
from bench.detection.timing import times_ns

_WINDOW_NS: Final = 100_000_000

Crossed = Sequence[tuple[str, int]]
"""Contents with their times."""


def seen_before(crossed: Crossed) -> bool:
    """Whether any content was seen before."""
    return len({content for content, _ in crossed}) < len(crossed)


def adjacent(crossed: Crossed) -> bool:
    """Whether any content equals its neighbour."""
    return any(one[0] == other[0] for one, other in pairwise(crossed))


def within_window(crossed: Crossed) -> bool:
    """Whether any content was seen less than 100 ms before."""
    latest: dict[str, int] = {}
    for content, time_ns in crossed:
        if time_ns - latest.get(content, -_WINDOW_NS) < _WINDOW_NS:
            return True
        latest[content] = time_ns
    return False


RULES: Final[dict[str, Callable[[Crossed], bool]]] = {
    "same hash seen": seen_before,
    "same hash adjacent": adjacent,
    "same hash within 100 ms": within_window,
}


@dataclass(slots=True)
class Baseline:
    """How one rule does: clean answers that it flags, and faults that it finds.

    Args:
        clean: Clean answers flagged, of how many.
        doubled: Doubled answers found, of how many.
        restarted: Answers begun again that were found, of how many.
    """

    clean: tuple[int, int] = (0, 0)
    doubled: tuple[int, int] = (0, 0)
    restarted: tuple[int, int] = (0, 0)


def baselines(recordings: Sequence[Recording], gaps_ms: Sequence[float], seed: int) -> dict[str, Baseline]:
    """Ask each rule about clean answers with 20 or more pieces of content, doubled ones and ones begun again."""
    found = {name: Baseline() for name in RULES}
    for recording in recordings:
        chance = random.Random(f"{seed} {recording.file}")
        doubled, restarted = double_emission(recording, chance), second_start(recording, chance)
        if doubled is None or restarted is None:
            continue
        for name, rule in RULES.items():
            one = found[name]
            one.clean = _count(one.clean, rule(_crossed(recording.frames, gaps_ms, chance)))
            one.doubled = _count(one.doubled, rule(_crossed(doubled.frames, gaps_ms, chance)))
            one.restarted = _count(one.restarted, rule(_crossed(restarted.frames, gaps_ms, chance)))
    return found


def _count(sums: tuple[int, int], flagged: bool) -> tuple[int, int]:
    return sums[0] + flagged, sums[1] + 1


def _crossed(frames: Sequence[Frame], gaps_ms: Sequence[float], chance: random.Random) -> Crossed:
    times = times_ns(len(frames), gaps_ms, chance)
    pairs = zip(frames, times, strict=True)
    return [(frame.content, time_ns) for frame, time_ns in pairs if frame.content is not None]
