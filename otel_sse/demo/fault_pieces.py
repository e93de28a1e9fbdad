"""Faults of whatever hands on the pieces of an answer in the pipeline: before a hop, behind it, in a policy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

from otel_sse.demo import faults
from otel_sse.demo.fault_frames import SOME, AnswerFailedError, in_bold
from otel_sse.demo.fault_tasks import written_by_two

Pieces = AsyncIterator[str]


async def double_emission(pieces: Pieces) -> Pieces:
    """The base class hands each piece on, and so does the handler."""
    async for piece in pieces:
        yield piece
        yield piece


async def lagged_emission(pieces: Pieces) -> Pieces:
    """A user interface's adapter hands on each piece too, one piece late: A B A C B."""
    before = ""
    async for piece in pieces:
        yield piece
        if before:
            yield before
        before = piece


async def double_iteration(pieces: Pieces) -> Pieces:
    """The pieces are kept, so that they can be counted; and the loop that counts them hands them on once more."""
    kept = []
    async for piece in pieces:
        kept.append(piece)
        yield piece
    for piece in kept:
        yield piece


async def reordered(pieces: Pieces) -> Pieces:
    """Two tasks write to one stream; the one that has more to do is overtaken."""
    async for piece in written_by_two(pieces):
        yield piece


async def corrupted(pieces: Pieces) -> Pieces:
    """Each piece is trimmed at its left."""
    async for piece in pieces:
        yield piece.lstrip(" ") or piece


async def stall(pieces: Pieces) -> Pieces:
    """The policy asks another service in mid-answer, which takes its time."""
    passed = 0
    async for piece in pieces:
        passed += 1
        if passed == SOME:
            await asyncio.sleep(faults.PAUSE_S)
        yield piece


async def error(pieces: Pieces) -> Pieces:
    """The policy raises."""
    passed = 0
    async for piece in pieces:
        passed += 1
        if passed == SOME:
            raise AnswerFailedError("the judge can't be reached")
        yield piece


async def content_check(pieces: Pieces) -> Pieces:
    """A word is set in bold, in Markdown, where HTML is wanted."""
    passed = 0
    async for piece in pieces:
        passed += 1
        yield in_bold(piece) if passed == SOME else piece


AT_SEND: Final[dict[str, Callable[[Pieces], Pieces]]] = {
    "lagged_emission": lagged_emission,
    "double_iteration": double_iteration,
    "reordered": reordered,
}
"""In the gateway, between its callback and the WebSocket."""

AT_ENDPOINT: Final[dict[str, Callable[[Pieces], Pieces]]] = {"corrupted": corrupted}
"""In the control plane, as it takes the messages."""

AT_POLICY: Final[dict[str, Callable[[Pieces], Pieces]]] = {
    "double_emission": double_emission,
    "stall": stall,
    "error": error,
    "content_check": content_check,
}
"""In the policy `pass`."""


def with_fault(made_here: dict[str, Callable[[Pieces], Pieces]], fault: str, pieces: Pieces) -> Pieces:
    """Return the pieces with a fault made, or as they are where it is not made here."""
    return made_here[fault](pieces) if fault in made_here else pieces
