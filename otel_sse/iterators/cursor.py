"""The stage that an iterator feeds: begun at the first pull, ended once, whatever way the iterator ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from otel_sse.recording.outcomes import error_type, outcome_of
from otel_sse.recording.stage_record import StageRecord
from otel_sse.stream import outcome as outcomes
from otel_sse.telemetry.clock import now_ns

OpenStage: TypeAlias = "Callable[[], StageRecord | None]"


class StageCursor:
    """One stage that an iterator feeds: begun at the first pull, ended once.

    Whoever pulls calls `begin` first, `observe` with each object, and then one of `end`, `end_by`, `raised` and `drop`.

    Args:
        open_stage: Begins the stage. Where it returns None, nothing is observed.
    """

    __slots__ = ("_cancelled", "_open", "given_ns", "observe", "record")

    def __init__(self, open_stage: OpenStage) -> None:
        self._open = open_stage
        self.record: StageRecord | None = None
        self.observe: Callable[[Any, int], None] = _look_away
        """Called by pulls with each object and the time: `take` without a call in between. An exception of it is for
        `failed`."""
        self.given_ns = 0
        """When the latest object was handed on, on `clock.now_ns`; 0 while the next one is waited for."""
        self._cancelled = False

    def begin(self) -> None:
        """Begin the stage, the first time."""
        if self.record is None:
            self._begin()

    def _begin(self) -> None:
        self.record = self._open()
        self._look()
        if self.record is not None:
            self.record.on_abandon = self.end
            self.record.is_pulled = self._is_pulled

    def _is_pulled(self) -> bool:
        return not self.given_ns and not self._cancelled

    def unasked(self, time_ns: int) -> None:
        """Count the time since the latest object as the consumer's pause, and not as silence of the source.

        Args:
            time_ns: Now, on `clock.now_ns`.
        """
        if self.given_ns and self.record is not None:
            self.record.monitor.unasked(time_ns - self.given_ns)

    def again(self) -> StageCursor:
        """Return a cursor for one more pass over an iterable: another stage, begun in the same way."""
        return StageCursor(self._open)

    def take(self, item: Any, time_ns: int) -> None:
        """Observe one object that has crossed. Never raises."""
        try:
            self.observe(item, time_ns)
        except Exception as error:
            self.failed(error)

    def failed(self, error: Exception) -> None:
        """Report an internal error. After `limits.MAX_STAGE_ERRORS` of them the stage observes nothing."""
        if self.record is not None:
            self.record.failed(error)
            self._look()

    def _look(self) -> None:
        """Set `observe`; a cursor that has a way of its own to read overrides this."""
        if self.record is not None:
            self.observe = self.record.take

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        """End the stage, the first time. Never raises.

        Args:
            outcome: One of `stream.outcome`. After a cancelled pull `completed` and `abandoned` become `cancelled`.
            error: The exception of a failed one.
        """
        record = self.record
        if record is None or record.ended:
            return
        self.observe = _look_away
        record.on_abandon = record.is_pulled = None
        if self._cancelled and outcome in (outcomes.COMPLETED, outcomes.ABANDONED):
            outcome = outcomes.CANCELLED
        name = error_type(error) if error is not None and outcome == outcomes.FAILED else ""
        try:
            self.unasked(now_ns())
            record.close(outcome, name)
        except Exception as internal:
            record.errors.report("close", internal)

    def end_by(self, error: BaseException) -> None:
        """End the stage with the outcome of an exception that the iterator raised."""
        self.end(outcome_of(error), error)

    def raised(self, error: BaseException, *, awaited: bool = False) -> None:
        """End the stage because of an exception from an iterator that is no generator, and so may go on.

        Further objects are another stage of the same name. A cancelled pull alone leaves the stage open:
        `asyncio.wait_for` cancels a pull to send a heartbeat, and pulls again. Without a further object the stage ends
        as cancelled, when it is closed or dropped.

        Args:
            error: The exception.
            awaited: Whether the pull was awaited, and so could be cancelled.
        """
        if self.record is None or self.record.ended:
            return
        if awaited and outcome_of(error) == outcomes.CANCELLED:
            self._cancelled = True
        else:
            self.end_by(error)
        self.observe = self._go_on

    def _go_on(self, item: Any, time_ns: int) -> None:
        self._cancelled = False
        if self.record is not None and self.record.ended:
            self._begin()
        self._look()
        self.observe(item, time_ns)

    def drop(self) -> None:
        """Let the recorder's thread end the stage as abandoned. For destructors: it takes no lock."""
        if self.record is not None and not self.record.ended:
            self.record.end_later(partial(self.end, outcomes.ABANDONED))


def _look_away(item: Any, time_ns: int) -> None:
    """Stand in for observing where there is nothing to observe."""
