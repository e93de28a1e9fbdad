"""What the control plane can do to an answer: pass it on, judge it, gather it, or cut it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

import otel_sse

BLOCKED: Final = "bread"
"""The word that the judge does not let pass."""

WITHHELD: Final = " [The judge has withheld this sentence.]"

_SENTENCE_ENDS: Final = frozenset(".!?\n")
_LINE_CHARS: Final = 24
_PIECE_CHARS: Final = 3

Pieces = AsyncIterator[str]


@otel_sse.policy("pass")
async def pass_on(pieces: Pieces) -> Pieces:
    """Hand on each piece as it is."""
    async for piece in pieces:
        yield piece


@otel_sse.policy("judge")
async def judge(pieces: Pieces) -> Pieces:
    """Hold each sentence back until it is whole; put a notice in the place of one with the blocked word."""
    sentence: list[str] = []
    async for piece in pieces:
        sentence.append(piece)
        if piece[-1:] in _SENTENCE_ENDS:
            for each in _judged(sentence):
                yield each
            sentence = []
    for each in _judged(sentence):
        yield each


def _judged(sentence: list[str]) -> list[str]:
    return [WITHHELD] if BLOCKED in "".join(sentence).lower() else sentence


@otel_sse.policy("merge")
async def merge(pieces: Pieces) -> Pieces:
    """Gather pieces until they are a line's worth of text, and hand them on as one."""
    gathered = ""
    async for piece in pieces:
        gathered += piece
        if len(gathered) >= _LINE_CHARS:
            yield gathered
            gathered = ""
    if gathered:
        yield gathered


@otel_sse.policy("split")
async def split(pieces: Pieces) -> Pieces:
    """Cut each piece into smaller ones."""
    async for piece in pieces:
        for start in range(0, len(piece), _PIECE_CHARS):
            yield piece[start : start + _PIECE_CHARS]


POLICIES: Final[dict[str, Callable[[Pieces], Pieces]]] = {
    "pass": pass_on,
    "judge": judge,
    "merge": merge,
    "split": split,
}
"""The policies by the name that START chooses them by."""
