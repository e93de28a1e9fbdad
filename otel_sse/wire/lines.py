"""Newline-delimited JSON from bytes: each line an event."""

from __future__ import annotations

from typing import ClassVar

from ..errors import ConfigurationError, must
from ..limits import MAX_EVENT_BYTES
from .events import INVALID_UTF8, OVERSIZE, TRUNCATED, Event, Item, Violation
from .line_buffer import LineBuffer


class LineParser:
    """Reads newline-delimited JSON (`application/x-ndjson`) in whatever pieces it comes, with `Parser`'s surface.

    Each line becomes `Event(data=line)` at its LF; a CR before the LF is taken off. Lines of nothing but spaces,
    tabs and CRs are nothing. A CR alone ends no line: JSON allows it between two tokens. Bytes that are not
    UTF-8 become U+FFFD, after a `Violation("invalid_utf8")` that has the line's size. A line longer than `max_bytes`
    is reported as `Violation("oversize", "line")` at the byte that passes the cap, and skipped.

    Args:
        max_bytes: Longest line without its LF, in bytes, at least 1.

    Raises:
        ConfigurationError: `max_bytes` is below 1.
    """

    __slots__ = ("_closed", "_line", "_pending", "_skipped")

    last_event_id: ClassVar[str] = ""
    """Always "": a line has no id."""
    retry_ms: ClassVar[None] = None
    """Always None: a line has no reconnection time."""

    def __init__(self, *, max_bytes: int = MAX_EVENT_BYTES) -> None:
        if max_bytes < 1:
            raise ConfigurationError(must("max_bytes", "be at least 1", max_bytes, "Raise it."))
        self._line = LineBuffer(max_bytes)
        self._pending = 0
        self._skipped = 0
        self._closed = False

    @property
    def pending_bytes(self) -> int:
        """Bytes fed since the end of the last item: an unfinished line, blank lines, the rest of a skipped line."""
        return self._pending

    def feed(self, data: bytes | bytearray | memoryview) -> list[Item]:
        """Take the next bytes and return the items that they complete, in order.

        Args:
            data: Any number of bytes, cut anywhere.

        Raises:
            RuntimeError: The parser is closed.
        """
        if self._closed:
            raise RuntimeError(must("feed()", "come before close()", "a closed parser", "Make a new LineParser."))
        items: list[Item] = []
        *lines, rest = memoryview(data).tobytes().split(b"\n")
        for part in lines:
            self._take_part(part, items)
            self._pending += 1
            self._end_line(items)
        self._take_part(rest, items)
        return items

    def close(self) -> list[Item]:
        """Take the end of the stream and return the last line where it lacks its LF. A second call returns nothing.

        The rest of a line that is being skipped is reported as `Violation("truncated")`.
        """
        items: list[Item] = []
        if self._line.skipping:
            self._emit(Violation(TRUNCATED), items)
        self._end_line(items)
        self._closed = True
        return items

    def _take_part(self, part: bytes, items: list[Item]) -> None:
        passed = self._line.take(part)
        self._pending += passed or len(part)
        if passed:
            self._emit(Violation(OVERSIZE, "line"), items)
            self._pending += len(part) - passed

    def _end_line(self, items: list[Item]) -> None:
        line = self._line.end()
        if line is None:
            self._skipped = self._pending
            return
        if not line.strip(b" \t\r"):
            return
        line = line.removesuffix(b"\r")
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("utf-8", "replace")
            self._emit(Violation(INVALID_UTF8), items)
        self._emit(Event(text), items)

    def _emit(self, item: Item, items: list[Item]) -> None:
        item.size, item.skipped = self._pending, self._skipped
        self._pending = self._skipped = 0
        items.append(item)
