"""What the event loop pays when a crowd of open streams ends at once, and how late it is while the recorder is slow."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult

import otel_sse
from bench import apps, variants
from bench.apps import Message, Receive, Scope, Send
from bench.chunks import large
from bench.processes import alone
from bench.variants import Variant

CROWDS: Final = (1_000, 2_000, 4_000, 8_000)
"""Streams that are open at once."""

NAMES: Final = (variants.PLAIN, variants.ALL, variants.SERVER)

CANCELLED: Final = "cancelled"
ENDED: Final = "ended"
FAILED: Final = "failed"
LEFT: Final = "readers left"
ENDINGS: Final = (CANCELLED, ENDED, FAILED, LEFT)

COLLECTED: Final = "a full collection"
"""No end, but what one full garbage collection costs while all are open: it may fall into any of these."""

NOTHING: Final = "nothing"
"""What is slow where the application is not instrumented."""

SLOW_S: Final = 0.2
"""What the slow hook and the slow exporter take for each stream."""

_TICK_S: Final = 0.002
_BURST: Final = 5
"""Streams that end while the recorder is slow: a second of its time."""


Crowd = dict[str, dict[str, dict[int, float]]]
"""Variant → how the streams end → how many there are → CPU of the loop's thread a stream, in microseconds."""


def measure(rounds: int, crowds: Sequence[int] = CROWDS) -> Crowd:
    """Return the CPU of each crowd's end, the median of several rounds, each in a fresh process.

    Args:
        rounds: Rounds.
        crowds: How many streams are open.
    """
    return {
        name: {
            ending: {count: median(alone(end_all, name, ending, count) for _ in range(rounds)) for count in crowds}
            for ending in (*ENDINGS, COLLECTED)
        }
        for name in NAMES
    }


def added(found: Crowd) -> Crowd:
    """Return what each variant adds to the plain application's; empty where nothing was measured."""
    plain = found.get(variants.PLAIN, {})
    return {
        name: {
            ending: {count: taken - plain[ending][count] for count, taken in counts.items()}
            for ending, counts in endings.items()
        }
        for name, endings in found.items()
        if name != variants.PLAIN
    }


def end_all(name: str, ending: str, count: int) -> float:
    """Open streams, end them all at once, and return the CPU of the loop's thread a stream. For a fresh process.

    Args:
        name: The variant.
        ending: How they end; for `COLLECTED` what the collection before their end took.
        count: How many there are.
    """
    return asyncio.run(_end_all(name, ending, count))


async def _end_all(name: str, ending: str, count: int) -> float:
    release = asyncio.Event()
    variant = variants.make(name, _app(ending, release))
    send = _send_to_nobody if ending == LEFT else apps.send
    tasks: set[asyncio.Task[None]] = set()
    for _ in range(count):
        task = asyncio.create_task(_serve(variant.app, send))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.sleep(_settle_s(count))
    started_ns = time.thread_time_ns()
    # A full collection of what the crowd's beginning made would fall into its end, or not, by chance.
    gc.collect()
    collected_us = (time.thread_time_ns() - started_ns) / count / 1e3
    started_ns = time.thread_time_ns()
    if ending == CANCELLED:
        for task in tasks:
            task.cancel()
    release.set()
    while tasks:
        await asyncio.sleep(0)
    taken_us = (time.thread_time_ns() - started_ns) / count / 1e3
    variant.finish()
    variant.close()
    return collected_us if ending == COLLECTED else taken_us


async def _serve(app: apps.ASGIApp, send: Send) -> None:
    """Be a server that keeps nothing of a request once it is over."""
    try:
        await app(apps.scope(), apps.receive, send)
    except (OSError, ValueError):
        return


def _settle_s(count: int) -> float:
    """Time for the recorder to write the crowd's first chunks, which is not what is measured."""
    return 0.5 + count / 4_000


def _app(ending: str, release: asyncio.Event) -> apps.ASGIApp:
    inner = apps.waiting(large(4)[1], release)

    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        async def last(message: Message) -> None:
            if not message.get("more_body", True):
                raise ValueError("no more tokens")
            await send(message)

        await inner(scope, receive, last)

    return failing if ending == FAILED else inner


async def _send_to_nobody(message: Message) -> None:
    """Be a server whose client has left by the time the answer ends (ASGI 2.4)."""
    if not message.get("more_body", True):
        raise OSError("the client has left")


@dataclass(slots=True, frozen=True)
class Late:
    """How late a timer of 2 ms fired while streams ended, in milliseconds.

    Args:
        p99_ms: 99th percentile.
        max_ms: The latest.
    """

    p99_ms: float
    max_ms: float


def slow(rounds: int) -> dict[str, Late]:
    """Return how late the loop is while a hook, or an exporter, takes `SLOW_S` for each stream; the best of rounds."""
    return {name: min((alone(read, name) for _ in range(rounds)), key=lambda late: late.max_ms) for name in SLOW}


def read(name: str) -> Late:
    """End streams while the recorder is slow, and read the loop's timer. For a fresh process."""
    return asyncio.run(_read(SLOW[name]))


async def _read(make: Callable[[apps.ASGIApp], Variant]) -> Late:
    release = asyncio.Event()
    release.set()
    variant = make(apps.waiting(large(4)[1], release))
    late_s: list[float] = []
    ticking = asyncio.ensure_future(_tick(late_s))
    for _ in range(_BURST):
        await variant.app(apps.scope(), apps.receive, apps.send)
        await asyncio.sleep(SLOW_S)
    ticking.cancel()
    variant.close()
    late_s.sort()
    return Late(late_s[len(late_s) * 99 // 100] * 1e3, late_s[-1] * 1e3)


async def _tick(late_s: list[float]) -> None:
    clock = asyncio.get_running_loop().time
    while True:
        due_s = clock() + _TICK_S
        await asyncio.sleep(_TICK_S)
        late_s.append(clock() - due_s)


class SlowExporter(SpanExporter):
    """Takes its time for each span."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Take it."""
        time.sleep(SLOW_S)
        return SpanExportResult.SUCCESS


def _plain(app: apps.ASGIApp) -> Variant:
    return variants.make(variants.PLAIN, app)


def _slow_hook(app: apps.ASGIApp) -> Variant:
    return _ours(app, BatchSpanProcessor(variants.EncodingExporter()), lambda span, totals: time.sleep(SLOW_S))


def _slow_exporter(app: apps.ASGIApp) -> Variant:
    # Which exports each span as it ends, in the thread that ends it.
    return _ours(app, SimpleSpanProcessor(SlowExporter()), None)


def _ours(app: apps.ASGIApp, processor: SpanProcessor, hook: Callable[..., None] | None) -> Variant:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    wrapped = otel_sse.instrument(app, tracer_provider=provider, on_stream_end=hook)

    def close() -> None:
        otel_sse.uninstrument(wrapped)
        provider.shutdown()

    return Variant("ours", wrapped, close=close)


SLOW: Final[dict[str, Callable[[apps.ASGIApp], Variant]]] = {
    NOTHING: _plain,
    f"hook of {SLOW_S:g} s": _slow_hook,
    f"exporter of {SLOW_S:g} s": _slow_exporter,
}
"""What is slow → how the application is made that has it."""
