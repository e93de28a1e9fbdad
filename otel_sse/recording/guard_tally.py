"""Counts and logs what guards do: by the chunk's number, never by its text."""

from __future__ import annotations

import logging
from collections import Counter
from functools import cache
from typing import Final, NamedTuple

from opentelemetry.trace import format_trace_id, get_current_span

from otel_sse import __version__, limits, semconv
from otel_sse.recording.live_stream import Stream
from otel_sse.telemetry.instruments import meter_of
from otel_sse.telemetry.internal import InternalErrors
from otel_sse.telemetry.metrics import Metrics

logger = logging.getLogger(semconv.GUARD_LOGGER)

_LEVELS: Final = {"raised": logging.WARNING, "kept": logging.DEBUG, "released": logging.DEBUG}
"""Levels other than INFO. A chunk that a guard left as it was is of interest to few."""

_PENDING: Final = 64
"""Actions that are counted together: one `add()` costs more than a whole chunk."""


class GuardTally:
    """Counts and logs what one guard does on one stream.

    Args:
        guard: Its name, one of `semconv.GUARDS`.
        stream: The stream of the request that is being served; None outside of any.
    """

    __slots__ = ("_acted", "_counted", "_guard", "_lines", "_metrics", "_pending", "_stream")

    def __init__(self, guard: str, stream: Stream | None) -> None:
        self._guard = guard
        self._stream = stream
        self._metrics = _outside().metrics if stream is None else stream.recorder.metrics
        self._counted: Counter[str] = Counter()
        self._pending: Counter[str] = Counter()
        self._acted = self._lines = 0

    def did(self, action: str, said: str, count: int = 1) -> None:
        """Count and log an action.

        Args:
            action: One of the guard's actions in `semconv.GUARDS`.
            said: The chunks it concerns, for the log: numbers and places, never content.
            count: How many chunks it concerns.
        """
        self._acted += 1
        self._pending[action] += count
        if self._pending[action] >= _PENDING:
            self._hand_over()
        if self._lines < limits.MAX_GUARD_LINES:
            self._lines += 1
            logger.log(_LEVELS.get(action, logging.INFO), "%s %s %s%s", self._guard.upper(), action, said, self._tail())

    def end(self) -> None:
        """Count what is pending. Where the log lacks lines, write one that sums up."""
        self._hand_over()
        if self._acted > self._lines:
            sums = " ".join(f"{action}={count}" for action, count in self._counted.items())
            logger.info("%s SUMMARY %s%s", self._guard.upper(), sums, self._tail())
        self._counted.clear()
        self._acted = self._lines = 0

    def failed(self, error: Exception) -> None:
        """Report an error of the guard, or of a function of the user's that it called."""
        errors = _outside().errors if self._stream is None else self._stream.recorder.errors
        errors.report("guard", error)

    def _hand_over(self) -> None:
        pending, self._pending = self._pending, Counter()
        self._counted += pending
        for action, count in pending.items():
            self._metrics.guard_actions(self._guard, action, count)

    def _tail(self) -> str:
        stream = f" stream={self._stream.id}" if self._stream is not None else ""
        context = get_current_span().get_span_context()
        return f"{stream} trace_id={format_trace_id(context.trace_id)}" if context.is_valid else stream


class _Outside(NamedTuple):
    metrics: Metrics
    errors: InternalErrors


@cache
def _outside() -> _Outside:
    """The instruments of the global provider, for guards outside of any request."""
    metrics = Metrics(meter_of(__version__, None))
    metrics.start_guards()
    return _Outside(metrics, InternalErrors(metrics.internal_error))
