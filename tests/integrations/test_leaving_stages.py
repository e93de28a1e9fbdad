"""Stages that iterators feed: who lets go of one behind the answer's end has all of it, in whatever way."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

import otel_sse
from otel_sse.recording import registry
from tests.integrations.answers import FRAMES, payload
from tests.integrations.pipeline import outcomes, recorder_outside
from tests.integrations.seen import Telemetry


@pytest.fixture(autouse=True)
def default(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records what is outside of any request."""
    monkeypatch.setattr(registry, "_default", recorder_outside(telemetry))


def sdk_chunk(text: str, finish: str | None = None) -> ChatCompletionChunk:
    """A chunk as OpenAI's SDK yields it, which keeps `[DONE]` to itself."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    head = {"id": "c-1", "created": 1, "model": "any", "object": "chat.completion.chunk"}
    return ChatCompletionChunk.model_validate({**head, "choices": [choice]})


WHOLE: dict[str, list[Any]] = {
    "bytes": list(FRAMES),
    "text": [frame.decode() for frame in FRAMES],
    "objects of an SDK": [sdk_chunk("a "), sdk_chunk("b"), sdk_chunk("", "stop")],
}
CUT: dict[str, list[Any]] = {
    **{name: items[:-1] for name, items in WHOLE.items()},
    "plain text": ["one ", "two ", "three"],
    "payloads alone": [payload("a "), payload("b")],
}
ANSWERS = [
    *((name, items, True) for name, items in WHOLE.items()),
    *((name, items, False) for name, items in CUT.items()),
]


class Source:
    """Yields items, then nothing until its reader is cancelled; no generator, as an SDK's stream is none."""

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = list(items)

    def __aiter__(self) -> Source:
        return self

    async def __anext__(self) -> Any:
        if self._items:
            return self._items.pop(0)
        await asyncio.Event().wait()


async def generated(items: Iterable[Any]) -> AsyncIterator[Any]:
    """The same from a generator."""
    async for each in Source(items):
        yield each


async def read(stream: Any, count: int) -> Any:
    """Pull so many items; return the iterator."""
    iterator = aiter(stream)
    for _ in range(count):
        await anext(iterator)
    return iterator


async def closed(stream: Any, count: int) -> None:
    """Close the stream behind the last item."""
    iterator = await read(stream, count)
    await iterator.aclose()


async def dropped(stream: Any, count: int) -> None:
    """Let go of the stream behind the last item."""
    await read(stream, count)
    del stream
    gc.collect()


async def cancelled(stream: Any, count: int) -> None:
    """Be cancelled while the stream is asked for one more item."""
    iterator = await read(stream, count)
    pulling = asyncio.ensure_future(anext(iterator))
    await asyncio.sleep(0)
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    if hasattr(iterator, "aclose"):
        await iterator.aclose()


WAYS: dict[str, tuple[Callable[[Any, int], Awaitable[None]], str]] = {
    "closed": (closed, "abandoned"),
    "dropped": (dropped, "abandoned"),
    "cancelled": (cancelled, "cancelled"),
}


@pytest.mark.parametrize("source", [Source, generated])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "items", "whole"), ANSWERS, ids=[f"{name}, {whole}" for name, _, whole in ANSWERS])
async def test_observed_stream(
    name: str, items: list[Any], whole: bool, way: str, source: Callable[[Any], Any], telemetry: Telemetry
) -> None:
    """An observed stream that is left behind its end is completed, and else it ended as it was left."""
    leave, outcome = WAYS[way]
    await leave(otel_sse.observe(source(items), stage="mine"), len(items))
    assert outcomes(telemetry, "mine") == {"mine": "completed" if whole else outcome}


@pytest.mark.parametrize("way", ["closed", "cancelled"])
@pytest.mark.parametrize(("name", "items", "whole"), ANSWERS, ids=[f"{name}, {whole}" for name, _, whole in ANSWERS])
async def test_policy(name: str, items: list[Any], whole: bool, way: str, telemetry: Telemetry) -> None:
    """Both sides of a policy have the whole answer once its end has crossed them."""

    @otel_sse.policy("pass")
    async def passing(chunks: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for each in chunks:
            yield each

    leave, outcome = WAYS[way]
    await leave(passing(Source(items)), len(items))
    found = outcomes(telemetry, "policy.pass.in", "policy.pass.out")
    assert found["policy.pass.out"] == ("completed" if whole else outcome)
    assert (found["policy.pass.in"] == "completed") is whole


async def test_policy_that_stops_at_the_end(telemetry: Telemetry) -> None:
    """A policy that reads no further than `[DONE]` has taken all that there was."""

    @otel_sse.policy("stop")
    async def stopping(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for each in chunks:
            yield each
            if each == FRAMES[-1]:
                return

    assert [each async for each in stopping(Source(FRAMES))] == list(FRAMES)
    assert set(outcomes(telemetry, "policy.stop.in", "policy.stop.out").values()) == {"completed"}


async def test_generator_that_breaks_behind_the_end_has_failed(telemetry: Telemetry) -> None:
    """An exception behind the answer's end is a failure."""

    async def breaking() -> AsyncIterator[bytes]:
        for frame in FRAMES:
            yield frame
        raise KeyError("mine")

    with pytest.raises(KeyError):
        [each async for each in otel_sse.observe(breaking(), stage="mine")]
    assert outcomes(telemetry, "mine") == {"mine": "failed"}
