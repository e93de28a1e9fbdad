"""Memory of one open stream that has sent a chunk and waits."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psutil

from bench import apps, variants
from bench.chunks import large
from bench.processes import side_by_side
from bench.variants import Variant

NAMES: Final = (
    variants.PLAIN,
    variants.CONTRIB,
    variants.CONTRIB_QUIET,
    variants.NAIVE,
    variants.ALL,
    variants.PACKED,
    variants.OFF,
    variants.UNSAMPLED,
    variants.SERVER,
)

_AT_ONCE: Final = 2
"""Nothing is timed here, so processes may share the machine."""

_WARM_UP_STREAMS: Final = 20
_SETTLE_S: Final = 0.6
"""Three times the interval at which the recorder empties its journals."""


@dataclass(slots=True, frozen=True)
class PerStream:
    """Bytes of one open stream.

    Args:
        heap_bytes: What Python allocated, by tracemalloc.
        rss_bytes: What the process grew by.
    """

    heap_bytes: float
    rss_bytes: float


def measure(streams: int) -> dict[str, PerStream]:
    """Return what one stream takes in each variant over the plain application; of that one what it takes itself.

    Args:
        streams: Streams that are open at once.
    """
    found = side_by_side(*((open_streams, name, streams) for name in NAMES), at_once=_AT_ONCE)
    return over_plain(dict(zip(NAMES, found, strict=True)))


def over_plain(found: dict[str, PerStream]) -> dict[str, PerStream]:
    """Return each variant's bytes without the plain application's."""
    plain = found[variants.PLAIN]
    return {name: each if each is plain else _less(each, plain) for name, each in found.items()}


def _less(each: PerStream, plain: PerStream) -> PerStream:
    return PerStream(each.heap_bytes - plain.heap_bytes, each.rss_bytes - plain.rss_bytes)


def open_streams(name: str, streams: int) -> PerStream:
    """Open streams in this process and return what one of them takes. To be called in a fresh process.

    Args:
        name: The variant.
        streams: How many.
    """
    return asyncio.run(_open_streams(name, streams))


async def _open_streams(name: str, streams: int) -> PerStream:
    # What loads or is made on first use is there before anything is measured.
    await _grown(name, _WARM_UP_STREAMS, _rss_bytes)
    rss_bytes = await _grown(name, streams, _rss_bytes)
    tracemalloc.start()
    heap_bytes = await _grown(name, streams, _heap_bytes)
    tracemalloc.stop()
    return PerStream(heap_bytes / streams, rss_bytes / streams)


async def _grown(name: str, streams: int, read: Callable[[], int]) -> int:
    release = asyncio.Event()
    variant = variants.make(name, apps.waiting(large(4)[1], release))
    try:
        await _open_one(variant, release)
        return await _grown_by(variant, streams, release, read)
    finally:
        variant.close()


async def _open_one(variant: Variant, release: asyncio.Event) -> None:
    """Let the variant's threads start, which belong to no stream."""
    release.set()
    await variant.app(apps.scope(), apps.receive, apps.send)
    variant.finish()
    release.clear()


async def _grown_by(variant: Variant, streams: int, release: asyncio.Event, read: Callable[[], int]) -> int:
    before = await _settled(read)
    tasks = [asyncio.ensure_future(variant.app(apps.scope(), apps.receive, apps.send)) for _ in range(streams)]
    grown = await _settled(read) - before
    release.set()
    await asyncio.gather(*tasks)
    return grown


async def _settled(read: Callable[[], int]) -> int:
    await asyncio.sleep(_SETTLE_S)
    gc.collect()
    return read()


def _rss_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def _heap_bytes() -> int:
    return tracemalloc.get_traced_memory()[0]
