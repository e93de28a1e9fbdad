"""What is measured of single stages: 2,000 chunks, once as they are and once with the stage around them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import otel_sse
from bench import chunks
from otel_sse.hops.envelope import VERSION, Agreement
from otel_sse.hops.hop import CLIENT, SERVER, Hop
from otel_sse.hops.messages import Hooks
from otel_sse.integrations import patches
from otel_sse.recording.live_stream import Stream
from otel_sse.recording.propagation import Entered
from otel_sse.recording.recorder import Recorder
from otel_sse.stream import outcome as outcomes
from otel_sse.stream import stages
from otel_sse.telemetry.clock import now_ns

OBSERVE: Final = "observe"
POLICY: Final = "policy, in and out"
ENVELOPE: Final = "envelope, both ends"
OBJECTS: Final = "objects"
TEXT: Final = "text"

MESSAGE_BYTES: Final = 200
_STREAM_ID: Final = "5f0c1b2d3e4f5a6b"
_URL: Final = "http://localhost/"

Pass = Callable[[], Coroutine[Any, Any, None]]
"""Lets every chunk pass once."""


@dataclass(slots=True, frozen=True)
class Passes:
    """One stage as it is measured.

    Args:
        name: Its name in the tables.
        plain: Without the stage.
        staged: With it, in whatever stream is current; given the recorder.
    """

    name: str
    plain: Pass
    staged: Callable[[Recorder], Pass]


def make(count: int) -> list[Passes]:
    """Return all stages that are measured.

    Args:
        count: Chunks of one pass; 3 or more.
    """
    objects, tokens = openai_objects(count), [f" t{n % 1_000:03d}" for n in range(count)]
    return [
        _observe(f"{OBSERVE}, {OBJECTS}", objects),
        _observe(f"{OBSERVE}, {TEXT}", tokens),
        _policy(f"{POLICY}, {OBJECTS}", objects),
        _policy(f"{POLICY}, {TEXT}", tokens),
        _envelope(ENVELOPE, messages(count)),
        _client(f"{stages.CLIENT}, httpx", "httpx", chunks.large(count)),
        _client(f"{stages.CLIENT}, httpx2", "httpx2", chunks.large(count)),
    ]


async def cpu_ns(passing: Pass) -> int:
    """Return the CPU of this thread that one pass takes, in nanoseconds."""
    started_ns = time.thread_time_ns()
    await passing()
    return time.thread_time_ns() - started_ns


async def staged_cpu_ns(passes: Passes, recorder: Recorder) -> int:
    """Return the same for a pass with the stage, in a stream of its own."""
    stream = Stream(recorder, now_ns())
    passing = passes.staged(recorder)
    patches.hold(recorder)
    try:
        with Entered(stream):
            return await cpu_ns(passing)
    finally:
        patches.release(recorder)
        stream.end(outcomes.COMPLETED)


def openai_objects(count: int) -> list[Any]:
    """Return an answer as the OpenAI SDK yields it.

    Args:
        count: Objects, the role and the finish reason included; 2 or more.
    """
    # Not at the top: other parts measure the memory of processes that need no SDK.
    from openai.types.chat import ChatCompletionChunk

    frames = chunks.large(count + 1)[:-1]
    return [ChatCompletionChunk.model_validate_json(frame[len(b"data: ") :]) for frame in frames]


def messages(count: int) -> list[str]:
    """Return an answer as JSON texts of `MESSAGE_BYTES`, with a start before it and an end behind.

    Args:
        count: Messages in all; 2 or more.
    """
    start, end = (f'{{"type": "{mark}", "stream_id": "{_STREAM_ID}"}}' for mark in ("START", "END"))
    return [start, *(_message(n) for n in range(count - 2)), end]


def _message(number: int) -> str:
    head, tail = f'{{"type": "CHUNK", "stream_id": "{_STREAM_ID}", "content": "t{number:06d} ', '"}'
    return head + "x" * (MESSAGE_BYTES - len(head) - len(tail)) + tail


async def _items(items: Sequence[Any]) -> AsyncIterator[Any]:
    for item in items:
        yield item


async def _same(stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for item in stream:
        yield item


async def _drain(stream: AsyncIterator[Any]) -> None:
    async for _ in stream:
        pass


def _observe(name: str, items: Sequence[Any]) -> Passes:
    return Passes(
        name,
        lambda: _drain(_items(items)),
        lambda recorder: lambda: _drain(otel_sse.observe(_items(items), stages.PROVIDER)),
    )


def _policy(name: str, items: Sequence[Any]) -> Passes:
    watched = otel_sse.policy("bench")(_same)
    return Passes(name, lambda: _drain(_same(_items(items))), lambda recorder: lambda: _drain(watched(_items(items))))


def _envelope(name: str, texts: Sequence[str]) -> Passes:
    async def plain() -> None:
        for _ in texts:
            pass

    def staged(recorder: Recorder) -> Pass:
        client, server = _ends(recorder)

        async def cross() -> None:
            for text in texts:
                sealed, leaving = client.seal(text)
                client.sent(leaving)
                server.open(sealed)
            client.ended(outcomes.COMPLETED)
            server.ended(outcomes.COMPLETED)

        return cross

    return Passes(name, plain, staged)


def _ends(recorder: Recorder) -> tuple[Hop, Hop]:
    """Both ends of a new connection that have agreed on the envelope, each with a stream as in a process of its own."""
    agreement = Agreement(VERSION)
    ours = Stream(recorder, now_ns())
    theirs = Stream(recorder, now_ns(), None, ours.id)
    return Hop(CLIENT, recorder, Hooks(), agreement, ours), Hop(SERVER, recorder, Hooks(), agreement, theirs)


def _client(name: str, library: str, parts: Sequence[bytes]) -> Passes:
    http = import_module(library)

    def answer(request: Any) -> Any:
        return http.Response(200, headers={"content-type": "text/event-stream"}, content=_items(parts))

    client = http.AsyncClient(transport=http.MockTransport(answer))

    async def ask() -> None:
        async with client.stream("GET", _URL) as response:
            await _drain(response.aiter_bytes())

    return Passes(name, ask, lambda recorder: ask)
