"""Events in an order at which the vendor's own SDK raises, or loses what they carry."""

from __future__ import annotations

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, Finding


class GrammarDetector:
    """Counts each break of a dialect's grammar, and reports it once, at the end, with how often it came.

    Args:
        stage: The stage's name, for findings.
    """

    __slots__ = ("_breaks", "_stage")

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._breaks: dict[str, tuple[int, int]] = {}

    def broken(self, seq: int, how: str) -> None:
        """Take note of a break.

        Args:
            seq: The chunk.
            how: What is broken, as the dialect says it.
        """
        first, count = self._breaks.get(how, (seq, 0))
        if count or len(self._breaks) < limits.MAX_GRAMMAR_BREAKS:
            self._breaks[how] = (first, count + 1)

    def close(self) -> list[Finding]:
        """Return a finding for each break, now that nothing will come; a second call returns nothing."""
        breaks, self._breaks = self._breaks, {}
        return [
            Finding(kinds.GRAMMAR, CERTAIN, self._stage, first, evidence=f"{how}, first at {first}", amount=count)
            for how, (first, count) in breaks.items()
        ]
