"""Growth of memory over one long stream."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import psutil

from bench import apps, variants
from bench.chunks import large
from bench.processes import side_by_side
from bench.variants import Variant

WINDOW_CHUNKS: Final = 5_000
"""Chunks between two readings. At each the recorder and the exporter catch up: the stream runs twenty times faster
than any model writes, and what counts is what is kept and not what is on its way."""


@dataclass(slots=True, frozen=True)
class Growth:
    """How much memory grew from one point of a stream to its end.

    Args:
        chunks: Chunks of the stream.
        from_chunk: The point.
        rss_bytes: Growth of the process, at its highest.
        heap_bytes: Growth of what Python has allocated, from that point to the end.
        heap_peak_bytes: How much higher the peak of any later window was than those shortly before the point.
        encoded_bytes: Bytes of OTLP that left, so that it is seen that the stream was recorded.
    """

    chunks: int
    from_chunk: int
    rss_bytes: int
    heap_bytes: int
    heap_peak_bytes: int
    encoded_bytes: int


@dataclass(slots=True, frozen=True)
class Readings:
    """One reading of each window, in bytes: what is held at its end, and the most that was held within it."""

    held: list[int]
    peak: list[int]
    encoded_bytes: int


def measure(chunks: int, from_chunk: int) -> Growth:
    """Return the growth over one stream at detail `all`, in fresh processes.

    Args:
        chunks: Its chunks; a multiple of `WINDOW_CHUNKS` and more than `from_chunk`.
        from_chunk: The point from which growth counts; a multiple of `WINDOW_CHUNKS`, at least twice the chunks of a
            trace's budget.
    """
    rss, heap = side_by_side((read_rss, chunks), (read_heap, chunks), at_once=2)
    windows = from_chunk // WINDOW_CHUNKS
    return Growth(
        chunks,
        from_chunk,
        rss_bytes=risen(rss.peak, windows),
        heap_bytes=heap.held[-1] - heap.held[windows - 1],
        heap_peak_bytes=risen(heap.peak, windows),
        encoded_bytes=rss.encoded_bytes,
    )


def risen(readings: Sequence[int], windows: int) -> int:
    """Return how far the readings rose after a point: the highest behind it over the highest shortly before it.

    A stream of detail `all` goes on in packs once its trace's budget of events is spent. That first part stands
    higher than the rest, so only the second half of the windows before the point counts.

    Args:
        readings: One a window.
        windows: Windows before the point, 1 or more.

    Returns:
        Bytes, below 0 where the readings fell.
    """
    return max(readings[windows:]) - max(readings[windows // 2 : windows])


def read_rss(chunks: int) -> Readings:
    """Serve one stream and read the process's memory. To be called in a fresh process."""
    return _read(chunks, _rss)


def read_heap(chunks: int) -> Readings:
    """Serve one stream and read what Python has allocated. To be called in a fresh process."""
    tracemalloc.start()
    return _read(chunks, _heap)


def _read(chunks: int, read: Callable[[], tuple[int, int]]) -> Readings:
    readings: list[tuple[int, int]] = []
    made: list[Variant] = []

    def at_window() -> None:
        # The peak is read first: catching up frees what waited.
        _, peak = read()
        made[0].finish()
        gc.collect()
        held, _ = read()
        readings.append((held, peak))

    variant = variants.make(variants.ALL, apps.stream(_long_answer(chunks, at_window)))
    made.append(variant)
    asyncio.run(_serve(variant))
    variant.close()
    return Readings([held for held, _ in readings], [peak for _, peak in readings], variant.exporter.bytes)


async def _serve(variant: Variant) -> None:
    await variant.app(apps.scope(), apps.receive, apps.send)


def _long_answer(chunks: int, at_window: Callable[[], None]) -> Iterable[bytes]:
    def answer() -> Iterator[bytes]:
        texts = large(1_003)[1:-2]
        for number in range(1, chunks + 1):
            yield texts[number % len(texts)]
            if not number % WINDOW_CHUNKS:
                at_window()

    return answer()


def _rss() -> tuple[int, int]:
    rss_bytes = int(psutil.Process().memory_info().rss)
    return rss_bytes, rss_bytes


def _heap() -> tuple[int, int]:
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    return held, peak
