"""Waiting on an event loop for what another thread does."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import trio

from otel_sse.integrations.waiting import can_wait, wait_until


def after(looks: int) -> Callable[[], bool]:
    """Becomes so after so many looks."""
    left = iter(range(looks))
    return lambda: next(left, None) is None


async def test_it_waits_until_it_is_so() -> None:
    """On asyncio's loop, which goes on meanwhile."""
    assert can_wait()
    assert await wait_until(after(3), 60)


async def test_it_gives_up() -> None:
    """After the time that it has, it says that it is not so."""
    assert not await wait_until(lambda: False, 0)


async def test_another_thread_may_make_it_so() -> None:
    """The loop is not held up by the look, so a thread that is started from it comes to its turn."""
    done = threading.Event()
    threading.Thread(target=done.set).start()
    assert await wait_until(done.is_set, 60)


def test_trio_s_loop_is_one_to_wait_on() -> None:
    """The same under trio."""

    async def main() -> tuple[bool, bool]:
        return can_wait(), await wait_until(after(3), 60)

    assert trio.run(main) == (True, True)


@pytest.mark.parametrize("so", [True, False])
def test_on_no_loop_that_it_knows_it_does_not_wait(so: bool) -> None:
    """It looks once and says what is."""
    waiting = wait_until(lambda: so, 60)
    with pytest.raises(StopIteration) as stopped:
        waiting.__await__().send(None)
    assert (can_wait(), stopped.value.value) == (False, so)
