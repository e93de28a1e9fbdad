"""The running task, of asyncio or of trio."""

from __future__ import annotations

import asyncio
import sys
from typing import Any


def current_task() -> Any:
    """Return the running task of asyncio or trio, or None outside of any."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return trio_task() if task is None else task


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
