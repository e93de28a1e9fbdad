"""The `id:` field: the same event twice, numbers that skip or go back."""

from __future__ import annotations

from typing import Final

from otel_sse.detect.sequence import SequenceDetector
from otel_sse.stream.chunk import CERTAIN, Finding

_MAX_IDS: Final = 1_024
"""Ids that are remembered; a reconnect replays recent events, not old ones."""

_COUNTER_MAX: Final = 1_000_000_000
"""Larger numbers are time stamps or database keys, which need not follow one another."""


class IdentityDetector:
    """Reports events whose `id` says that they were seen before, or that one is missing.

    Ids are judged by how the stream uses them. Small whole numbers whose first two differ by one count: a skip is
    a gap. Others are names: a repeat with the same digest is a replay. A stream that gives several different
    events one id (a message's id on each of its chunks) does not name events, and is left alone.
    """

    __slots__ = ("_counter", "_counting", "_names", "_previous", "_shared", "_stage")

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._names: dict[str, tuple[int, str]] = {}
        self._shared = False
        self._counting: bool | None = None
        self._counter = SequenceDetector(stage, "id")
        self._previous: int | None = None

    def check(self, seq: int, ident: str, digest: str) -> Finding | None:
        """Return what is wrong with the event that carries `ident`, or None. An empty id resets and says nothing."""
        if not ident or self._shared:
            return None
        if self._counting is not False and (number := _counter_value(ident)) is not None:
            return self._numbered(seq, number, ident, digest)
        self._counting = False
        return self._named(seq, ident, digest)

    def _numbered(self, seq: int, number: int, ident: str, digest: str) -> Finding | None:
        if self._counting is None:
            return self._learn(seq, number, ident, digest)
        return self._counter.check(seq, number)

    def _learn(self, seq: int, number: int, ident: str, digest: str) -> Finding | None:
        previous, self._previous = self._previous, number
        if previous is not None and number != previous:
            self._counting = number == previous + 1
        if number != previous:
            self._counter.check(seq, number)
        return self._named(seq, ident, digest)

    def _named(self, seq: int, ident: str, digest: str) -> Finding | None:
        known = self._names.get(ident)
        if known is None:
            self._remember(ident, seq, digest)
            return None
        first, before = known
        if before != digest:
            self._shared = True
            return None
        if len(self._names) < 2:
            # One id only: nothing says yet that the stream names each event.
            return None
        return Finding("duplicate/replayed", CERTAIN, self._stage, seq, first, f"the id of chunk {first} again")

    def _remember(self, ident: str, seq: int, digest: str) -> None:
        if len(self._names) >= _MAX_IDS:
            del self._names[next(iter(self._names))]
        self._names[ident] = (seq, digest)


def _counter_value(ident: str) -> int | None:
    if not (ident.isascii() and ident.isdigit() and len(ident) < 10):
        return None
    number = int(ident)
    return number if number < _COUNTER_MAX else None
