"""What a response that is not a stream costs: request by request, beside the same application measured twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench import apps, variants
from bench.request_cost import shuffled
from bench.variants import Variant

AGAIN: Final = "plain, measured again"
BARE: Final = "bare ASGI"
STARLETTE: Final = "Starlette route"

APPS: Final[dict[str, Callable[[], apps.ASGIApp]]] = {BARE: apps.bare_json, STARLETTE: apps.starlette_json}
"""The applications that are asked: name → how to make one."""

NAMES: Final = (variants.PLAIN, AGAIN, variants.ALL, variants.SERVER, variants.CONTRIB_QUIET, variants.CONTRIB)


@dataclass(slots=True, frozen=True)
class Added:
    """What one variant adds to a request, in microseconds of CPU on the request's thread.

    Args:
        median_us: Median over the rounds of the difference to the plain application in the same round; of the
            plain application what it takes itself.
        spread_us: How far the rounds lie from that median, itself a median: half of them lie nearer. Not a high
            percentile, by which a machine that is busy elsewhere would make everything look lost in noise.
    """

    median_us: float
    spread_us: float


def measure(rounds: int, requests: int) -> dict[str, dict[str, Added]]:
    """Return for each application what each variant adds to a request.

    Args:
        rounds: Rounds; in each, every variant answers one block of requests.
        requests: Requests in a block.
    """
    return {name: _measure(make, rounds, requests) for name, make in APPS.items()}


def _measure(make_app: Callable[[], apps.ASGIApp], rounds: int, requests: int) -> dict[str, Added]:
    made = [_make(name, make_app()) for name in NAMES]
    blocks: dict[str, list[float]] = {name: [] for name in NAMES}
    loop = asyncio.new_event_loop()
    try:
        for number in range(-max(1, rounds // 10), rounds):
            for variant in shuffled(made, number):
                taken_us = loop.run_until_complete(_serve(variant, requests)) / requests / 1e3
                variant.finish()
                if number >= 0:
                    blocks[variant.name].append(taken_us)
    finally:
        loop.close()
        for variant in made:
            variant.close()
    return added(blocks)


def _make(name: str, app: apps.ASGIApp) -> Variant:
    variant = variants.make(variants.PLAIN if name == AGAIN else name, app)
    variant.name = name
    return variant


async def _serve(variant: Variant, requests: int) -> int:
    scopes = [apps.scope() for _ in range(requests)]
    started_ns = time.thread_time_ns()
    for scope in scopes:
        await variant.app(scope, apps.receive, apps.send)
    return time.thread_time_ns() - started_ns


def added(blocks: dict[str, list[float]]) -> dict[str, Added]:
    """Return each variant's blocks over the plain application's, paired by round."""
    plain = blocks[variants.PLAIN]
    return {name: _added(plain if taken is plain else _over(taken, plain)) for name, taken in blocks.items()}


def _over(taken: Sequence[float], plain: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(taken, plain, strict=True)]


def _added(differences: Sequence[float]) -> Added:
    middle = median(differences)
    return Added(middle, median(abs(each - middle) for each in differences))


def noise_us(costs: dict[str, Added]) -> float:
    """Return how far apart two measures of the same application lie, in microseconds a request."""
    again = costs[AGAIN]
    return abs(again.median_us) + again.spread_us
