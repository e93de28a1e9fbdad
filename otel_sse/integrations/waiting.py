"""Waiting on an event loop for what another thread does, without holding the loop up."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from otel_sse.recording.tasks import trio_task

_POLL_S: Final = 0.005
"""Seconds between two looks."""


def can_wait() -> bool:
    """Return whether the event loop is one that `wait_until` knows."""
    return _sleep_here() is not None


async def wait_until(done: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until something is so; return whether it is.

    On an event loop that is neither asyncio's nor trio's it does not wait.

    Args:
        done: Whether it is so; cheap.
        timeout_s: Seconds to wait at most.
    """
    sleep = _sleep_here()
    until_s = time.monotonic() + timeout_s
    while not done():
        if sleep is None or time.monotonic() > until_s:
            return False
        await sleep(_POLL_S)
    return True


def _sleep_here() -> Callable[[float], Awaitable[Any]] | None:
    if trio_task() is not None:
        return sys.modules["trio"].sleep  # type: ignore[no-any-return]
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None
    return asyncio.sleep
