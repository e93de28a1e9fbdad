"""The running task, of asyncio or of trio."""

from __future__ import annotations

import asyncio
import sys
import weakref
from typing import Any


def current_task() -> Any:
    """Return the running task of asyncio or trio, or None outside of any."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return trio_task() if task is None else task


def task_reference(task: Any) -> weakref.ref[Any] | None:
    """Return a weak reference to a task, for `goes_on`; None where it is none, or can't be referred to."""
    try:
        return None if task is None else weakref.ref(task)
    except TypeError:
        return None


def goes_on(reference: weakref.ref[Any] | None) -> bool:
    """Return whether a task is another one than the running one, and has not ended. Of trio's tasks nobody can tell.

    Args:
        reference: From `task_reference`.
    """
    task = None if reference is None else reference()
    return isinstance(task, asyncio.Future) and task is not current_task() and not task.done()


def trio_task() -> Any:
    """Return the running task of trio, or None outside of any. It never loads trio: whoever runs it has loaded it."""
    trio = sys.modules.get("trio")
    if trio is None:
        return None
    try:
        return trio.lowlevel.current_task()
    except (AttributeError, RuntimeError):
        # Outside of a run, or trio is just being imported.
        return None
