"""Cases through the bare and the instrumented application: what differs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

import otel_sse
from tests.fuzz.cases import make
from tests.fuzz.playing import App, Play

_BATCH = 100
_ERRORS = "sse.internal_errors"


class Difference(NamedTuple):
    """What differs in one case.

    Args:
        seed: Of the whole run.
        number: Of the case.
        bare: What was seen with the bare application, from where it differs.
        watched: Likewise, instrumented.
    """

    seed: object
    number: int
    bare: Any
    watched: Any

    def __str__(self) -> str:
        seen = f"  bare:         {self.bare}\n  instrumented: {self.watched}"
        return f"case {self.number} differs.\n{seen}\n  again: make fuzz ARGS='--seed {self.seed} --case {self.number}'"


def _as_it_is(app: App) -> App:
    return app


def differences(
    seed: object, numbers: Iterator[int], wrap: Callable[[App], App] = _as_it_is
) -> Iterator[Difference | None]:
    """Play cases, and give for each what differs, None where nothing does.

    Args:
        seed: Of the cases.
        numbers: Which cases.
        wrap: Put around the instrumented application: for tests that something is found.
    """
    while batch := [number for number, _ in zip(numbers, range(_BATCH), strict=False)]:
        # The bare ones first, because some patches are the process's.
        bare = [Play(case) for case in (make(seed, number) for number in batch)]
        expected = [play.through(play.app) for play in bare]
        with _Watched(wrap) as watched:
            for number, seen in zip(batch, expected, strict=True):
                yield _difference(seed, number, seen, watched)


class _Watched:
    """An application that is instrumented with the default options, and plays what it is given."""

    def __init__(self, wrap: Callable[[App], App]) -> None:
        self._play: Play | None = None
        self._reader = InMemoryMetricReader()
        self._meters = MeterProvider(metric_readers=[self._reader], shutdown_on_exit=False)
        self._tracers = TracerProvider(shutdown_on_exit=False)
        self._app: Any = otel_sse.instrument(self._serve, tracer_provider=self._tracers, meter_provider=self._meters)
        self._wrapped = wrap(self._app)
        self._errors = 0

    def __enter__(self) -> _Watched:
        return self

    def __exit__(self, *raised: object) -> None:
        otel_sse.uninstrument(self._app)
        self._tracers.shutdown()
        self._meters.shutdown()

    def see(self, play: Play) -> list[Any]:
        """Return what was seen, and how many errors of ours there were."""
        self._play = play
        seen = play.through(self._wrapped)
        otel_sse.flush()
        before, self._errors = self._errors, self._count()
        return [*seen, ("internal errors", self._errors - before)]

    async def _serve(self, scope: Any, receive: Any, send: Any) -> Any:
        assert self._play is not None
        return await self._play.app(scope, receive, send)

    def _count(self) -> int:
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics]
        metrics = [metric for scope in scopes for metric in scope.metrics if metric.name == _ERRORS]
        points: list[Any] = [point for metric in metrics for point in metric.data.data_points]
        return sum(int(point.value) for point in points)


def _difference(seed: object, number: int, expected: list[Any], watched: _Watched) -> Difference | None:
    bare: list[Any] = [*expected, ("internal errors", 0)]
    seen = watched.see(Play(make(seed, number), unwraps=True))
    if seen == bare:
        return None
    at = next((at for at, (a, b) in enumerate(zip(bare, seen, strict=False)) if a != b), min(len(bare), len(seen)))
    return Difference(seed, number, bare[at : at + 2], seen[at : at + 2])


def run(seed: object, seconds: float, most_found: int = 5) -> tuple[int, list[Difference]]:
    """Play cases for a time; return how many, and what differed.

    Args:
        seed: Of the cases.
        seconds: How long.
        most_found: Differences after which it is enough.
    """
    quiet = logging.getLogger("otel_sse")
    until, count, found = time.monotonic() + seconds, 0, []
    was, quiet.disabled = quiet.disabled, True
    try:
        for difference in differences(seed, iter(range(2**31))):
            count += 1
            if difference is not None:
                found.append(difference)
            if len(found) >= most_found or time.monotonic() > until:
                break
    finally:
        quiet.disabled = was
    return count, found
