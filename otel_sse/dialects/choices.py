"""Several choices (candidates) of one answer: each has a finish reason of its own, and the last one ends the answer."""

from __future__ import annotations

from typing import Any

from otel_sse.dialects.payload import fields, index
from otel_sse.limits import MAX_CHANNELS


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
