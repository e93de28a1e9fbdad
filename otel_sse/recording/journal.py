"""The bounded way from the request's thread to the recorder's."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from otel_sse import limits
from otel_sse.stream.chunk import Chunk
from otel_sse.telemetry.segments import Entry

BLOCK: Final = 64
"""Entries by which a journal grows, so that it rarely takes the lock around the room that all share."""

FREE: Final = 16
"""Entries of each journal that take no room: between two passes of the recorder, a model sends no more."""


class Room:
    """How many entries all journals of a recorder may hold together, beyond `FREE` each.

    Args:
        size: Entries.
    """

    __slots__ = ("_left", "lock")

    def __init__(self, size: int = limits.MAX_WAITING_ENTRIES) -> None:
        self._left = size
        # A signal handler may append in the same thread, while this is held.
        self.lock = threading.RLock()
        """Held by a journal while it changes its share."""

    def take(self, entries: int) -> int:
        """Take room for so many entries. Return how many of them got some. The caller holds `lock`."""
        granted = min(entries, self._left)
        self._left -= granted
        return granted

    def give_back(self, entries: int) -> None:
        """Give back room for so many entries. The caller holds `lock`."""
        self._left += entries


class Journal:
    """What has crossed one stage and waits for the recorder. One thread appends; the recorder's thread takes.

    A full journal drops its oldest entry, so that the end of an answer is never missing. Whoever takes an entry off
    the deque owns it: each one is written or counted as dropped, once, without a lock.

    Args:
        size: Entries that may wait.
        room: The room that all journals share.
        tell: Called with `stage` and the number of chunks dropped since its last call. The thread that drops calls it,
            because the recorder may hang.
        stage: The stage's label.
    """

    __slots__ = ("_entries", "_most", "_push", "_room", "_size", "_stage", "_tell", "_told", "dropped")

    def __init__(self, size: int, room: Room, tell: Callable[[str, int], None], stage: str) -> None:
        self._entries: deque[Entry] = deque()
        self._push = self._entries.append
        self._size = size
        self._room = room
        self._most = min(size, FREE)
        self._tell = tell
        self._told = 0
        self._stage = stage
        self.dropped = 0
        """Chunks dropped because there was no room. The thread that appends writes it."""

    def __len__(self) -> int:
        return len(self._entries)

    def append(self, entry: Entry) -> None:
        """Add an entry. It blocks no longer than another journal takes to change its share."""
        self._push(entry)
        if len(self._entries) > self._most:
            self._grow()

    def _grow(self) -> None:
        with self._room.lock:
            self._most += self._room.take(min(BLOCK, self._size - self._most))
        while len(self._entries) > self._most:
            self._drop_oldest()
        if self.dropped - self._told >= BLOCK:
            self.tell_dropped()

    def _drop_oldest(self) -> None:
        try:
            gone = self._entries.popleft()
        except IndexError:
            # The recorder took it meanwhile, and writes it.
            return
        self.dropped += _chunks(gone)

    def take(self) -> list[Entry]:
        """Remove and return the entries, in order. For the recorder's thread."""
        entries = self._entries
        taken: list[Entry] = []
        try:
            for _ in range(len(entries)):
                taken.append(entries.popleft())
        except IndexError:
            # The journal was full, and dropped its oldest entries meanwhile.
            pass
        self._give_room_back()
        return taken

    def give_up(self, written: int = 0) -> None:
        """Drop all entries.

        Args:
            written: Chunks that the recorder has taken and that are dropped as well.
        """
        self.dropped += sum(map(_chunks, self.take())) + written
        self.tell_dropped()

    def tell_dropped(self) -> None:
        """Report the chunks dropped since the last report. `append` does so once for many of them."""
        dropped = self.dropped - self._told
        if dropped:
            self._told += dropped
            self._tell(self._stage, dropped)

    def _give_room_back(self) -> None:
        free = min(self._size, FREE)
        if self._most > free:
            with self._room.lock:
                self._room.give_back(self._most - free)
                self._most = free


def _chunks(entry: Entry) -> int:
    return int(isinstance(entry, Chunk))
