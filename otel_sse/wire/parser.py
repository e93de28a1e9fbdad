"""Server-sent events from bytes: each event, comment and violation at the byte that completes it."""

from __future__ import annotations

from typing import Final

from ..errors import ConfigurationError, must
from ..limits import MAX_EVENT_BYTES
from .block import Block
from .events import Event, Item, Violation
from .line_buffer import LineBuffer, field_name

MIN_MAX_BYTES: Final = 8
"""Smallest cap: a byte order mark, and each field name with its colon, must fit below it."""

_BOM: Final = b"\xef\xbb\xbf"
_LF: Final = 0x0A

_QUICK_BYTES: Final = 4_096
"""Longest body that is tried as one event first; a longer one is mostly several, and decoded in vain."""


class Parser:
    """Reads an event stream in whatever pieces it comes; any split of the bytes gives the same items.

    An item is returned by the `feed` that brings its last byte: a line ends at its CR, and an LF right after it
    belongs to the next item. At any time the sizes of all items returned, plus `pending_bytes`, are the bytes fed.

    A line longer than `max_bytes`, or data of one event longer than that, is reported as `Violation("oversize")`
    (detail `line` or `event`) at the byte, or at the line, that passes the cap, and is skipped to the end of the
    line or event. Where the line began with `data:` or `event:`, its event is not dispatched: half of it is lost.

    Args:
        max_bytes: Longest line and longest data of one event, in bytes, at least 8.
        last_event_id: The last event id that the stream begins with (after a reconnection).

    Raises:
        ConfigurationError: `max_bytes` is below 8.

    Source: HTML standard, section 9.2.6 "Interpreting an event stream".
    """

    __slots__ = ("_block", "_bom_possible", "_closed", "_idle", "_in_block", "_lf_forgiven", "_line", "_max_bytes",
                 "_pending", "_quick_bytes")  # fmt: skip

    def __init__(self, *, max_bytes: int = MAX_EVENT_BYTES, last_event_id: str = "") -> None:
        if max_bytes < MIN_MAX_BYTES:
            raise ConfigurationError(must("max_bytes", f"be at least {MIN_MAX_BYTES}", max_bytes, "Raise it."))
        self._line = LineBuffer(max_bytes)
        self._block = Block(max_bytes, last_event_id)
        self._max_bytes = max_bytes
        self._quick_bytes = min(max_bytes, _QUICK_BYTES)
        self._pending = 0
        self._bom_possible = True
        self._lf_forgiven = False
        self._closed = False
        self._in_block = False
        # Whether the next byte begins an item, not only a block. False at first, because of the byte order mark.
        self._idle = False

    @property
    def last_event_id(self) -> str:
        """The id of the last block that ended with a blank line and had one, else what the parser began with."""
        return self._block.last_event_id

    @property
    def retry_ms(self) -> int | None:
        """The last valid `retry` field in milliseconds; None before the first. It counts from the end of its line."""
        return self._block.retry_ms

    @property
    def pending_bytes(self) -> int:
        """Bytes fed since the end of the last item: an unfinished line or block, blank lines, a byte order mark."""
        return self._pending

    def feed(self, data: bytes | bytearray | memoryview) -> list[Item]:
        """Take the next bytes of the stream and return the items that they complete, in order.

        Args:
            data: Any number of bytes, cut anywhere.

        Raises:
            RuntimeError: The parser is closed.
        """
        # Nearly all bodies are one event `data: ...`, or `event: ...` and `data: ...`, and nothing else: these two
        # paths are what a chunk of an observed stream costs. They are inlined, and look for line ends in the
        # decoded text, because both are measurably quicker.
        if self._idle and type(data) is bytes and data[-2:] == b"\n\n" and len(data) <= self._quick_bytes:
            try:
                if data[:6] == b"data: ":
                    value = data[6:-2].decode()
                    if "\n" not in value and "\r" not in value:
                        return [Event(value, "", None, self._block.last_event_id, None, len(data))]
                elif data[:7] == b"event: ":
                    name, found, value = data[7:-2].decode().partition("\ndata: ")
                    if found and "\n" not in value and "\n" not in name and "\r" not in value and "\r" not in name:
                        return [Event(value, name, None, self._block.last_event_id, None, len(data))]
            except UnicodeDecodeError:
                pass
        if type(data) is not bytes:
            return self.feed(memoryview(data).tobytes())
        return self._feed(data)

    def close(self) -> list[Item]:
        """Take the end of the stream and return what it cuts off: nothing, or one `Violation("truncated")`.

        An unfinished line or block is not dispatched. The violation's detail is the name of the field that broke
        off, or "" where the stream ended between two lines. Blank lines at the end are no violation: `pending_bytes`
        still tells them. A second call returns nothing.
        """
        unfinished = bool(self._line) or self._block.open
        items: list[Item] = []
        if unfinished and not self._closed:
            self._emit(Violation("truncated", field_name(self._line.head)), items)
        self._line.clear()
        self._block.clear()
        self._closed = True
        self._idle = False
        return items

    def _feed(self, data: bytes) -> list[Item]:
        items: list[Item] = []
        if not self._idle:
            data = self._resume(data, items)
        if data:
            self._feed_blocks(data, items)
        self._idle = not (self._pending or self._in_block or self._bom_possible)
        return items

    def _resume(self, data: bytes, items: list[Item]) -> bytes:
        """Take the bytes that belong to what is under way; return the rest, which begins a block."""
        if self._closed:
            raise RuntimeError(must("feed()", "come before close()", "a closed parser", "Make a new Parser."))
        if self._bom_possible:
            data = self._skip_bom(data)
        if not self._in_block or not data:
            return data
        length = self._rest_of_block(data)
        self._feed_lines(data[:length], items)
        return data[length:]

    def _skip_bom(self, data: bytes) -> bytes:
        """Take the byte order mark off the stream's beginning; until it is whole, its bytes wait as a line."""
        held = self._line.head
        beginning = (held + data[:3])[:3]
        self._bom_possible = beginning != _BOM and _BOM.startswith(beginning)
        if beginning != _BOM:
            return data
        self._line.clear()
        self._in_block = False
        self._pending = len(_BOM)
        return data[len(_BOM) - len(held) :]

    def _rest_of_block(self, data: bytes) -> int:
        """Return a number of bytes after which the block under way has ended, or all bytes where it has not yet."""
        if data[0] == _LF and not self._line and not self._lf_forgiven:
            return 1
        # Whatever comes before, the second of two LFs is a blank line.
        end = data.find(b"\n\n")
        return len(data) if end < 0 else end + 2

    def _feed_blocks(self, data: bytes, items: list[Item]) -> None:
        """Take bytes that begin at a block: whole blocks as text, what is left over as lines of bytes."""
        stop = data.rfind(b"\n\n") + 2
        text = _plain_text(data[:stop]) if stop > 1 else ""
        if not text:
            return self._feed_lines(data, items)
        lines = text.split("\n")
        at, end = 0, len(lines) - 1
        while at < end:
            at = self._read_plain(lines, at, items)
            if at < end:
                after = lines.index("", at) + 1
                self._feed_lines("\n".join([*lines[at:after], ""]).encode(), items)
                at = after
        return self._feed_lines(data[stop:], items) if stop < len(data) else None

    def _read_plain(self, lines: list[str], at: int, items: list[Item]) -> int:
        """Read blocks of one `data` line, or of `event` and `data`, from a line on; return the first other line."""
        end = len(lines) - 1
        last_event_id = self._block.last_event_id
        while at < end:
            typed, line, count = "", lines[at], 2
            if line[:6] == "event:":
                typed, line, count = line, lines[at + 1], 3
            if line[:5] != "data:" or lines[at + count - 1]:
                break
            size = len(typed) + len(line) + count
            if not line.isascii() or not typed.isascii():
                size = len((typed + line).encode()) + count
            if size - 2 > self._max_bytes:
                break
            value = line[6:] if line[5:6] == " " else line[5:]
            name = typed[7:] if typed[6:7] == " " else typed[6:]
            items.append(Event(value, name, None, last_event_id, None, size + self._pending))
            self._pending = 0
            at += count
        return at

    def _feed_lines(self, data: bytes, items: list[Item]) -> None:
        """Take bytes line by line: the whole standard, for what the quick paths do not know."""
        if self._lf_forgiven and data[0] == _LF:
            self._pending += 1
            data = data[1:]
        for line in data.splitlines(keepends=True):
            text = line.rstrip(b"\r\n")
            self._take_part(text, items)
            if len(text) < len(line):
                self._pending += 1
                self._end_line(items)
                self._pending += len(line) - len(text) - 1
        self._lf_forgiven = data[-1:] == b"\r"
        self._in_block = self._block.open or bool(self._line)

    def _take_part(self, part: bytes, items: list[Item]) -> None:
        passed = self._line.take(part)
        self._pending += passed or len(part)
        if passed:
            self._emit(Violation("oversize", "line"), items)
            self._pending += len(part) - passed
            if self._line.head.startswith((b"data:", b"event:")):
                self._block.spoil()

    def _end_line(self, items: list[Item]) -> None:
        line = self._line.end()
        if line:
            for item in self._block.take(line):
                self._emit(item, items)
        elif line is not None and self._block.open:
            event = self._block.end()
            if event is not None:
                self._emit(event, items)

    def _emit(self, item: Item, items: list[Item]) -> None:
        item.size = self._pending
        self._pending = 0
        items.append(item)


def _plain_text(data: bytes) -> str:
    """Decode bytes that are whole UTF-8 without a CR; "" for any other."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ""
    return "" if "\r" in text else text
