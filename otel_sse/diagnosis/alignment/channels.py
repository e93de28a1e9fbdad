"""Which channels of a stage go on: its text, a model's reasoning, the calls of tools, one of several choices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from otel_sse.diagnosis.alignment.flow import Piece
from otel_sse.stream.channels import is_beside

_ALL_SUBSETS: Final = 5
"""Channels up to which each choice among them is tried. Of more, single ones and all but one are."""

_MOST: Final = 16
"""Choices of channels that are aligned."""

Kept = frozenset[str]
"""The channels that a stage hands on."""


def choices(up: Sequence[Piece], down: Sequence[Piece]) -> list[Kept]:
    """Return which channels upstream a stage may have handed on, the likeliest first; all of them come first of all.

    A channel is likely where its chunks come out again, or where the sizes of what goes on add up to what came out.

    Args:
        up: Content upstream, in order.
        down: Content downstream, in order.
    """
    came = Counter(piece.channel for piece in up)
    every = frozenset(came)
    if len(every) == 1 or not down:
        return [every]
    sizes = {channel: sum(piece.size or 0 for piece in up if piece.channel == channel) for channel in every}
    went = sum(piece.size or 0 for piece in down)
    again = _seen_again(up, down)
    named = frozenset(piece.channel for piece in down)

    def likely(kept: Kept) -> tuple[bool, bool, int, int]:
        total = sum(sizes[channel] for channel in kept)
        found = sum(again[channel] for channel in kept) - sum(again[channel] for channel in every - kept)
        return total != went, kept != named, -found, len(kept)

    def is_told(kept: Kept) -> bool:
        # Who leaves the text itself out hands on little, and as it is.
        return bool(kept & texts) or not texts or sum(again[channel] for channel in kept) * 2 >= len(down)

    texts = {channel for channel in every if not is_beside(channel)}
    some = sorted(filter(is_told, set(_subsets(sorted(every))) - {every}), key=likely)
    return [every, *some[: _MOST - 1]]


def _subsets(channels: Sequence[str]) -> Iterator[Kept]:
    sizes = range(1, len(channels)) if len(channels) <= _ALL_SUBSETS else (1, len(channels) - 1)
    for size in sizes:
        yield from map(frozenset, combinations(channels, size))
    yield frozenset(channel for channel in channels if not is_beside(channel)) or frozenset(channels)


def _seen_again(up: Sequence[Piece], down: Sequence[Piece]) -> Counter[str]:
    """How many chunks of each channel have an equal one downstream."""
    left = Counter(piece.digest for piece in down)
    return Counter(piece.channel for piece in up if left[piece.digest])
