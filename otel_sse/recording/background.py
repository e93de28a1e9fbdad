"""The recorder's work in the background: which thread does it, and who waits for it."""

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
"""Label for the stage of a forgotten step: the end of a request's span, or a hook. These belong to no stage."""

FLUSH_TIMEOUT_S: Final = 30.0
"""Seconds that a flush waits at most by default, as OpenTelemetry's `force_flush` does."""


class Background:
    """A recorder's thread, which starts with the first stage, and what waits for it. Any thread may call it.

    Only that thread writes. If the system has no thread to give, as when the interpreter ends, the thread that asks for
    the work does it.

    Args:
        options: The settings.
        metrics: The instruments of the recorder.
        errors: Counts and logs our own errors.
        watch: Called with each new writer, to measure how much waits there.
    """

    def __init__(
        self, options: Options, metrics: Metrics, errors: InternalErrors, watch: Callable[[Writer], None]
    ) -> None:
        self._options = options
        self._metrics = metrics
        self._errors = errors
        self._watch = watch
        self._closed = False
        self._warned = False
        self._reset()
        fork.watch(self)

    def _reset(self) -> None:
        self.writer = Writer(self._options, self._metrics, self._errors)
        self._watch(self.writer)
        self._start_lock = threading.Lock()
        self._worker: Worker | None = None

    def after_fork(self) -> None:
        """Start afresh in a forked child, which has no streams. Those that are open go on in the parent."""
        instruments.after_fork()
        self._reset()

    # Stages and steps.

    def begin(self, record: StageRecord) -> None:
        """Take over a stage that has begun, and start the thread if there is none."""
        first = self.writer.idle
        self.writer.begin(record)
        worker = self._ensure_worker()
        if worker is None:
            # The next stage tries again. Until then a flush, or the exit, writes in its caller's thread.
            self._metrics.internal_error("open")
        elif first:
            worker.wake()

    def end(self, record: StageRecord) -> None:
        """Take over a stage that has ended, and have it written soon."""
        self.writer.end(record)
        # After `shutdown` a stage may still end. It gets a thread, which ends when all is written.
        worker = self._ensure_worker() if self._closed else self._worker
        if worker is not None:
            worker.wake()
        elif self._closed:
            self.writer.work()

    def end_later(self, end: Callable[[], None]) -> None:
        """Have the recorder's thread call `end` soon, which ends a stage. It takes no lock: destructors may call it."""
        self.writer.end_later(end)

    def defer(self, step: Callable[[], None]) -> None:
        """Have the recorder's thread do a step soon that may take long, such as ending a span.

        Args:
            step: Does it. If too many steps wait, it is forgotten and counted as dropped.
        """
        if not self.writer.defer(step):
            self._metrics.dropped(DEFERRED, 1)
            return
        worker = self._worker
        if worker is not None and worker.alive:
            worker.wake()
        # A destructor may call this while its own thread starts the worker, and must not wait for that.
        elif self._start_lock.acquire(blocking=False):
            try:
                started = self._start_worker()
            finally:
                self._start_lock.release()
            if started is None:
                self.writer.work()

    def call_hook(self, hook: Callable[..., object], *args: object) -> None:
        """Have the recorder's thread call a hook of the user's, in a copy of the current context.

        Args:
            hook: The hook. An error of it is counted.
            *args: Its arguments.
        """
        self.defer(partial(copy_context().run, self._errors.guarded, "hook", hook, *args))

    # Waiting for the work.

    @property
    def closed(self) -> bool:
        """Whether `shutdown` has been called. Nobody should begin a stage any more."""
        return self._closed

    @property
    def idle(self) -> bool:
        """Whether there is nothing to write and no stage is open."""
        return self.writer.idle

    @property
    def has_open(self) -> bool:
        """Whether a stage is open."""
        return bool(self.writer.unended())

    def flush(self, timeout_s: float = FLUSH_TIMEOUT_S) -> bool:
        """Have everything written that has crossed, and wait. Segments of open streams end, so that they can be seen.

        A hook that calls this is in the recorder's thread, and goes on at once.

        Args:
            timeout_s: Seconds to wait at most.

        Returns:
            Whether everything is written.
        """
        return self._have_done(timeout_s, roll=True)

    def start_flush(self) -> Callable[[], bool]:
        """Ask for everything to be written, and do not wait. Return a function that says whether it is written."""
        worker = self._ensure_worker() if not self.writer.idle else None
        if worker is None or worker.is_here:
            return lambda: True
        asked = worker.ask(roll=True)
        return lambda: asked.done

    def catch_up(self) -> None:
        """Have everything written that has crossed, and wait. Segments of open streams go on."""
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
        # The system has no thread to give, as when the interpreter ends.
        self.writer.work(roll=roll)
        return True

    def shutdown(self, waited_s: float = 0.0) -> None:
        """Have everything written, and stop. Streams that are still open end as `abandoned`.

        It waits for `shutdown_timeout_seconds` at most. The rest is dropped and counted, and logged once.

        Args:
            waited_s: Seconds of that time which have passed.
        """
        self._closed = True
        for record in self.writer.unended():
            if not record.close_settled():
                record.close(outcomes.ABANDONED)
        # If the thread has hung for as long as that already, nobody waits for it again.
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
        self.warn_late(f"{stages} stages with {entries} chunks were not written.")

    def warn_late(self, consequence: str) -> None:
        """Warn in the log, once, that the recorder was not done in time.

        Args:
            consequence: What is lost by that.
        """
        if not self._warned:
            self._warned = True
            cause = "an exporter or a hook takes too long"
            seconds = self._options.shutdown_timeout_seconds
            logger.warning(
                "the recorder was not done after %g s (shutdown_timeout_seconds): %s. %s", seconds, cause, consequence
            )

    # The thread.

    def work(self, *, roll: bool = False) -> bool:
        """Write what waits; see `Writer.work`. Called by the recorder's thread."""
        return self.writer.work(roll=roll)

    def report(self, error: Exception) -> None:
        """Report an internal error that `work` raised. The thread goes on."""
        self._errors.report("record", error)

    def _ensure_worker(self) -> Worker | None:
        """Return the recorder's thread, started if need be; None if the system has none to give."""
        worker = self._worker
        if worker is not None and worker.alive:
            return worker
        with self._start_lock:
            return self._start_worker()

    def _start_worker(self) -> Worker | None:
        # A thread that died, by a SystemExit out of a hook, is replaced, so that recording goes on.
        if self._worker is None or not self._worker.alive:
            worker = Worker(self, self._options.flush_interval_seconds)
            try:
                worker.start()
            except RuntimeError:
                return None
            self._worker = worker
        return self._worker
