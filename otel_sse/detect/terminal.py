"""An answer ends once: terminal events that come twice, and content after the end."""

from __future__ import annotations

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, Finding
from otel_sse.stream.facts import Facts


class TerminalDetector:
    """Reports a terminal event that repeats and content that follows one.

    An event that opens an answer with an identity not seen before starts anew: an agent that
    streams several answers on one connection is no fault. The same identity opened again is.
    """

    __slots__ = ("_ended_by", "_opened", "_seen", "_stage", "ended")

    def __init__(self, stage: str) -> None:
        self.ended = False
        self._stage = stage
        self._seen: dict[str, int] = {}
        self._opened: set[str] = set()
        self._ended_by = ("", 0)

    @property
    def has_opened(self) -> bool:
        """Whether an answer has begun by its identity."""
        return bool(self._opened)

    def open(self, identity: str) -> bool:
        """Take note that an answer begins; return whether it is one not seen before on this stream."""
        if identity in self._opened:
            return False
        if len(self._opened) < limits.MAX_CHANNELS:
            self._opened.add(identity)
        self._seen.clear()
        self.ended = False
        return True

    def check(self, seq: int, facts: Facts) -> Finding | None:
        """Return what is wrong with this event, or None. To be called for terminal events, and for all after one."""
        late = self._after(seq) if facts.content is not None and self.ended else None
        return late if facts.terminal is None else self._terminal(seq, facts.terminal) or late

    def _after(self, seq: int) -> Finding:
        mark, at = self._ended_by
        return Finding(kinds.AFTER_DONE, CERTAIN, self._stage, seq, at, f"content after {mark} at {at}")

    def _terminal(self, seq: int, mark: str) -> Finding | None:
        first = self._seen.get(mark)
        if first is not None:
            evidence = f"{mark} at {first} and again at {seq}"
            return Finding(kinds.TERMINAL, CERTAIN, self._stage, seq, first, evidence)
        if len(self._seen) < limits.MAX_TERMINALS:
            self._seen[mark] = seq
        self.ended = True
        self._ended_by = (mark, seq)
        return None
