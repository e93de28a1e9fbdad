"""How a task that was started for one answer is stopped."""

from __future__ import annotations

import asyncio
from typing import Any

from anyio import CancelScope


async def stop(task: asyncio.Task[Any]) -> None:
    """Cancel a task once, and wait until it has ended, also where a scope of anyio has cancelled whoever waits.

    Such a scope (Starlette's, where a client has left) cancels again in every turn of the loop, and `gather` alone
    would hand each on to the task. httpx can't close a connection then, and the server answers on to the end.

    Args:
        task: What is to end. How it ended is not told.
    """
    task.cancel()
    with CancelScope(shield=True):
        await asyncio.gather(task, return_exceptions=True)
