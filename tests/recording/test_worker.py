"""The recorder's thread: works while there is work, sleeps else, and ends with its recorder."""

from __future__ import annotations

import atexit
import gc
import sys
import threading
import weakref
from collections.abc import Callable

import pytest

from otel_sse.recording.worker import Worker, _Exit


class Chores:
    """Work that is counted."""

    def __init__(self, idle: bool = True) -> None:
        self.closed = False
        self.idle = idle
        self.done = 0
        self.worked = threading.Event()
        self.shut_down = self.asked = 0
        self.rolled: list[bool] = []
        self.raises: BaseException | None = None
        self.reported: list[Exception] = []

    def work(self, *, roll: bool = False) -> bool:
        self.done += 1
        self.rolled.append(roll)
        self.worked.set()
        if self.raises is not None:
            raise self.raises
        return False

    def report(self, error: Exception) -> None:
        self.reported.append(error)

    def start_flush(self) -> Callable[[], bool]:
        self.asked += 1
        return lambda: True

    def shutdown(self, waited_s: float = 0.0) -> None:
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
    busy.closed = busy.idle = True
    beside.stop(60)
    assert chores.done == 0
    worker.wake()
    assert chores.worked.wait(60)
    chores.closed = True
    worker.stop(60)
    assert not worker._thread.is_alive()


def test_a_busy_worker_works_at_intervals() -> None:
    """While there is work it comes back by itself."""
    chores = Chores(idle=False)
    worker = Worker(chores, 0.001)
    worker.start()
    for _ in range(3):
        assert chores.worked.wait(60)
        chores.worked.clear()
    chores.closed = chores.idle = True
    worker.stop(60)
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
    chores, closed, gone = Chores(), Chores(), Chores()
    closed.closed = True
    handler = _Exit()
    for each in (chores, closed, gone):
        handler.watch(each)
    del gone, each
    gc.collect()
    handler.run()
    handler.run()
    assert (chores.shut_down, closed.shut_down) == (1, 0)
    assert (chores.asked, closed.asked) == (1, 0)
    atexit.unregister(handler.run)


def test_the_exit_handler_runs_before_those_that_were_there() -> None:
    """Where a provider has made a handler since, ours is put behind it, so that it runs first; else it stays."""
    handler = _Exit()
    handler.watch(Chores())
    count = atexit._ncallbacks()
    for _ in range(3):
        handler.watch(Chores())
    assert atexit._ncallbacks() == count
    atexit.register(gc.isenabled)
    handler.watch(Chores())
    # Before 3.14 the place of the handler that was taken back counts too.
    assert atexit._ncallbacks() == count + (1 if sys.version_info >= (3, 14) else 2)
    for each in (handler.run, gc.isenabled):
        atexit.unregister(each)


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
    chores.closed = chores.idle = True
    worker.stop(60)
    assert set(chores.reported) == {chores.raises}
    assert not worker.alive


def test_who_asks_waits_until_it_is_done() -> None:
    """What is asked for is done by the thread, with what was asked, and who asked is told when it is."""
    chores = Chores()
    worker = Worker(chores, 3600)
    worker.start()
    assert worker.ask(roll=True).wait(60)
    assert chores.rolled == [True]
    chores.closed = True
    worker.stop(60)


def test_who_asks_is_told_what_was_raised() -> None:
    """An error of the work is the error of who asked for it, and of nobody else."""
    chores = Chores()
    chores.raises = IndexError("ours")
    worker = Worker(chores, 3600)
    worker.start()
    with pytest.raises(IndexError, match="ours"):
        worker.ask().wait(60)
    assert chores.reported == []
    chores.raises, chores.closed = None, True
    worker.stop(60)


def test_who_asks_a_thread_that_has_ended_is_told_so() -> None:
    """Nobody waits for a thread that is gone."""
    chores = Chores()
    worker = Worker(chores, 3600)
    worker.start()
    chores.closed = True
    worker.stop(60)
    asked = worker.ask()
    assert asked.wait(60)
    assert asked.orphaned


def test_stop_waits_no_longer_than_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that hangs does not hold up who stops it, and goes on by itself when it can."""
    chores = Chores()
    gate = threading.Event()
    monkeypatch.setattr(chores, "work", lambda roll: not gate.wait(60))
    worker = Worker(chores, 3600)
    worker.start()
    asked = worker.ask()
    chores.closed = True
    worker.stop(0)
    assert worker.alive
    assert not asked.done
    gate.set()
    worker._thread.join(60)
    assert not worker.alive
