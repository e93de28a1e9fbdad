"""The recorder's thread: works while there is work, sleeps else, and ends with its recorder."""

from __future__ import annotations

import gc
import threading
import weakref

from otel_sse.telemetry.worker import Worker, Works, _at_exit


class Chores:
    """Work that is counted."""

    def __init__(self, idle: bool = True) -> None:
        self.closed = False
        self.idle = idle
        self.done = 0
        self.worked = threading.Event()
        self.shut_down = 0
        self.raises: BaseException | None = None
        self.reported: list[Exception] = []

    def work(self) -> None:
        self.done += 1
        self.worked.set()
        if self.raises is not None:
            raise self.raises

    def report(self, error: Exception) -> None:
        self.reported.append(error)

    def shutdown(self) -> None:
        self.closed = True
        self.shut_down += 1


def test_an_idle_worker_works_only_when_woken() -> None:
    """While its work is idle the thread sleeps without end; `wake` makes it work once."""
    chores, busy = Chores(), Chores(idle=False)
    worker, beside = Worker(chores, 0.001), Worker(busy, 0.001)
    worker.start()
    beside.start()
    for _ in range(20):
        assert busy.worked.wait(60)
        busy.worked.clear()
    busy.closed = True
    beside.stop()
    assert chores.done == 0
    worker.wake()
    assert chores.worked.wait(60)
    chores.closed = True
    worker.stop()
    assert not worker._thread.is_alive()


def test_a_busy_worker_works_at_intervals() -> None:
    """While there is work it comes back by itself."""
    chores = Chores(idle=False)
    worker = Worker(chores, 0.001)
    worker.start()
    for _ in range(3):
        assert chores.worked.wait(60)
        chores.worked.clear()
    chores.closed = True
    worker.stop()
    assert chores.done >= 3


def test_the_thread_ends_when_nobody_holds_its_work_any_more() -> None:
    """An application that is dropped without `uninstrument` leaves no thread behind."""
    chores = Chores()
    worker = Worker(chores, 3600)
    worker.start()
    thread, gone = worker._thread, weakref.ref(chores)
    del chores, worker
    gc.collect()
    thread.join(60)
    assert gone() is None
    assert not thread.is_alive()


def test_at_exit_the_last_work_is_done_once() -> None:
    """The exit handler shuts down what still runs, and leaves alone what is closed or gone."""
    chores = Chores()
    ref: weakref.ref[Works] = weakref.ref(chores)
    _at_exit(ref)
    _at_exit(ref)
    assert chores.shut_down == 1
    del chores
    gc.collect()
    _at_exit(ref)


def test_an_error_at_work_does_not_end_the_thread() -> None:
    """What the work raises is reported, and the thread comes back to it."""
    chores = Chores(idle=False)
    chores.raises = IndexError("pop from an empty deque")
    worker = Worker(chores, 0.001)
    worker.start()
    for _ in range(3):
        assert chores.worked.wait(60)
        chores.worked.clear()
    assert worker.alive
    chores.closed = True
    worker.stop()
    assert set(chores.reported) == {chores.raises}
    assert not worker.alive
