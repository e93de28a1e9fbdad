"""Cases through the bare and the instrumented application: what differs."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

import otel_sse
from tests.fuzz.cases import make
from tests.fuzz.playing import App, Play
from tests.fuzz.responses import Answer

_BATCH = 100
_ERRORS = "sse.internal_errors"


class Difference(NamedTuple):
    """What differs in one case.

    Args:
        seed: Of the whole run.
        case: Name of the case.
        bare: What was seen with the bare application, from where it differs.
        watched: Likewise, instrumented.
    """

    seed: object
    case: str
    bare: Any
    watched: Any

    def __str__(self) -> str:
        seen = f"  bare:         {self.bare}\n  instrumented: {self.watched}"
        return f"case {self.case} differs.\n{seen}\n  again: make fuzz ARGS='--seed {self.seed} --case {self.case}'"


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
    while batch := list(islice(numbers, _BATCH)):
        # The bare ones first, because some patches are the process's.
        bare = [Play(case) for case in (make(seed, number) for number in batch)]
        expected = [play.through(play.app) for play in bare]
        with _Meters() as meters:
            watched = _Watched(meters, wrap)
            try:
                for number, seen in zip(batch, expected, strict=True):
                    yield _difference(seed, str(number), seen, watched.see(Play(make(seed, number), unwraps=True)))
            finally:
                watched.close()


class _Meters:
    """A meter provider of which only the number of our internal errors is asked."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self._counted = 0
        self.provider = MeterProvider(metric_readers=[self._reader], shutdown_on_exit=False)
        self.tracers = TracerProvider(shutdown_on_exit=False)

    def __enter__(self) -> _Meters:
        return self

    def __exit__(self, *raised: object) -> None:
        self.tracers.shutdown()
        self.provider.shutdown()

    def instrument(self, app: Any) -> Any:
        """Instrument an application with the default options."""
        return otel_sse.instrument(app, tracer_provider=self.tracers, meter_provider=self.provider)

    def new_errors(self) -> int:
        """Return how many errors of ours there have been since the last time."""
        otel_sse.flush()
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics]
        metrics = [metric for scope in scopes for metric in scope.metrics if metric.name == _ERRORS]
        points: list[Any] = [point for metric in metrics for point in metric.data.data_points]
        before, self._counted = self._counted, sum(int(point.value) for point in points)
        return self._counted - before


class _Watched:
    """An application that is instrumented with the default options, and plays what it is given."""

    def __init__(self, meters: _Meters, wrap: Callable[[App], App]) -> None:
        self._play: Play | None = None
        self._meters = meters
        self._app: Any = meters.instrument(self._serve)
        self._wrapped = wrap(self._app)

    def see(self, play: Play) -> list[Any]:
        """Return what was seen, and how many errors of ours there were."""
        self._play = play
        return [*play.through(self._wrapped), ("internal errors", self._meters.new_errors())]

    def close(self) -> None:
        """Undo all."""
        otel_sse.uninstrument(self._app)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> Any:
        assert self._play is not None
        return await self._play.app(scope, receive, send)


def _difference(seed: object, case: str, bare: list[Any], seen: list[Any]) -> Difference | None:
    bare = [*bare, ("internal errors", 0)]
    if seen == bare:
        return None
    at = next((at for at, (a, b) in enumerate(zip(bare, seen, strict=False)) if a != b), min(len(bare), len(seen)))
    return Difference(seed, case, bare[at : at + 2], seen[at : at + 2])


def of_responses(
    seed: object, numbers: Iterator[int], wrap: Callable[[App], App] = _as_it_is
) -> Iterator[Difference | None]:
    """Likewise for answers of a framework; see `differences`."""
    while batch := list(islice(numbers, _BATCH)):
        bare = [answer.asked(answer.app()) for answer in (Answer(seed, number) for number in batch)]
        with _Meters() as meters:
            for number, expected in zip(batch, bare, strict=True):
                answer = Answer(seed, number)
                app = meters.instrument(answer.app())
                seen = answer.asked(wrap(app))
                otel_sse.uninstrument(app)
                yield _difference(seed, f"r{number}", expected, [*seen, ("internal errors", meters.new_errors())])


def one(seed: object, case: str) -> Difference | None:
    """Play one case again, by the name that a difference gives it."""
    number = iter([int(case.lstrip("r"))])
    return next(of_responses(seed, number) if case.startswith("r") else differences(seed, number))


def run(seed: object, seconds: float, most_found: int = 5) -> tuple[int, list[Difference]]:
    """Play cases of both kinds for a time; return how many, and what differed.

    Args:
        seed: Of the cases.
        seconds: How long.
        most_found: Differences after which it is enough.
    """
    until, count, found = time.monotonic() + seconds, 0, list[Difference]()
    # What a client sends may be no baggage, which OpenTelemetry logs for each.
    logging.disable(logging.ERROR)
    try:
        for at in itertools.count():
            kind = (differences, of_responses)[at % 2]
            first = at // 2 * _BATCH
            # Each to its end, so that nothing is instrumented when the next bare ones are played.
            for difference in kind(seed, iter(range(first, first + _BATCH))):
                count += 1
                found += [] if difference is None else [difference]
            if len(found) >= most_found or time.monotonic() > until:
                break
    finally:
        logging.disable(logging.NOTSET)
    return count, found
