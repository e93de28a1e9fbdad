"""CPU per chunk of single stages on the request's thread: `observe`, policies, the envelope, HTTP clients."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from bench import stage_passes
from bench.request_cost import quartiles
from bench.stage_passes import Passes
from otel_sse.integrations.apps import end_recorder
from otel_sse.options import Options
from otel_sse.recording.recorder import Recorder
from otel_sse.recording.registry import new_recorder

ALL: Final = "all"
UNSAMPLED: Final = "unsampled"
_SAMPLERS: Final = {ALL: ALWAYS_ON, UNSAMPLED: ALWAYS_OFF}


@dataclass(slots=True, frozen=True)
class StageCost:
    """What one stage adds, in microseconds of CPU a chunk on the request's thread: medians over all rounds.

    Args:
        plain_us: What the chunks take without it.
        added_us: Sampling → median of the difference in the same round, detail `all`.
        added_quartiles_us: Sampling → first and third quartile of the same.
    """

    plain_us: float
    added_us: dict[str, float]
    added_quartiles_us: dict[str, tuple[float, float]]


class DroppingExporter(SpanExporter):
    """Drops spans."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Drop."""
        return SpanExportResult.SUCCESS


@dataclass(slots=True, frozen=True)
class _Run:
    """One pass of a round: which stage, what was done, and how to do it again."""

    stage: str
    how: str
    once: Callable[[asyncio.AbstractEventLoop], int]


def measure(chunk_count: int, rounds: int, warm_ups: int) -> dict[str, StageCost]:
    """Return what each stage costs.

    Args:
        chunk_count: Chunks of one pass.
        rounds: Rounds that count; in each, every stage is passed plain, sampled and not, in an order of its own.
        warm_ups: Rounds before them that do not count.
    """
    with _recorder(ALL) as sampled, _recorder(UNSAMPLED) as unsampled:
        runs = [*_runs(stage_passes.make(chunk_count), {ALL: sampled, UNSAMPLED: unsampled})]
        taken_ns: dict[str, dict[str, list[int]]] = {}
        loop = asyncio.new_event_loop()
        try:
            for number in range(-warm_ups, rounds):
                for run in Random(number).sample(runs, len(runs)):
                    gc.collect()
                    ns = run.once(loop)
                    if number >= 0:
                        taken_ns.setdefault(run.stage, {}).setdefault(run.how, []).append(ns)
        finally:
            loop.close()
    return {run.stage: cost(taken_ns[run.stage], chunk_count) for run in runs}


def cost(taken_ns: dict[str, list[int]], chunk_count: int) -> StageCost:
    """Return a stage's cost over the plain pass of the same round.

    Args:
        taken_ns: `plain`, `all` and `unsampled` → what each round took, in the order of the rounds.
        chunk_count: Chunks of one pass.
    """
    plain = taken_ns["plain"]
    added = {how: [(a - b) / chunk_count / 1e3 for a, b in zip(taken_ns[how], plain, strict=True)] for how in _SAMPLERS}
    return StageCost(
        median(plain) / chunk_count / 1e3,
        {how: median(values) for how, values in added.items()},
        {how: quartiles(values) for how, values in added.items()},
    )


def _runs(made: Sequence[Passes], by_sampling: dict[str, tuple[Recorder, Any]]) -> Iterator[_Run]:
    for passes in made:
        yield _Run(passes.name, "plain", _plain(passes))
        for how, (recorder, provider) in by_sampling.items():
            yield _Run(passes.name, how, _staged(passes, recorder, provider))


def _plain(passes: Passes) -> Callable[[asyncio.AbstractEventLoop], int]:
    return lambda loop: loop.run_until_complete(stage_passes.cpu_ns(passes.plain))


def _staged(passes: Passes, recorder: Recorder, provider: TracerProvider) -> Callable[[asyncio.AbstractEventLoop], int]:
    def once(loop: asyncio.AbstractEventLoop) -> int:
        ns = loop.run_until_complete(stage_passes.staged_cpu_ns(passes, recorder))
        recorder.flush()
        provider.force_flush()
        return ns

    return once


@contextmanager
def _recorder(sampling: str) -> Iterator[tuple[Recorder, TracerProvider]]:
    provider = TracerProvider(sampler=_SAMPLERS[sampling], shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(DroppingExporter()))
    options = Options.resolve(None, chunk_events="all", clients=True, emit=False, websockets=False)
    recorder = new_recorder(options, provider, None)
    try:
        yield recorder, provider
    finally:
        end_recorder(recorder)
        provider.shutdown()
