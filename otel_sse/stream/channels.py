"""Channels of one answer, as dialects name them: its text, what stands beside it, and how two names compare."""

from __future__ import annotations

from typing import Final

SAME: Final = 0
"""Both chunks name the same channel."""
ALIKE: Final = 1
"""Both are the answer's text, or both stand beside it. A stage that speaks another dialect has other names."""
OTHER: Final = 2
"""One is the answer's text, and the other one stands beside it."""


def is_beside(channel: str) -> bool:
    """Return whether a channel stands beside the answer's text: reasoning, the call of a tool, a refusal.

    The last part of a text's name is a number (`0`, `0/1`), that of others is a word (`0/reasoning`, `tool:1`).

    Args:
        channel: The channel, as a dialect names it; "" is the answer's text.
    """
    return bool(channel) and not channel.rpartition("/")[2].isdigit()


def compare(one: str, other: str) -> int:
    """Return how two channels compare: `SAME`, `ALIKE` or `OTHER`; the smaller, the likelier they are one."""
    if one == other:
        return SAME
    return ALIKE if is_beside(one) == is_beside(other) else OTHER
