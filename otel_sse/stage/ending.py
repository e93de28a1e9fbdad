"""How a stream ended: what its shell saw, held against what its protocol showed."""

from __future__ import annotations

from typing import Final

from otel_sse.stream import outcome as outcomes
from otel_sse.stream.totals import Totals

_LEFT: Final = frozenset({outcomes.DISCONNECTED, outcomes.CANCELLED, outcomes.ABANDONED})
"""Ends that say no more than that nobody went on, so that they are no news to who has the whole answer."""


class Ending:
    """What speaks against a good end: an error event with nothing behind it, bytes that broke off.

    Args:
        totals: The stage's sums.
        encoding: Content coding that made the bytes unreadable, or "".
    """

    __slots__ = (
        "_encoding", "_error_after", "_error_type", "_left", "_totals", "_written", "had_all", "missed", "truncated",
    )  # fmt: skip

    def __init__(self, totals: Totals, encoding: str) -> None:
        self.truncated = False
        """Whether an event or a line was left unfinished."""
        self.missed = False
        """Whether whoever read had left before the protocol's end crossed, or that is not known."""
        self.had_all: bool | None = None
        """Whether the answer was whole before bytes that did not cross; None where all did."""
        self._written: int | None = None
        self._totals = totals
        self._encoding = encoding
        self._error_type = ""
        self._error_after = 0
        self._left = False

    def leave(self, had_all: bool) -> None:
        """Take note that whoever reads has left, and whether the answer was whole by then."""
        self._left = True
        if not had_all:
            self.missed = True
        elif self._written is None:
            self._written = self._totals.content_bytes

    def reached(self, has_all: bool) -> bool:
        """Return whether the answer is whole, and was so for who read: nothing more of one has come since they left."""
        return has_all and not self.missed and self._written in (None, self._totals.content_bytes)

    def take_back(self, had_all: bool) -> None:
        """Take note that the latest bytes did not cross, and whether the answer was whole before them."""
        self.had_all, self._written = had_all, None
        self.truncated = self.truncated and not had_all

    def error(self, name: str) -> None:
        """Take note of an error event. One that is written once the reader has left ends nothing for them."""
        if not self._left:
            self._error_type = name or "error"
            self._error_after = self._totals.content_chunks

    @property
    def _is_failed(self) -> bool:
        """Whether an error event was the last word of the answer."""
        return bool(self._error_type) and self._error_after == self._totals.content_chunks

    def error_type(self, outcome: str) -> str:
        """Return the error event's type where the stream failed by it, else ""."""
        return self._error_type if outcome == outcomes.FAILED else ""

    def outcome(self, outcome: str, *, at_end: bool, expects: str, has_all: bool = False) -> str:
        """Return how the stream ended.

        Args:
            outcome: As the shell saw it; only `completed` is held against the protocol. `disconnected`, `cancelled` and
                `abandoned` are no news where the whole answer had crossed: they count as `completed` then. Nor are they
                where an error event was the last that crossed: a vendor's SDK raises at it and reads no further.
            at_end: Whether the protocol's end of the answer has crossed.
            expects: What a complete stream must have shown, as its dialect says.
            has_all: Whether that end was the last thing that crossed.
        """
        if outcome in _LEFT and self._is_failed:
            return outcomes.FAILED
        if outcome in _LEFT and self.reached(has_all) and not self.truncated:
            outcome = outcomes.COMPLETED
        if outcome != outcomes.COMPLETED:
            return outcome
        if self._encoding:
            return outcomes.UNPARSED
        if self._is_failed:
            # Gateways send the protocol's end behind an error too, so the end alone does not make an answer.
            return outcomes.FAILED
        if self.truncated or (self._totals.bytes and not self._totals.chunks):
            # Bytes that held not one event or comment were no answer. A body without a byte may be one: nothing to say.
            return outcomes.INCOMPLETE
        return outcomes.COMPLETED if at_end or expects == "nothing" else outcomes.INCOMPLETE
