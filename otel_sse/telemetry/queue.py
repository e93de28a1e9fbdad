"""The bounded way from the request's thread to the recorder's."""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

from otel_sse.stream.chunk import Chunk, Finding
from otel_sse.stream.totals import Totals

Entry: TypeAlias = "Chunk | tuple[Finding, int]"


class Room:
    """How much may wait in all journals of one recorder together.

    `taken` is a plain integer that request threads raise without a lock, so two threads may lose a step between
    them; the recorder counts anew on every pass (`recount`), so an error lasts one pass.

    Args:
        size: Entries that may wait.
    """

    __slots__ = ("size", "taken")

    def __init__(self, size: int) -> None:
        self.size = size
        self.taken = 0


class BoundedJournal:
    """The journal of one stage: appended to by its request, emptied by the recorder. What does not fit is counted."""

    __slots__ = ("_entries", "_room", "_totals")

    def __init__(self, room: Room, totals: Totals) -> None:
        self._entries: deque[Entry] = deque()
        self._room = room
        self._totals = totals

    def __len__(self) -> int:
        return len(self._entries)

    def append(self, entry: Entry) -> None:
        """Keep an entry, or count it as dropped where there is no room."""
        room = self._room
        if room.taken >= room.size:
            self._totals.dropped += 1
            return
        room.taken += 1
        self._entries.append(entry)

    def take(self) -> list[Entry]:
        """Remove and return what is there now, in order."""
        entries = self._entries
        return [entries.popleft() for _ in range(len(entries))]
