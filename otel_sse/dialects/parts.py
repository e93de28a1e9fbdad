"""The parts of one answer: its channels by the vendor's ids, its choices, and the pieces of text in one event."""

from __future__ import annotations

from typing import Any

from otel_sse.dialects.payload import fields, identity, index
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.chunk import CONTENT, CONTROL
from otel_sse.stream.facts import Facts

Deltas = list[tuple[str, str]]
"""`(channel, text)` pairs in the event's own order; no text is empty."""


class Channels:
    """Gives each id of one stream a number: 0, 1, 2 … in the order they are first seen.

    At most `MAX_CHANNELS` ids are remembered; all others share the number `MAX_CHANNELS`.
    """

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, part_id: object) -> int:
        """Return the number of the part with this id; all parts without one (or whose id is no string) share one."""
        key = identity(part_id) or ""
        known = self._numbers.get(key)
        if known is not None:
            return known
        number = len(self._numbers)
        if number < MAX_CHANNELS:
            self._numbers[key] = number
        return number


class Choices:
    """Which choices of an answer have been seen, and which have finished."""

    __slots__ = ("_finished", "latest")

    def __init__(self) -> None:
        self.latest = 0
        """The highest number seen; choices are numbered from 0 without a gap."""
        self._finished: set[int] = set()

    def begin(self) -> None:
        """Take note that an answer begins."""
        self.latest = 0
        self._finished.clear()

    def go_on(self, choices: list[Any], finish_key: str) -> bool:
        """Take note of one event's choices; return whether one has been seen that has not finished.

        Args:
            choices: As the event has them, in whatever form.
            finish_key: Name of the finish reason.
        """
        for position, one in enumerate(choices):
            choice = fields(one)
            number = index(choice.get("index"), position)
            if number < MAX_CHANNELS:
                self.latest = max(self.latest, number)
                if choice.get(finish_key):
                    self._finished.add(number)
        return len(self._finished) <= self.latest


def gather(deltas: Deltas) -> Facts:
    """Return the facts of an event that carries these deltas and nothing else.

    Neighbours on one channel are one delta. Where several channels remain, `channel` is that of the first.
    """
    if not deltas:
        return Facts(CONTROL)
    joined = deltas if len(deltas) == 1 else _join_neighbours(deltas)
    channel, content = joined[0]
    if len(joined) == 1:
        return Facts(CONTENT, content, channel)
    return Facts(CONTENT, "".join(part for _, part in joined), channel, tuple(joined))


def _join_neighbours(deltas: Deltas) -> Deltas:
    groups: list[tuple[str, list[str]]] = []
    for channel, part in deltas:
        if groups and groups[-1][0] == channel:
            groups[-1][1].append(part)
        else:
            groups.append((channel, [part]))
    return [(channel, "".join(parts)) for channel, parts in groups]
