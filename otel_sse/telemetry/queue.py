"""The bounded way from the request's thread to the recorder's."""

from __future__ import annotations

from collections import deque
from typing import TypeAlias

from otel_sse.stream.chunk import Chunk, Finding

Entry: TypeAlias = "Chunk | tuple[Finding, int]"
Journal: TypeAlias = "deque[Entry]"


def new_journal(size: int) -> Journal:
    """Return the journal of one stage: appended to by its request's thread, emptied by the recorder's.

    A deque needs no lock for that, and its append is the cheapest there is. Where it is full the oldest entry goes,
    which the recorder sees as a jump in the chunks' numbers and counts: one stream's burst costs no other stream
    anything, and the end of an answer is never what is missing.

    Args:
        size: Entries that may wait.
    """
    return deque(maxlen=size)


def take(journal: Journal) -> list[Entry]:
    """Remove and return what is there now, in order."""
    taken: list[Entry] = []
    for _ in range(len(journal)):
        taken.append(journal.popleft())
    return taken
