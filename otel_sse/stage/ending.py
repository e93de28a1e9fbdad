"""How a stream ended: what its shell saw, held against what its protocol showed."""

from __future__ import annotations

from otel_sse.stream import outcome as outcomes
from otel_sse.stream.totals import Totals


class Ending:
    """What speaks against a good end: an error event with nothing behind it, bytes that broke off.

    Args:
        totals: The stage's sums.
        encoding: Content coding that made the bytes unreadable, or "".
    """

    __slots__ = ("_encoding", "_error_after", "_error_type", "_totals", "truncated")

    def __init__(self, totals: Totals, encoding: str) -> None:
        self.truncated = False
        """Whether an event or a line was left unfinished."""
        self._totals = totals
        self._encoding = encoding
        self._error_type = ""
        self._error_after = 0

    def error(self, name: str) -> None:
        """Take note of an error event."""
        self._error_type = name or "error"
        self._error_after = self._totals.content_chunks

    def error_type(self, outcome: str) -> str:
        """Return the error event's type where the stream failed by it, else ""."""
        return self._error_type if outcome == outcomes.FAILED else ""

    def outcome(self, outcome: str, *, at_end: bool, expects: str) -> str:
        """Return how the stream ended.

        Args:
            outcome: As the shell saw it; only `completed` is held against the protocol.
            at_end: Whether the protocol's end of the answer has crossed.
            expects: What a complete stream must have shown, as its dialect says.
        """
        if outcome != outcomes.COMPLETED:
            return outcome
        if self._encoding:
            return outcomes.UNPARSED
        if self._error_type and self._error_after == self._totals.content_chunks:
            # Gateways send the protocol's end behind an error too, so the end alone does not make an answer.
            return outcomes.FAILED
        if self.truncated or (self._totals.bytes and not self._totals.chunks):
            # Bytes that held not one event or comment were no answer. A body without a byte may be one: nothing to say.
            return outcomes.INCOMPLETE
        return outcomes.COMPLETED if at_end or expects == "nothing" else outcomes.INCOMPLETE
