"""CPU per chunk of the guards: `python -m bench.guard_cost [CHUNKS] [ROUNDS]` prints a table."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Any, Final

from bench.request_cost import quartiles
from bench.stage_passes import openai_objects
from otel_sse import guards

CHUNKS: Final = 2_000
ROUNDS: Final = 15

Guard = Callable[[AsyncIterator[Any]], Any]

GUARDS: Final[dict[str, Guard]] = {
    "single_pass": guards.single_pass,
    "single_pass, by anext": lambda stream: _by_anext(guards.single_pass(stream)),
    "deduplicate": guards.deduplicate,
    "deduplicate, by content": lambda stream: guards.deduplicate(stream, by="content"),
    "trim_restarts": guards.trim_restarts,
}


@dataclass(slots=True, frozen=True)
class GuardCost:
    """What one guard adds, in microseconds of CPU a chunk.

    Args:
        guard: The guard.
        items: What the stream yields.
        added_us: Median over all rounds.
        quartiles_us: First and third quartile.
    """

    guard: str
    items: str
    added_us: float
    quartiles_us: tuple[float, float]


def streams(count: int) -> dict[str, Sequence[Any]]:
    """Return answers of `count` chunks: text, objects of the OpenAI SDK, events with ids."""
    texts = [f" t{n % 1_000:03d}" for n in range(count)]
    events = [f'id: {n}\ndata: {{"content": "{text}"}}\n\n'.encode() for n, text in enumerate(texts)]
    objects = openai_objects(count)
    for item, text in zip(objects, texts, strict=True):
        # Words that come twice, as answers have them, would be something to do for who goes by content.
        item.choices[0].delta.content = item.choices[0].delta.content and text
    return {"text": texts, "objects": objects, "events with ids": events}


def measure(count: int, rounds: int) -> list[GuardCost]:
    """Return what each guard costs on each kind of stream.

    Args:
        count: Chunks of one pass; 3 or more.
        rounds: Rounds; in each, every guard is passed once, in an order of its own, and so is the stream alone.
    """
    answers = streams(count)
    added: dict[tuple[str, str], list[float]] = {}
    runs = [(guard, items) for items in answers for guard in GUARDS]
    for number in range(-1, rounds):
        gc.collect()
        plain = {
            (loop, items): _pass_us(_by_anext if loop == "anext" else _same, answer)
            for items, answer in answers.items()
            for loop in ("async for", "anext")
        }
        for guard, items in Random(number).sample(runs, len(runs)):
            loop = "anext" if guard.endswith("anext") else "async for"
            took_us = _pass_us(GUARDS[guard], answers[items]) - plain[loop, items]
            if number >= 0:
                added.setdefault((guard, items), []).append(took_us)
    return [GuardCost(*run, median(added[run]), quartiles(added[run])) for run in runs]


def _pass_us(guard: Guard, answer: Sequence[Any]) -> float:
    return asyncio.run(_cpu_ns(guard, answer)) / len(answer) / 1_000


async def _cpu_ns(guard: Guard, answer: Sequence[Any]) -> int:
    started_ns = time.thread_time_ns()
    async for _ in guard(_yielding(answer)):
        pass
    return time.thread_time_ns() - started_ns


async def _yielding(answer: Sequence[Any]) -> AsyncIterator[Any]:
    for item in answer:
        yield item


async def _by_anext(stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
    while True:
        try:
            item = await anext(stream)
        except StopAsyncIteration:
            return
        yield item


def _same(stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
    return stream


def main(arguments: Sequence[str]) -> None:
    """Measure and print.

    Args:
        arguments: Chunks of one pass, rounds; both may be left out.
    """
    count, rounds = [*map(int, arguments), *(CHUNKS, ROUNDS)[len(arguments) :]]
    print(f"CPU added per chunk (us), {count} chunks, {rounds} rounds")
    print(f"{'guard':<24}  {'stream of':<16}  {'median':>6}  quartiles")
    for each in measure(count, rounds):
        low, high = each.quartiles_us
        print(f"{each.guard:<24}  {each.items:<16}  {each.added_us:>6.2f}  {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
