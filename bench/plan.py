"""How long each part of a run takes, and what a run found."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from bench import crowd as crowds_end
from bench import growth, lag, memory, request_cost, response_cost, stage_cost, start_cost
from bench.chunks import SHAPES


@dataclass(slots=True, frozen=True)
class Plan:
    """How much is measured.

    Args:
        chunks: Chunks of a stream, or of a single stage, whose CPU is measured.
        rounds: Rounds of that which count.
        warm_ups: Rounds before them.
        response_rounds: Rounds of responses that are not streams.
        requests: Requests in a block of one such round.
        idle_streams: Streams that are open at once while memory is read.
        growth_chunks: Chunks of the long stream.
        growth_from: Chunk from which its growth counts.
        lag_rounds: Rounds of the event loop's lag.
        lag_s: Seconds for which a variant runs in each.
        crowds: Streams that are open when all of them end.
        crowd_rounds: Rounds of each such end, and of a slow recorder.
        starts: Processes in which each application's start is measured.
    """

    chunks: int = 2_000
    rounds: int = 15
    warm_ups: int = 2
    response_rounds: int = 200
    requests: int = 50
    idle_streams: int = 500
    growth_chunks: int = 1_000_000
    growth_from: int = 50_000
    lag_rounds: int = 3
    lag_s: float = 2.5
    crowds: tuple[int, ...] = crowds_end.CROWDS
    crowd_rounds: int = 1
    starts: int = 15


FULL: Final = Plan()
QUICK: Final = Plan(
    rounds=5,
    warm_ups=1,
    response_rounds=40,
    idle_streams=100,
    growth_chunks=60_000,
    growth_from=30_000,
    lag_rounds=1,
    lag_s=1.0,
    crowds=(250, 500),
    starts=5,
)


@dataclass(slots=True)
class Results:
    """What was found. A part that was not measured is empty."""

    request_cost: dict[str, dict[str, dict[str, request_cost.Cost]]] = field(default_factory=dict)
    """Shape of the chunks → collector mode → variant → cost."""
    response_cost: dict[str, dict[str, response_cost.Added]] = field(default_factory=dict)
    """Application → variant → what it adds."""
    memory: dict[str, memory.PerStream] = field(default_factory=dict)
    """Variant → bytes."""
    growth: growth.Growth | None = None
    lag: dict[str, lag.Lag] = field(default_factory=dict)
    """Variant → lag."""
    crowd: crowds_end.Crowd = field(default_factory=dict)
    """Variant → how streams end → how many → CPU a stream."""
    slow: dict[str, crowds_end.Late] = field(default_factory=dict)
    """What is slow → how late the loop is."""
    stage_cost: dict[str, stage_cost.StageCost] = field(default_factory=dict)
    """Stage → cost."""
    start_cost: dict[str, start_cost.Start] = field(default_factory=dict)
    """Application → what its start pays more."""


def _request(plan: Plan, results: Results) -> None:
    for shape in SHAPES:
        results.request_cost[shape] = request_cost.measure(shape, plan.chunks, plan.rounds, plan.warm_ups)


def _response(plan: Plan, results: Results) -> None:
    results.response_cost = response_cost.measure(plan.response_rounds, plan.requests)


def _memory(plan: Plan, results: Results) -> None:
    results.memory = memory.measure(plan.idle_streams)


def _growth(plan: Plan, results: Results) -> None:
    results.growth = growth.measure(plan.growth_chunks, plan.growth_from)


def _lag(plan: Plan, results: Results) -> None:
    results.lag = lag.measure(plan.lag_rounds, plan.lag_s)


def _crowd(plan: Plan, results: Results) -> None:
    results.crowd = crowds_end.measure(plan.crowd_rounds, plan.crowds)
    results.slow = crowds_end.slow(plan.crowd_rounds)


def _stages(plan: Plan, results: Results) -> None:
    results.stage_cost = stage_cost.measure(plan.chunks, plan.rounds, plan.warm_ups)


def _start(plan: Plan, results: Results) -> None:
    results.start_cost = start_cost.measure(plan.starts)


STAGES: Final = "stages"

PARTS: Final[dict[str, Callable[[Plan, Results], None]]] = {
    "request": _request,
    "response": _response,
    "memory": _memory,
    "growth": _growth,
    "lag": _lag,
    "crowd": _crowd,
    "start": _start,
    STAGES: _stages,
}
"""What can be measured: name → function that measures it."""

SPINE: Final = tuple(name for name in PARTS if name != STAGES)
"""What is measured where nobody asks for parts: single stages have a run, results and tables of their own."""


def run(plan: Plan, parts: Collection[str], say: Callable[[str], None]) -> Results:
    """Measure, one part after the other, so that none disturbs another.

    Args:
        plan: How much.
        parts: Which of `PARTS`.
        say: Called with each part's name before it is measured.
    """
    results = Results()
    for name, measure in PARTS.items():
        if name in parts:
            say(name)
            measure(plan, results)
    return results
