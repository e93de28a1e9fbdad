"""Filters and streams that the tests of this folder make."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from typing import Any

from otel_sse import guards
from otel_sse.guards.duplicates import DuplicateFilter
from otel_sse.guards.restarts import RestartFilter
from otel_sse.guards.units import UnitReader
from otel_sse.stage.settings import StageSettings

MS = 1_000_000

OPENING = ["Here ", "are ", "three ", "of ", "the ", "teas ", "that ", "you ", "may ", "well ", "like: ", "green, "]
OPENING += ["white ", "and ", "also ", "black. "]
"""As many chunks as the detectors ask for, 80 characters or so, as a model cuts them."""

REST = ["Green ", "tea ", "wants ", "little ", "heat. "]


class Told:
    """Takes note of what a filter says that it did."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str, int]] = []

    def __call__(self, action: str, said: str, count: int = 1) -> None:
        self.all.append((action, said, count))

    def of(self, action: str) -> int:
        """How many chunks it was done to."""
        return sum(count for each, _, count in self.all if each == action)


def frame(text: str, **more: Any) -> bytes:
    """One OpenAI chat frame."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({"object": "chat.completion.chunk", "choices": [choice], **more}).encode() + b"\n\n"


def anthropic(kind: str, **fields: Any) -> bytes:
    """One Anthropic frame."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def message_start(ident: str) -> bytes:
    """The beginning of an Anthropic message."""
    return anthropic("message_start", message={"id": ident, "role": "assistant", "content": []})


def text_delta(text: str) -> bytes:
    """A piece of an Anthropic message."""
    return anthropic("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def duplicates(told: Told, window_ms: int = 100, **how: Any) -> DuplicateFilter:
    """A filter as `deduplicate` makes it."""
    return DuplicateFilter(UnitReader(StageSettings()), window_ms * MS, told, **how)


def restarts(told: Told, min_chars: int = 32) -> RestartFilter:
    """A filter as `trim_restarts` makes it."""
    return RestartFilter(UnitReader(StageSettings()), min_chars, told)


def through(made: DuplicateFilter | RestartFilter, items: Iterable[Any], step_ms: int = 1) -> list[Any]:
    """All that comes out of a filter; one item each `step_ms`."""
    out: list[Any] = []
    for n, item in enumerate(items):
        out += made.feed(item, n * step_ms * MS)
    return [*out, *made.end()]


def doubled(items: Sequence[Any]) -> list[Any]:
    """Each item twice: A A B B."""
    return [each for item in items for each in (item, item)]


NETS = [
    lambda stream: guards.deduplicate(stream, by="content", window_ms=60_000),
    lambda stream: guards.trim_restarts(stream, min_chars=16),
]
ITEMS = [doubled(OPENING), [*OPENING, *OPENING]]
"""Nets that find something in little text, and for each an answer that comes out as `OPENING`."""


async def produced(items: Any) -> AsyncIterator[Any]:
    """Yields async."""
    for item in items:
        yield item


def produced_at_once(items: Any) -> Iterator[Any]:
    """Yields at once."""
    yield from items
