"""The answer to a request with `Last-Event-ID`: whether it goes on right behind the event that its reader had."""

from __future__ import annotations

from typing import Final

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding

_NAMES_KNOWN: Final = 3
"""Different ids after which a stream is known to name its events: with one or two, an id may be the message's."""

_DIGITS: Final = "0123456789"

_MOST_DIGITS: Final = 18
"""Digits of a number that two ids are compared by: nanoseconds since 1970 have 19, and no counter comes that far."""

_MOST_COUNTED: Final = 1_000_000_000
"""Larger numbers are times or database keys, which need not follow one another."""


class ResumeDetector:
    """Compares an answer's ids with the one that its reader had last, and said so.

    Going on right behind it is what was asked for. An answer that brings that event again, with what stands before it,
    is a replay: certain once it has, suspected where it ends on the way. One that begins later leaves a gap, where its
    ids count. Ids that do not name events (one for all chunks of a message) say nothing.

    A cursor in the request's query orders where to begin. An answer that begins there is a resume, whatever the reader
    had: a replay that was asked for. One that does not is held against `after` alone.

    Args:
        stage: The stage's name, for findings.
        after: What the request's `Last-Event-ID` said; "" where it said nothing.
        cursor: What a cursor in its query said; "" where there was none.
    """

    __slots__ = (
        "_after", "_ahead", "_ahead_seq", "_behind", "_count", "_cursor", "_digests", "_first", "_last", "_met",
        "_prefix", "_stage", "_undecided", "resumed",
    )  # fmt: skip

    def __init__(self, stage: str, after: str, cursor: str = "") -> None:
        self.resumed = False
        """Whether the answer is known to go on behind that event."""
        self._stage = stage
        self._after = after
        self._cursor = cursor
        self._prefix, self._last = _split(after)
        self._digests: dict[str, str] = {}
        self._ahead: list[int] = []
        self._count = self._behind = self._met = self._first = self._ahead_seq = 0
        self._undecided = True

    def numbered(self, number: int) -> None:
        """Take note of the first number that the answer's own payloads carry.

        Args:
            number: The number. An answer's ids, where it has any, come to be looked at in the same way.
        """
        self._begins(str(number))

    def _begins(self, ident: str) -> None:
        cursor, self._cursor = self._cursor, ""
        if not cursor or not self._undecided:
            return
        (asked, last), (prefix, number) = _split(cursor), _split(ident)
        # Some count what the reader has, others name what comes next.
        follows = asked == prefix and last >= 0 and number in (last, last + 1)
        if follows or ident == cursor:
            self.resumed, self._undecided = True, False

    def check(self, seq: int, ident: str, digest: str) -> Finding | None:
        """Return what is wrong with how the answer began, once that is clear.

        Args:
            seq: The chunk.
            ident: Its id. An empty one resets the browser's memory and says nothing.
            digest: Its digest.
        """
        if self._cursor and ident:
            self._begins(ident)
        if not self._undecided or not self._after:
            return None
        if not 0 < len(ident) <= limits.MAX_ID_CHARS or self._repeats(ident, digest):
            return None
        self._first = self._first or seq
        self._count += 1
        if len(self._digests) < limits.MAX_LATE_CHUNKS:
            self._digests[ident] = digest
        self._compare(seq, ident)
        if self._met and len(self._digests) >= _NAMES_KNOWN:
            return self._replayed(CERTAIN)
        return self.close() if len(self._ahead) == limits.MAX_LATE_CHUNKS else None

    def heartbeat(self, seq: int, ident: str, digest: str) -> Finding | None:
        """Take note of a heartbeat's id, which may be that of an earlier event as often as it likes."""
        prefix, number = _split(ident)
        old = ident == self._after or (prefix == self._prefix and number <= self._last)
        return None if old else self.check(seq, ident, digest)

    def close(self) -> Finding | None:
        """Return what has to be said now that nothing will come; a second call returns None."""
        if not self._undecided or not self._count:
            return None
        if self._behind >= _NAMES_KNOWN or (self._met and len(self._digests) > 1):
            return self._replayed(SUSPECTED)
        self._undecided = False
        self.resumed = not self._met
        return self._gap() if self._ahead and self._last >= 0 else None

    def _repeats(self, ident: str, digest: str) -> bool:
        known = self._digests.get(ident, digest)
        if known != digest:
            # It names no event, so it does not say which ones the reader had.
            self._undecided = False
        return ident in self._digests

    def _compare(self, seq: int, ident: str) -> None:
        prefix, number = _split(ident)
        if ident == self._after:
            self._met = self._count
        elif prefix != self._prefix or number < 0:
            return
        elif number <= self._last:
            self._behind += 1
        elif self._behind >= _NAMES_KNOWN:
            self._met = self._count - 1
        else:
            self._ahead_seq = self._ahead_seq or seq
            self._ahead.append(number)

    def _replayed(self, certainty: str) -> Finding:
        self._undecided = False
        amount = self._met or self._behind
        evidence = f"the reader's Last-Event-ID says that it had {amount} of these already"
        return Finding(kinds.REPLAYED, certainty, self._stage, self._first, 0, evidence, amount)

    def _gap(self) -> Finding | None:
        ahead = self._ahead
        begun = min(ahead)
        lost = begun - self._last - 1
        counts = max(ahead) - begun <= len(ahead) and max(ahead) < _MOST_COUNTED
        if not lost or not counts or len(ahead) < _NAMES_KNOWN:
            return None
        certainty = CERTAIN if len(ahead) >= limits.MAX_LEARNT_IDS else SUSPECTED
        if lost > limits.MAX_NUMBER_STEP:
            # Rather the id of another numbering.
            lost, certainty = 1, SUSPECTED
        evidence = f"Last-Event-ID {self._last} then id {begun}, {lost} did not come"
        return Finding(kinds.GAP_SEQUENCE, certainty, self._stage, self._ahead_seq, 0, evidence, lost)


def _split(ident: str) -> tuple[str, int]:
    """Return what stands before the number that an id ends with, and the number; -1 where there is none."""
    before = ident.rstrip(_DIGITS)
    digits = ident[len(before) :]
    return (before, int(digits)) if 0 < len(digits) <= _MOST_DIGITS else (ident, -1)
