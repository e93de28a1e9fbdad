"""CPU per chunk of a stream: on the request's thread, and in all with the export."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from statistics import median, quantiles
from typing import Final

from bench import apps, variants
from bench.chunks import SHAPES
from bench.variants import Variant

GC_ON: Final = "gc on"
GC_OFF: Final = "gc off"
MODES: Final = (GC_ON, GC_OFF)


@dataclass(slots=True)
class Runs:
    """What the rounds of one variant took, in nanoseconds of CPU, in the order of the rounds."""

    request_ns: list[int] = field(default_factory=list)
    all_ns: list[int] = field(default_factory=list)
    encoded_bytes: int = 0


@dataclass(slots=True, frozen=True)
class Cost:
    """What one variant adds to the plain application, in microseconds of CPU a chunk: medians over all rounds.

    Args:
        request_us: On the request's thread; of the plain application what it takes itself.
        request_quartiles_us: First and third quartile of the same.
        all_us: On all threads, until the last span is encoded.
        all_quartiles_us: First and third quartile of the same.
        encoded_bytes: Bytes of OTLP in one round.
    """

    request_us: float
    request_quartiles_us: tuple[float, float]
    all_us: float
    all_quartiles_us: tuple[float, float]
    encoded_bytes: int


def measure(shape: str, chunk_count: int, rounds: int, warm_ups: int) -> dict[str, dict[str, Cost]]:
    """Return for each collector mode what each variant costs with chunks of one shape.

    Args:
        shape: One of `chunks.SHAPES`.
        chunk_count: Chunks of one stream.
        rounds: Rounds that count; in each, every variant serves one stream, in an order of that round's own.
        warm_ups: Rounds before them that do not count.
    """
    chunks = SHAPES[shape](chunk_count)
    made = [variants.make(name, apps.stream(chunks)) for name in variants.NAMES]
    try:
        return {mode: _measure(made, mode, rounds, warm_ups, chunk_count) for mode in MODES}
    finally:
        for variant in made:
            variant.close()


def _measure(made: Sequence[Variant], mode: str, rounds: int, warm_ups: int, chunk_count: int) -> dict[str, Cost]:
    runs = {variant.name: Runs() for variant in made}
    loop = asyncio.new_event_loop()
    try:
        with collector(mode == GC_ON):
            for number in range(-warm_ups, rounds):
                for variant in shuffled(made, number):
                    _run(loop, variant, runs[variant.name] if number >= 0 else Runs())
    finally:
        loop.close()
    return costs(runs, chunk_count)


def _run(loop: asyncio.AbstractEventLoop, variant: Variant, runs: Runs) -> None:
    # What earlier runs left behind is collected now, so that nobody pays for another's garbage.
    gc.collect()
    encoded_before = variant.exporter.bytes
    started_ns = time.process_time_ns()
    request_ns = loop.run_until_complete(_serve(variant))
    variant.finish()
    runs.all_ns.append(time.process_time_ns() - started_ns)
    runs.request_ns.append(request_ns)
    runs.encoded_bytes = variant.exporter.bytes - encoded_before


async def _serve(variant: Variant) -> int:
    scope = apps.scope()
    started_ns = time.thread_time_ns()
    await variant.app(scope, apps.receive, apps.send)
    return time.thread_time_ns() - started_ns


def costs(runs: dict[str, Runs], chunk_count: int) -> dict[str, Cost]:
    """Return each variant's cost over the plain application's, paired by round; the plain one's is its own."""
    plain = runs[variants.PLAIN]
    zero = Runs([0] * len(plain.request_ns), [0] * len(plain.all_ns))
    return {name: _cost(run, zero if run is plain else plain, chunk_count) for name, run in runs.items()}


def _cost(run: Runs, base: Runs, chunk_count: int) -> Cost:
    request_us = [(a - b) / chunk_count / 1e3 for a, b in zip(run.request_ns, base.request_ns, strict=True)]
    all_us = [(a - b) / chunk_count / 1e3 for a, b in zip(run.all_ns, base.all_ns, strict=True)]
    return Cost(median(request_us), quartiles(request_us), median(all_us), quartiles(all_us), run.encoded_bytes)


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the first and the third quartile of one value or more."""
    if len(values) == 1:
        return values[0], values[0]
    first, _, third = quantiles(values, n=4, method="inclusive")
    return first, third


def shuffled(made: Sequence[Variant], number: int) -> Sequence[Variant]:
    """Return the variants in an order of the round's own, the same in every run.

    A mere rotation would leave each with one and the same neighbour before it, and its caches as that one left them.

    Args:
        made: The variants.
        number: The round's number.
    """
    return Random(number).sample(made, len(made))


@contextmanager
def collector(on: bool) -> Iterator[None]:
    """Run the body with Python's cyclic garbage collector on or off; afterwards it is as before."""
    before = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        yield
    finally:
        (gc.enable if before else gc.disable)()
