"""The line under way: its bytes so far, kept up to a cap."""

from __future__ import annotations

from ..limits import MAX_NAME_CHARS

NAME_BYTES = 4 * MAX_NAME_CHARS
"""Bytes of a line that are enough to quote `MAX_NAME_CHARS` characters: UTF-8 needs at most four each."""


def field_name(line: bytes | bytearray) -> str:
    """Return what stands before a line's colon (or the whole line), cut to `MAX_NAME_CHARS`; ":" for a comment."""
    if line.startswith(b":"):
        return ":"
    name = line[:NAME_BYTES].partition(b":")[0]
    return name.decode("utf-8", "replace")[:MAX_NAME_CHARS]


class LineBuffer:
    """Collects one line; a line above the cap is skipped to its end, of which only the beginning is kept.

    Args:
        max_bytes: Longest line that is kept, in bytes without its line end.
    """

    __slots__ = ("_held", "_max_bytes", "skipping")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held = bytearray()
        self.skipping = False

    def __bool__(self) -> bool:
        return self.skipping or bool(self._held)

    @property
    def head(self) -> bytes:
        """The beginning of the line under way, at most `NAME_BYTES` bytes."""
        return bytes(self._held[:NAME_BYTES])

    def take(self, part: bytes) -> int:
        """Add bytes of the line; return how many of them it took to pass the cap, 0 where it was not passed now."""
        if self.skipping:
            return 0
        room = self._max_bytes - len(self._held)
        if len(part) <= room:
            self._held += part
            return 0
        # Of the bytes up to the cap, not of all that came: what is kept must not depend on how they were cut.
        self._held = (self._held[:NAME_BYTES] + part[: min(room + 1, NAME_BYTES)])[:NAME_BYTES]
        self.skipping = True
        return room + 1

    def end(self) -> bytes | None:
        """Return the whole line and begin a new one; None where the line was skipped."""
        line = None if self.skipping else bytes(self._held)
        self.clear()
        return line

    def clear(self) -> None:
        """Forget the line under way."""
        self._held.clear()
        self.skipping = False
