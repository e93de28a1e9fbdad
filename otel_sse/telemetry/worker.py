"""The recorder's thread. It knows its recorder weakly: an application that is dropped takes its recorder along."""

from __future__ import annotations

import atexit
import threading
import weakref
from typing import Protocol


class Works(Protocol):
    """What a worker does its work for."""

    @property
    def closed(self) -> bool:
        """Whether there is nothing more to do."""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do until somebody wakes the worker."""

    def work(self) -> None:
        """Do what there is to do now."""

    def report(self, error: Exception) -> None:
        """Take note of an error that `work` raised."""

    def shutdown(self) -> None:
        """Do all there is to do, for the last time."""


class Worker:
    """A daemon thread that works at intervals while there is work, and sleeps without end while there is none.

    Args:
        works: Whose work it does.
        interval_s: Seconds between two times.
    """

    def __init__(self, works: Works, interval_s: float) -> None:
        wake = threading.Event()
        self.wake = wake.set
        self._works = weakref.ref(works, lambda gone: wake.set())
        self._thread = threading.Thread(
            target=_run, args=(self._works, wake, interval_s), name="otel-sse-recorder", daemon=True
        )

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread, and have the last work done when the process exits.

        Exit handlers run last in, first out, and the providers made theirs before the first stream: what is pending
        here reaches them before they shut down.
        """
        self._thread.start()
        atexit.register(_at_exit, self._works)

    def stop(self) -> None:
        """Wake the thread and wait until it has seen that its work is over; at most 5 seconds."""
        self.wake()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=5)


def _run(ref: weakref.ref[Works], wake: threading.Event, interval_s: float) -> None:
    while (works := ref()) is not None and not works.closed:
        idle = works.idle
        del works
        wake.wait(None if idle else interval_s)
        wake.clear()
        if (works := ref()) is not None:
            _work(works)
        del works


def _work(works: Works) -> None:
    try:
        works.work()
    except Exception as error:
        works.report(error)


def _at_exit(ref: weakref.ref[Works]) -> None:
    works = ref()
    if works is not None and not works.closed:
        works.shutdown()
