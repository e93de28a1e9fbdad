"""The recorder's thread. It knows its recorder weakly: an application that is dropped takes its recorder along."""

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
    """What a worker does its work for."""

    @property
    def closed(self) -> bool:
        """Whether the thread is to end once there is nothing more to do."""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do until somebody wakes the worker."""

    def work(self, *, roll: bool = False) -> bool:
        """Do what there is to do now; return whether there is more to do at once."""

    def report(self, error: Exception) -> None:
        """Take note of an error that `work` raised."""

    def start_flush(self) -> Callable[[], bool]:
        """Have the thread do all there is to do, without waiting for it."""

    def shutdown(self, waited_s: float = 0.0) -> None:
        """Do all there is to do, for the last time.

        Args:
            waited_s: What has passed of the time that it may take.
        """


class Asked:
    """One time that somebody asked for the work to be done and waits for it.

    Args:
        roll: Passed on to the work.
    """

    __slots__ = ("_done", "_error", "orphaned", "roll")

    def __init__(self, roll: bool) -> None:
        self.roll = roll
        self.orphaned = False
        """Whether the thread ended before it was done."""
        self._done = threading.Event()
        self._error: Exception | None = None

    def finish(self, error: Exception | None = None) -> None:
        """Say that the work is done, or what it raised."""
        self._error = error
        self._done.set()

    @property
    def done(self) -> bool:
        """Whether it is done."""
        return self._done.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it is done; return False where it is not done in time.

        Raises:
            Exception: What the work raised.
        """
        done = self._done.wait(timeout_s)
        if self._error is not None:
            raise self._error
        return done


class Worker:
    """A daemon thread that works at intervals while there is work, and sleeps without end while there is none.

    Args:
        works: Whose work it does.
        interval_s: Seconds between two times.
    """

    def __init__(self, works: Works, interval_s: float) -> None:
        bell = _Bell()
        self.wake: Callable[[], None] = bell.ring
        """Has the work done soon. It takes no lock, so a destructor may call it."""
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
        """Whether this is called in the thread."""
        return threading.current_thread() is self._thread

    @staticmethod
    def is_any_here() -> bool:
        """Whether this is called in a worker's thread, which must not wait for another one: that may wait for it."""
        return getattr(_here, "works", False)

    def start(self) -> None:
        """Start the thread, and have the last work done when the process exits.

        Raises:
            RuntimeError: The system has no thread for it, or the interpreter is ending.
        """
        self._thread.start()
        works = self._works()
        if works is not None:
            _exit.watch(works)

    def ask(self, *, roll: bool = False) -> Asked:
        """Have the work done at once, and return what to wait for."""
        asked = Asked(roll)
        self._bell.asked.append(asked)
        self._bell.ring()
        if not self.alive:
            _fail(self._bell)
        return asked

    def stop(self, timeout_s: float) -> None:
        """Wake the thread and wait until it has seen that its work is over; at most `timeout_s` seconds."""
        self.wake()
        if not self.is_here:
            self._thread.join(timeout_s)


class _Bell:
    """What wakes the thread, and what it is asked for."""

    __slots__ = ("_queue", "_rung", "asked")

    def __init__(self) -> None:
        # Its `put` may be called in a destructor that runs in the middle of another call: an event's `set` may not.
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
    """Let nobody wait for a thread that has ended."""
    while bell.asked:
        _orphan(bell.asked.popleft())


def _orphan(asked: Asked) -> None:
    asked.orphaned = True
    asked.finish()


class _Exit:
    """Has the last work done when the process exits.

    Exit handlers run last in, first out, and the providers made theirs before the first stream: what is pending here
    reaches them before they shut down. One handler serves all; it is put behind the others again where some were made
    since. Before 3.14 Python keeps a place for each one that was taken back, so that is not done without need.
    """

    def __init__(self) -> None:
        self._works: weakref.WeakSet[Works] = weakref.WeakSet()
        self._count = -1

    def watch(self, works: Works) -> None:
        """Have `works.shutdown()` called at exit, where it is not closed by then."""
        self._works.add(works)
        if self._count < 0 or self._count != _handlers():
            atexit.unregister(self.run)
            atexit.register(self.run)
            self._count = _handlers()

    def run(self) -> None:
        """Do the last work, of all at the same time."""
        open_ = [works for works in list(self._works) if not works.closed]
        for works in open_:
            works.start_flush()
        since_s = time.monotonic()
        for works in open_:
            works.shutdown(time.monotonic() - since_s)


def _handlers() -> int:
    # Not documented, so it may be gone some day; then the handler is made anew with each thread. So it is from 3.14 on:
    # there a handler that was taken back no longer counts, and one made in its place would go unseen.
    count = None if sys.version_info >= (3, 14) else getattr(atexit, "_ncallbacks", None)
    return -1 if count is None else int(count())


_exit = _Exit()
