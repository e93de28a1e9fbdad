"""What faults need tasks for: two that write to one stream, and heartbeats while nothing comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from otel_sse.demo.tasks import stop

HEARTBEAT_S: Final = 0.5
"""Time without a frame after which a heartbeat is sent, in seconds."""

_LATE_S: Final = 0.05


async def written_by_two(items: AsyncIterator[str], end: str = "") -> AsyncIterator[str]:
    """Yield items in the order in which two tasks have written them: every eighth takes a while, and is overtaken.

    Args:
        items: What there is to write.
        end: An item that waits for all that is still being written.
    """
    written: asyncio.Queue[str | None] = asyncio.Queue()
    slow: set[asyncio.Task[None]] = set()

    async def write_late(item: str) -> None:
        await asyncio.sleep(_LATE_S)
        written.put_nowait(item)

    async def write() -> None:
        count = 0
        async for item in items:
            count += 1
            if item == end and slow:
                await asyncio.wait(slow)
            if count % 8 or item == end:
                written.put_nowait(item)
            else:
                slow.add(asyncio.create_task(write_late(item)))
        if slow:
            await asyncio.wait(slow)
        written.put_nowait(None)

    writing = asyncio.create_task(write())
    try:
        while (item := await written.get()) is not None:
            yield item
    finally:
        await stop(writing)


async def with_heartbeats(items: AsyncIterator[str], beat: str) -> AsyncIterator[str]:
    """Yield items, and a heartbeat wherever none comes for half a second, as servers do that keep a connection.

    Args:
        items: What there is to send.
        beat: What stands for a heartbeat among them.
    """
    coming: asyncio.Future[str] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(items))
            done, _ = await asyncio.wait([coming], timeout=HEARTBEAT_S)
            if not done:
                yield beat
                continue
            item, coming = coming, None
            yield item.result()
    except StopAsyncIteration:
        return
    finally:
        if coming is not None:
            coming.cancel()
