"""An answer ends once: terminal events that come twice, and content after the end."""

from __future__ import annotations

from typing import Final

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding
from otel_sse.stream.facts import Facts

_WORDS: Final = frozenset({"done", "complete", "completed", "end"})
"""Ends in applications' own words. They end an answer, and nobody has promised that there is but one on a stream."""


class TerminalDetector:
    """Reports a terminal event that repeats and content that follows one.

    An answer with an identity not seen before starts anew: an agent that streams several answers on one connection is
    no fault. The same identity opened again is. Where only a word of the application's own marks the end, what follows
    it is held back: if it comes to such an end as well it was another answer, which is told once, as suspected.
    """

    __slots__ = ("_ended_by", "_has_several", "_held", "_opened", "_said", "_seen", "_stage", "ended")

    def __init__(self, stage: str) -> None:
        self.ended = False
        self._stage = stage
        self._seen: dict[str, int] = {}
        self._opened: set[str] = set()
        self._ended_by = ("", 0)
        self._held: list[Finding] = []
        self._has_several = False
        self._said = 0

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
        self.begin()
        return True

    def begin(self) -> None:
        """Take note that another answer begins: content and terminal marks are expected again."""
        self._seen.clear()
        self._held.clear()
        self.ended = False

    def check(self, seq: int, facts: Facts) -> Finding | None:
        """Return what is wrong with this event, or None. To be called for terminal events, and for all after one."""
        late = self._after(seq) if facts.content is not None and self.ended else None
        if facts.terminal is None:
            return late
        said, self._said = self._said, hash(facts.content)
        return self._terminal(seq, facts.terminal, said == self._said) or late

    def close(self) -> list[Finding]:
        """Return what was held back, now that no further end will come."""
        held, self._held = self._held, []
        return held

    def _after(self, seq: int) -> Finding | None:
        if self._has_several and not self._is_hard:
            self.begin()
            return None
        mark, at = self._ended_by
        finding = Finding(kinds.AFTER_DONE, CERTAIN, self._stage, seq, at, f"content after {mark} at {at}")
        if self._is_hard:
            return finding
        if len(self._held) < limits.MAX_FINDINGS_PER_STREAM:
            self._held.append(finding)
        return None

    @property
    def _is_hard(self) -> bool:
        """Whether one of the marks that have ended the answer is a protocol's own."""
        return any(mark not in _WORDS for mark in self._seen)

    def _terminal(self, seq: int, mark: str, alike: bool) -> Finding | None:
        first = self._seen.get(mark)
        found = None
        if alike and self._held and self._held[0].seq == seq:
            # The event that ended the answer has come again, with the text that it carries.
            self._held.clear()
        if first is not None and self._held:
            found = self._several(first)
            self.begin()
        elif first is not None:
            evidence = f"{mark} at {first} and again at {seq}"
            return Finding(kinds.TERMINAL, CERTAIN, self._stage, seq, first, evidence)
        if len(self._seen) < limits.MAX_TERMINALS:
            self._seen[mark] = seq
        self.ended = True
        self._ended_by = (mark, seq)
        return found

    def _several(self, first: int) -> Finding:
        self._has_several = True
        evidence = f"an answer ended at {first}, and another one that ends follows it"
        return Finding(kinds.RESTARTED, SUSPECTED, self._stage, self._held[0].seq, first, evidence, 0)
