"""Lateness of the event loop while many streams run at the pace of models."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench import apps, variants
from bench.chunks import large
from bench.processes import alone
from bench.request_cost import shuffled
from bench.variants import Variant

NAMES: Final = (variants.PLAIN, variants.CONTRIB, variants.NAIVE, variants.ALL, variants.PACKED)
STREAMS: Final = 20
CHUNKS_PER_S: Final = 250
"""Of one stream: 20 streams make 5,000 chunks a second."""

_TICK_S: Final = 0.005
_STREAM_S: Final = 1.0
_EXPORT_INTERVAL_MS: Final = 500
"""Exports fall into the time that is measured; the default of 5 s would put them behind it."""


@dataclass(slots=True, frozen=True)
class Lag:
    """How late a timer of 5 ms fired, in milliseconds, and what the process worked meanwhile.

    Args:
        p50_ms: Median.
        p99_ms: 99th percentile.
        max_ms: The latest.
        cpu_percent: CPU of the process, 100 being one core.
        ticks: Timers that fired.
    """

    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_percent: float
    ticks: int


@dataclass(slots=True)
class _Readings:
    late_s: list[float]
    cpu_s: float = 0.0
    wall_s: float = 0.0


def measure(rounds: int, seconds: float) -> dict[str, Lag]:
    """Return each variant's lag, in a fresh process.

    Args:
        rounds: Rounds; in each, every variant runs once, in an order of that round's own.
        seconds: How long each runs.
    """
    return alone(read, rounds, seconds)


def read(rounds: int, seconds: float) -> dict[str, Lag]:
    """Run the variants in this process. To be called in a fresh one."""
    chunks = large(round(CHUNKS_PER_S * _STREAM_S))
    app = apps.paced(chunks, 1 / CHUNKS_PER_S)
    made = [variants.make(name, app, export_interval_ms=_EXPORT_INTERVAL_MS) for name in NAMES]
    readings = {name: _Readings([]) for name in NAMES}
    for number in range(rounds):
        for variant in shuffled(made, number):
            asyncio.run(_run(variant, seconds, readings[variant.name]))
            variant.finish()
    for variant in made:
        variant.close()
    return {name: lag(each.late_s, each.cpu_s, each.wall_s) for name, each in readings.items()}


def lag(late_s: list[float], cpu_s: float, wall_s: float) -> Lag:
    """Return what the latenesses of one variant's ticks come to, in all its rounds together."""
    p50_s, p99_s = percentile(late_s, 50), percentile(late_s, 99)
    return Lag(p50_s * 1e3, p99_s * 1e3, max(late_s) * 1e3, 100 * cpu_s / wall_s, len(late_s))


async def _run(variant: Variant, seconds: float, readings: _Readings) -> None:
    users = [asyncio.ensure_future(_user(variant, number)) for number in range(STREAMS)]
    # Every user's first stream is under way before the first tick counts.
    await asyncio.sleep(_STREAM_S)
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    readings.late_s += await _ticks(seconds)
    readings.cpu_s += time.process_time() - cpu_s
    readings.wall_s += time.perf_counter() - wall_s
    for user in users:
        user.cancel()
    await asyncio.gather(*users, return_exceptions=True)


async def _user(variant: Variant, number: int) -> None:
    # Users start one after the other, so that their streams do not all end at once.
    await asyncio.sleep(_STREAM_S * number / STREAMS)
    while True:
        await variant.app(apps.scope(), apps.receive, apps.send)


async def _ticks(seconds: float) -> list[float]:
    clock = asyncio.get_running_loop().time
    late_s: list[float] = []
    ends_s = clock() + seconds
    while (started_s := clock()) < ends_s:
        await asyncio.sleep(_TICK_S)
        late_s.append(clock() - started_s - _TICK_S)
    return late_s


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that `percent` of all are at or below (nearest rank).

    Args:
        values: One value or more.
        percent: Above 0, at most 100.
    """
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]
