"""The recorder's thread. It refers weakly to whom it works for, so that a dropped application ends its thread."""

from __future__ import annotations

import atexit
import queue
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Protocol


class Works(Protocol):
    """Whom a worker works for."""

    @property
    def closed(self) -> bool:
        """Whether the thread ends as soon as there is nothing to do."""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do until somebody wakes the worker."""

    def work(self, *, roll: bool = False) -> bool:
        """Do what there is to do. Return whether there is more to do at once."""

    def report(self, error: Exception) -> None:
        """Report an error that `work` raised."""

    def start_flush(self) -> Callable[[], bool]:
        """Ask the thread to do all there is to do. Return a function that says whether it is done."""

    def shutdown(self, waited_s: float = 0.0) -> None:
        """Have all done for the last time.

        Args:
            waited_s: Seconds that have passed of the time that it may take.
        """


class Asked:
    """A request to do the work, for which somebody waits.

    Args:
        roll: Passed on to `Works.work`.
    """

    __slots__ = ("_done", "_error", "orphaned", "roll")

    def __init__(self, roll: bool) -> None:
        self.roll = roll
        self.orphaned = False
        """Whether the thread ended before the work was done."""
        self._done = threading.Event()
        self._error: Exception | None = None

    def finish(self, error: Exception | None = None) -> None:
        """Mark the work as done, or as failed with an error."""
        self._error = error
        self._done.set()

    @property
    def done(self) -> bool:
        """Whether the work is done."""
        return self._done.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until the work is done, `timeout_s` seconds at most. Return whether it is.

        Raises:
            Exception: The error that the work raised.
        """
        done = self._done.wait(timeout_s)
        if self._error is not None:
            raise self._error
        return done


class Worker:
    """A daemon thread that works at intervals while there is work, and sleeps while there is none.

    Args:
        works: Whom it works for.
        interval_s: Seconds from one pass to the next.
    """

    def __init__(self, works: Works, interval_s: float) -> None:
        bell = _Bell()
        self.wake: Callable[[], None] = bell.ring
        """Wakes the thread. It takes no lock, so destructors may call it."""
        self._bell = bell
        self._works = weakref.ref(works, lambda gone: bell.ring())
        self._thread = threading.Thread(
            target=_run, args=(self._works, bell, interval_s), name="otel-sse-recorder", daemon=True
        )

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def is_here(self) -> bool:
        """Whether the caller is in this thread."""
        return threading.current_thread() is self._thread

    @staticmethod
    def is_any_here() -> bool:
        """Whether the caller is in some worker's thread. It must not wait for another one, which may wait for it."""
        return getattr(_here, "works", False)

    def start(self) -> None:
        """Start the thread, and have the work shut down when the process exits.

        Raises:
            RuntimeError: The system has no thread for it, or the interpreter is ending.
        """
        self._thread.start()
        works = self._works()
        if works is not None:
            _exit.watch(works)

    def ask(self, *, roll: bool = False) -> Asked:
        """Ask for the work to be done at once. Return the request, to wait for."""
        asked = Asked(roll)
        self._bell.asked.append(asked)
        self._bell.ring()
        if not self.alive:
            _fail(self._bell)
        return asked

    def stop(self, timeout_s: float) -> None:
        """Wake the thread and wait until it has ended, `timeout_s` seconds at most."""
        self.wake()
        if not self.is_here:
            self._thread.join(timeout_s)


class _Bell:
    """Wakes the thread, and holds the requests that it has not done."""

    __slots__ = ("_queue", "_rung", "asked")

    def __init__(self) -> None:
        # A destructor may run in the middle of a `put` and call it again. An `Event` has a lock and can't take that.
        self._queue: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._rung = False
        self.asked: deque[Asked] = deque()

    def ring(self) -> None:
        if not self._rung:
            self._rung = True
            self._queue.put(None)

    def wait(self, timeout_s: float | None) -> None:
        try:
            self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return
        finally:
            self._rung = False


_here = threading.local()


def _run(ref: weakref.ref[Works], bell: _Bell, interval_s: float) -> None:
    more = False
    _here.works = True
    try:
        while (works := ref()) is not None:
            idle = works.idle and not bell.asked
            if idle and works.closed:
                break
            del works
            if not more:
                bell.wait(None if idle else interval_s)
            if (works := ref()) is not None:
                more = _work(works, bell)
            del works
    finally:
        _fail(bell)


def _work(works: Works, bell: _Bell) -> bool:
    asked = [bell.asked.popleft() for _ in range(len(bell.asked))]
    more = False
    try:
        more = works.work(roll=any(each.roll for each in asked))
    except Exception as error:
        for each in asked:
            each.finish(error)
        if not asked:
            works.report(error)
    except BaseException:
        for each in asked:
            _orphan(each)
        raise
    for each in asked:
        if not each.done:
            each.finish()
    return more


def _fail(bell: _Bell) -> None:
    """Mark all requests as orphaned, because the thread has ended."""
    while bell.asked:
        _orphan(bell.asked.popleft())


def _orphan(asked: Asked) -> None:
    asked.orphaned = True
    asked.finish()


class _Exit:
    """Shuts all work down when the process exits.

    Exit handlers run last in, first out. The providers registered theirs before the first stream, so that pending spans
    reach them before they shut down. One handler serves all workers. Where others have registered since, it is
    registered anew, to stay the last: not more often, because before 3.14 Python keeps a slot for each one taken back.
    """

    def __init__(self) -> None:
        self._works: weakref.WeakSet[Works] = weakref.WeakSet()
        self._count = -1

    def watch(self, works: Works) -> None:
        """Have `works.shutdown()` called at exit, unless it is closed by then."""
        self._works.add(works)
        if self._count < 0 or self._count != _handlers():
            atexit.unregister(self.run)
            atexit.register(self.run)
            self._count = _handlers()

    def run(self) -> None:
        """Shut down all that is not closed. Their threads work at the same time."""
        open_ = [works for works in list(self._works) if not works.closed]
        for works in open_:
            works.start_flush()
        since_s = time.monotonic()
        for works in open_:
            works.shutdown(time.monotonic() - since_s)


def _handlers() -> int:
    # Not documented, so it may be gone some day. Then the handler is registered anew with each thread. From 3.14 on it
    # is so already: a handler that was taken back no longer counts there, and one in its place would go unseen.
    count = None if sys.version_info >= (3, 14) else getattr(atexit, "_ncallbacks", None)
    return -1 if count is None else int(count())


_exit = _Exit()
