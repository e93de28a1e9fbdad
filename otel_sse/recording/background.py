"""The recorder's work behind the application's back: who does it, and who waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Final

from otel_sse.options import Options
from otel_sse.recording import fork
from otel_sse.recording.stage_record import StageRecord
from otel_sse.recording.worker import Worker
from otel_sse.recording.writer import Writer
from otel_sse.stream import outcome as outcomes
from otel_sse.telemetry import instruments
from otel_sse.telemetry.internal import InternalErrors
from otel_sse.telemetry.metrics import Metrics

logger = logging.getLogger("otel_sse")

DEFERRED: Final = "request"
"""What stands for a stage where the end of a request's span, or a hook, is forgotten: these belong to no stage."""

FLUSH_TIMEOUT_S: Final = 30.0
"""Seconds that a flush waits at most by default, as OpenTelemetry's `force_flush` does."""


class Background:
    """What waits for a recorder's thread, and that thread, which starts with the first stream. For any thread.

    Only the recorder's thread writes. Where the system has none for it, as when the interpreter ends, whoever asks for
    the work to be done does it.

    Args:
        options: The settings.
        metrics: Counts.
        errors: Takes note of our own errors.
        watch: Called with each new writer: has it measured how much waits there.
    """

    def __init__(
        self, options: Options, metrics: Metrics, errors: InternalErrors, watch: Callable[[Writer], None]
    ) -> None:
        self._options = options
        self._metrics = metrics
        self._errors = errors
        self._watch = watch
        self._closed = False
        self._told_late = False
        self._reset()
        fork.watch(self)

    def _reset(self) -> None:
        self.writer = Writer(self._options, self._metrics, self._errors)
        self._watch(self.writer)
        self._start_lock = threading.Lock()
        self._worker: Worker | None = None

    def after_fork(self) -> None:
        """Start afresh in a forked child: the parent goes on with its own streams, the child has none yet."""
        instruments.after_fork()
        self._reset()

    # Stages and steps.

    def begin(self, record: StageRecord) -> None:
        """Take over a stage that has begun."""
        first = self.writer.idle
        self.writer.begin(record)
        worker = self._ensure_worker()
        if worker is None:
            # It is tried again with the next stream; until then a flush, or the exit, writes in its caller's thread.
            self._metrics.internal_error("open")
        elif first:
            worker.wake()

    def end(self, record: StageRecord) -> None:
        """Take over a stage that has ended: it is written next."""
        self.writer.end(record)
        # A stage that began before `shutdown` may end behind it: it has a thread that ends with it.
        worker = self._ensure_worker() if self._closed else self._worker
        if worker is not None:
            worker.wake()
        elif self._closed:
            self.writer.work()

    def end_later(self, end: Callable[[], None]) -> None:
        """Have the recorder's thread call `end` soon: for destructors, which may run anywhere and must take no lock."""
        self.writer.end_later(end)

    def defer(self, step: Callable[[], None]) -> None:
        """Have the recorder's thread do something soon that may take long, such as to end a span.

        Args:
            step: Does it. Where too much waits already it is forgotten, and counted as dropped.
        """
        if not self.writer.defer(step):
            self._metrics.dropped(DEFERRED, 1)
            return
        worker = self._worker
        if worker is not None and worker.alive:
            worker.wake()
        # A destructor may come here in the middle of a start in the same thread, and must not wait for it.
        elif self._start_lock.acquire(blocking=False):
            try:
                started = self._start_worker()
            finally:
                self._start_lock.release()
            if started is None:
                self.writer.work()

    def call_hook(self, hook: Callable[..., object], *args: object) -> None:
        """Have a hook of the user's called by the recorder's thread, in a copy of the present context.

        Args:
            hook: The hook. What it raises is counted.
            *args: What it is called with.
        """
        self.defer(partial(copy_context().run, self._errors.guarded, "hook", hook, *args))

    # Waiting for the work.

    @property
    def closed(self) -> bool:
        """Whether `shutdown` has been called: nothing is to be opened any more."""
        return self._closed

    @property
    def idle(self) -> bool:
        """Whether there is nothing to write and no stream is open."""
        return self.writer.idle

    @property
    def has_open(self) -> bool:
        """Whether a stage has not ended yet."""
        return bool(self.writer.unended())

    def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> bool:
        """Have everything written that has crossed so far, and wait; segments of open streams end, to be seen.

        A hook that calls this is in the recorder's thread already, and goes on at once.

        Args:
            timeout_s: Seconds to wait at most.

        Returns:
            Whether all is written.
        """
        return self._have_done(timeout_s, roll=True)

    def start_flush(self) -> Callable[[], bool]:
        """Have everything written out that has crossed so far; return what says whether it is, without waiting."""
        worker = self._ensure_worker() if not self.writer.idle else None
        if worker is None or worker.is_here:
            return lambda: True
        asked = worker.ask(roll=True)
        return lambda: asked.done

    def catch_up(self) -> None:
        """Have what has crossed written out, without ending the segments of streams that are open; wait for it."""
        self._have_done(FLUSH_TIMEOUT_S, roll=False)

    def _have_done(self, timeout_s: float, *, roll: bool) -> bool:
        if self.writer.idle:
            return True
        until_s = time.monotonic() + timeout_s
        while (worker := self._ensure_worker()) is not None:
            if worker.is_here:
                return True
            asked = worker.ask(roll=roll)
            if worker.is_any_here():
                return asked.done
            done = asked.wait(max(until_s - time.monotonic(), 0))
            if not asked.orphaned:
                return done
        # No thread is to be had, as when the interpreter ends.
        self.writer.work(roll=roll)
        return True

    def shutdown(self, waited_s: float = 0.0) -> None:
        """Have everything written and stop. Streams still open end as `abandoned`.

        Waits for `shutdown_timeout_seconds` at most; what is not written by then is given up, counted, and told once.

        Args:
            waited_s: Seconds of that which have passed.
        """
        self._closed = True
        for record in self.writer.unended():
            if not record.close_settled():
                record.close(outcomes.ABANDONED)
        # Where it has hung for as long as that already, nobody waits once more.
        timeout_s = max(self._options.shutdown_timeout_seconds - max(self.writer.busy_s, waited_s), 0)
        until_s = time.monotonic() + timeout_s
        written = self._have_done(timeout_s, roll=True)
        worker = self._worker
        if worker is not None and not worker.is_here:
            worker.stop(max(until_s - time.monotonic(), 0))
        if not written:
            self._give_up()

    def _give_up(self) -> None:
        stages, entries = self.writer.forgo_all()
        self.tell_late(f"{stages} stages with {entries} chunks were not written.")

    def tell_late(self, consequence: str) -> None:
        """Say in the log that the recorder was not done in time; once.

        Args:
            consequence: What comes of it.
        """
        if not self._told_late:
            self._told_late = True
            cause = "an exporter or a hook takes too long"
            seconds = self._options.shutdown_timeout_seconds
            logger.warning(
                "the recorder was not done after %g s (shutdown_timeout_seconds): %s. %s", seconds, cause, consequence
            )

    # The thread.

    def work(self, *, roll: bool = False) -> bool:
        """Write out what is there; called by the recorder's thread. Return whether there is more to do at once."""
        return self.writer.work(roll=roll)

    def report(self, error: Exception) -> None:
        """Take note of an internal error that `work` raised; its thread goes on."""
        self._errors.report("record", error)

    def _ensure_worker(self) -> Worker | None:
        """Return the recorder's thread, started if need be; None where there is none to be had."""
        worker = self._worker
        if worker is not None and worker.alive:
            return worker
        with self._start_lock:
            return self._start_worker()

    def _start_worker(self) -> Worker | None:
        # What kills a thread (a SystemExit out of a hook) is not to end all recording.
        if self._worker is None or not self._worker.alive:
            worker = Worker(self, self._options.flush_interval_seconds)
            try:
                worker.start()
            except RuntimeError:
                return None
            self._worker = worker
        return self._worker
