"""Which task is running, whatever runs it."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import Any

import pytest
import trio

from otel_sse.recording.tasks import current_task, goes_on, task_reference, trio_task


def test_no_task_outside_of_any_run() -> None:
    """Outside of asyncio and trio there is no task."""
    assert current_task() is None


async def test_task_of_asyncio() -> None:
    """Within asyncio it is asyncio's own."""
    assert current_task() is asyncio.current_task()
    assert trio_task() is None


def test_tasks_are_told_apart() -> None:
    """Two tasks of one thread are two, and outside of any run there is none."""
    found: list[Any] = []

    async def keep() -> None:
        assert current_task() is trio.lowlevel.current_task()
        found.append(trio_task())

    async def both() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep)
            nursery.start_soon(keep)

    trio.run(both)
    assert len(set(map(id, found))) == 2


def test_trio_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody has loaded trio, asking for a task does not load it."""
    monkeypatch.delitem(sys.modules, "trio")
    assert current_task() is None
    assert "trio" not in sys.modules


def test_trio_that_is_being_imported_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trio that has no names yet has no task."""
    monkeypatch.setitem(sys.modules, "trio", ModuleType("trio"))
    assert trio_task() is None


async def test_another_task_goes_on_until_it_has_ended() -> None:
    """The running task is none that goes on beside it, and a task that has ended or is gone goes on no more."""
    assert not goes_on(task_reference(asyncio.current_task()))
    ends = asyncio.Event()
    task: asyncio.Task[bool] | None = asyncio.create_task(ends.wait())
    reference = task_reference(task)
    assert goes_on(reference)
    ends.set()
    assert task is not None
    await task
    assert not goes_on(reference)
    del task
    assert not goes_on(reference)


def test_what_can_not_be_referred_to_goes_on_for_nobody() -> None:
    """No task, and an object without weak references, are no tasks that go on."""
    assert task_reference(None) is task_reference(1) is None
    assert not goes_on(None)
