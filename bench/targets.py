"""What the cost is to stay below, and whether it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from bench import crowd, stage_passes, variants
from bench.plan import Results
from bench.request_cost import Cost
from bench.response_cost import STARLETTE, noise_us
from bench.start_cost import TRACED, Start

_KIB: Final = 1_024
_MIB: Final = 1_048_576

Found = dict[str, float]
"""Where it was measured → what was found."""


@dataclass(slots=True, frozen=True)
class Target:
    """One limit.

    Args:
        name: What is limited.
        limit: The highest value that meets it.
        unit: Its unit.
        read: Reads what was found out of the results; empty where that part was not measured.
    """

    name: str
    limit: float
    unit: str
    read: Callable[[Results], Found]


@dataclass(slots=True, frozen=True)
class Verdict:
    """What became of one target.

    Args:
        name: What is limited.
        limit: The highest value that meets it.
        unit: Its unit.
        found: Every value found; the highest decides.
        met: Whether all are at or below the limit.
    """

    name: str
    limit: float
    unit: str
    found: Found
    met: bool

    @property
    def worst(self) -> tuple[str, float]:
        """Where the highest value was found, and that value."""
        return max(self.found.items(), key=lambda each: each[1])


def judge(results: Results) -> list[Verdict]:
    """Return a verdict for each target whose part was measured."""
    return list(_verdicts(results))


def _verdicts(results: Results) -> Iterator[Verdict]:
    for target in TARGETS:
        found = target.read(results)
        if found:
            met = max(found.values()) <= target.limit
            yield Verdict(target.name, target.limit, target.unit, found, met)


def _request_us(cost: Cost) -> float:
    return cost.request_us


def _all_us(cost: Cost) -> float:
    return cost.all_us


def ratio(name: str, other: str, read: Callable[[Cost], float]) -> Callable[[Results], Found]:
    """Return a reader of one variant's cost as a part of another's, for each shape and collector mode.

    Args:
        name: The variant.
        other: The variant it is compared with.
        read: Which cost.
    """

    def found(results: Results) -> Found:
        return {
            f"{shape}, {mode}": read(costs[name]) / read(costs[other])
            for shape, modes in results.request_cost.items()
            for mode, costs in modes.items()
        }

    return found


def _response(results: Results) -> Found:
    costs = results.response_cost.get(STARLETTE)
    return {STARLETTE: costs[variants.ALL].median_us / noise_us(costs)} if costs else {}


def _idle(results: Results) -> Found:
    found: Found = {}
    for name in (variants.ALL, variants.SERVER):
        if name in results.memory:
            found[f"{name}, heap"] = results.memory[name].heap_bytes / _KIB
            found[f"{name}, RSS"] = results.memory[name].rss_bytes / _KIB
    return found


def _growth(results: Results) -> Found:
    growth = results.growth
    if growth is None:
        return {}
    return {
        "RSS": growth.rss_bytes / _MIB,
        "heap": growth.heap_bytes / _MIB,
        "heap peak": growth.heap_peak_bytes / _MIB,
    }


def _crowd_us(results: Results) -> Found:
    return {
        f"{name}, {ending}, {count:,}": us
        for name, endings in crowd.added(results.crowd).items()
        for ending, counts in endings.items()
        if ending in crowd.ENDINGS
        for count, us in counts.items()
    }


def _crowd_growth(results: Results) -> Found:
    return {
        f"{name}, {ending}": counts[max(counts)] / counts[min(counts)]
        for name, endings in crowd.added(results.crowd).items()
        for ending, counts in endings.items()
        if ending in crowd.ENDINGS
    }


def _slow(results: Results) -> Found:
    plain = results.slow.get(crowd.NOTHING)
    if plain is None:
        return {}
    return {name: late.max_ms - plain.max_ms for name, late in results.slow.items() if name != crowd.NOTHING}


def _start(read: Callable[[Start], float]) -> Callable[[Results], Found]:
    """Return a reader of what the start of a traced application pays more."""

    def found(results: Results) -> Found:
        start = results.start_cost.get(TRACED)
        return {} if start is None else {TRACED: read(start)}

    return found


def _stage(name: str) -> Callable[[Results], Found]:
    """Return a reader of what the stages whose name begins so add."""

    def found(results: Results) -> Found:
        return {
            f"{stage}, {how}": us
            for stage, cost in results.stage_cost.items()
            if stage.startswith(name)
            for how, us in cost.added_us.items()
        }

    return found


TARGETS: Final = (
    Target("request thread, all / naive", 0.55, "", ratio(variants.ALL, variants.NAIVE, _request_us)),
    Target("request thread, all / contrib", 0.2, "", ratio(variants.ALL, variants.CONTRIB, _request_us)),
    Target("all CPU, all / naive", 1.05, "", ratio(variants.ALL, variants.NAIVE, _all_us)),
    Target("all CPU, packed / naive", 0.35, "", ratio(variants.PACKED, variants.NAIVE, _all_us)),
    Target("all CPU, findings / naive", 0.25, "", ratio(variants.FINDINGS, variants.NAIVE, _all_us)),
    Target("all CPU, unsampled / naive", 0.25, "", ratio(variants.UNSAMPLED, variants.NAIVE, _all_us)),
    Target("not a stream, added / noise", 1.0, "", _response),
    Target("memory of an idle stream", 16.0, "KiB", _idle),
    Target("growth over the long stream", 5.0, "MiB", _growth),
    Target("end of a crowd, loop's CPU a stream", 100.0, "µs", _crowd_us),
    Target("end of a crowd, largest / smallest", 1.5, "", _crowd_growth),
    Target("loop's delay by a slow recorder, added", 5.0, "ms", _slow),
    Target("import otel_sse", 8.0, "ms", _start(lambda start: start.import_ms)),
    Target("instrument(app)", 30.0, "ms", _start(lambda start: start.instrument_ms)),
    Target("observe", 1.5, "µs", _stage(stage_passes.OBSERVE)),
    Target("policy, in and out", 3.0, "µs", _stage(stage_passes.POLICY)),
    Target("envelope, both ends", 6.0, "µs", _stage(stage_passes.ENVELOPE)),
)
"""Section 7 of the issue that asked for this package's first version. The naive wrapper was at 4.65 µs a chunk on the
request's thread there, so 0.55 of it is 2.5 µs. The last three are of
the issue that asked for stages, a chunk or message each."""
