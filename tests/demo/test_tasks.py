from __future__ import annotations

import asyncio

from anyio import create_task_group

from otel_sse.demo.tasks import stop


async def test_a_task_is_cancelled_once_while_its_owner_is_cancelled_again_and_again() -> None:
    """What a task does as it ends takes some turns of the loop, and gets them; whoever stops it waits for that."""
    told: list[str] = []

    async def answer() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            for turn in "abc":
                await asyncio.sleep(0)
                told.append(turn)

    async def own() -> None:
        task = asyncio.create_task(answer())
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            await stop(task)
            told.append("stopped")

    began = asyncio.Event()
    async with create_task_group() as group:
        group.start_soon(own)
        await began.wait()
        group.cancel_scope.cancel()
    assert told == ["a", "b", "c", "stopped"]


async def test_a_task_that_fails_as_it_ends_is_stopped_too() -> None:
    """How a task ended is nothing to whoever stops it."""

    async def answer() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("an answer that can't be closed")

    task = asyncio.create_task(answer())
    await asyncio.sleep(0)
    await stop(task)
    assert isinstance(task.exception(), ValueError)
