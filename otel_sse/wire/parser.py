"""Server-sent events from bytes: each event, comment and violation at the byte that completes it."""

from __future__ import annotations

from typing import Final

from ..errors import ConfigurationError, must
from ..limits import MAX_EVENT_BYTES
from .block import Block
from .events import OVERSIZE, TRUNCATED, Event, Item, Violation
from .line_buffer import LineBuffer, field_name
from .plain import CRLF_END, LF_END, plain_comment, plain_event, plain_lines, size_of

MIN_MAX_BYTES: Final = 8
"""Smallest cap: a byte order mark, and each field name with its colon, must fit below it."""

_BOM: Final = b"\xef\xbb\xbf"
_LF: Final = 0x0A

_BLANK_LINES: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")

_QUICK_BYTES: Final = 4_096
"""Longest body that is tried as one event first; a longer one is mostly several, and decoded in vain."""


class Parser:
    """Reads an event stream in whatever pieces it comes; any split of the bytes gives the same items.

    An item is returned by the `feed` that brings its last byte: a line ends at its CR, and an LF right after it
    belongs to the next item. At any time the sizes of all items returned, plus `pending_bytes`, are the bytes fed.

    A line longer than `max_bytes`, or data of one event longer than that, is reported as `Violation("oversize")`
    (detail `line` or `event`) at the byte, or at the line, that passes the cap, and is skipped to the end of the
    line or event. Where the line began with `data:` or `event:`, its event is not dispatched: half of it is lost.
    A block that names an event and has no data is no event by the standard: it is reported as `Violation("no_data")`.

    Args:
        max_bytes: Longest line and longest data of one event, in bytes, at least 8.
        last_event_id: The last event id that the stream begins with (after a reconnection).

    Raises:
        ConfigurationError: `max_bytes` is below 8.

    Source: HTML standard, section 9.2.6 "Interpreting an event stream".
    """

    __slots__ = ("_between", "_block", "_bom_possible", "_closed", "_idle", "_in_block", "_lf_forgiven", "_line",
                 "_max_bytes", "_pending", "_quick_bytes", "_skipped")  # fmt: skip

    def __init__(self, *, max_bytes: int = MAX_EVENT_BYTES, last_event_id: str = "") -> None:
        if max_bytes < MIN_MAX_BYTES:
            raise ConfigurationError(must("max_bytes", f"be at least {MIN_MAX_BYTES}", max_bytes, "Raise it."))
        self._line = LineBuffer(max_bytes)
        self._block = Block(max_bytes, last_event_id)
        self._max_bytes = max_bytes
        self._quick_bytes = min(max_bytes, _QUICK_BYTES)
        self._pending = 0
        self._skipped = 0
        self._bom_possible = True
        self._lf_forgiven = False
        self._closed = False
        self._in_block = False
        # Whether the next byte begins a block, and whether it also begins an item. False at first, because of the byte
        # order mark.
        self._between = self._idle = False

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
        # Most bodies are one event `data: ...`, or `event: ...` and `data: ...`, and nothing else: these two
        # paths are what a chunk of an observed stream costs. They are inlined, and look for line ends in the
        # decoded text, because both are measurably quicker. `_one_item` knows the other common forms.
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
                elif data[:5] == b"data:":
                    value = data[5:-2].decode()
                    if "\n" not in value and "\r" not in value:
                        return [Event(value, "", None, self._block.last_event_id, None, len(data))]
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
            self._emit(Violation(TRUNCATED, field_name(self._line.head)), items)
        self._line.clear()
        self._block.clear()
        self._closed = True
        self._between = self._idle = False
        return items

    def _feed(self, data: bytes) -> list[Item]:
        if self._between and data[-1:] == b"\n" and len(data) <= self._quick_bytes:
            item = self._one_item(data)
            if item is not None:
                self._idle = not self._pending
                return [item]
        items: list[Item] = []
        if not self._between:
            data = self._resume(data, items)
        if data:
            self._feed_blocks(data, items)
        self._between = not (self._in_block or self._bom_possible)
        self._idle = self._between and not self._pending
        return items

    def _one_item(self, data: bytes) -> Item | None:
        """Read a body that is one event, or one comment and a blank line, in a common form; None for any other."""
        end = CRLF_END if data[-4:] == b"\r\n\r\n" else LF_END
        ends = 2 * len(end)
        if end is LF_END and data[-2:] != b"\n\n":
            return None
        lines = plain_lines(data[:-ends], end)
        item: Item | None = plain_event(lines, self._block.last_event_id)
        if type(item) is Event:
            if item.id is not None:
                self._block.keep_id(item.id)
            # Of the last line's end, a second byte is the next item's; of a comment's blank line, all is.
            after = len(end) - 1
        elif len(lines) == 1:
            item, after = plain_comment(lines[0]), ends - 1
        if item is None:
            return None
        item.size, item.skipped = self._pending + len(data) - after, self._skipped
        self._pending, self._skipped, self._lf_forgiven = after, 0, False
        return item

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
        # Whatever comes before, these end with a blank line.
        ends = [found + len(blank) for blank in _BLANK_LINES if (found := data.find(blank)) >= 0]
        return min(ends, default=len(data))

    def _feed_blocks(self, data: bytes, items: list[Item]) -> None:
        """Take bytes that begin at a block: whole blocks as text, what is left over as lines of bytes."""
        rest = data.lstrip(b"\r\n")
        self._pending += len(data) - len(rest)
        self._lf_forgiven = not rest and data[-1:] == b"\r"
        self._in_block = False
        for end in (LF_END, CRLF_END):
            stop = rest.rfind((2 * end).encode()) + 2 * len(end)
            lines = plain_lines(rest[:stop], end) if stop >= 2 * len(end) else []
            if lines:
                self._feed_plain(lines, end, items)
                rest = rest[stop:]
        if rest:
            self._feed_lines(rest, items)

    def _feed_plain(self, lines: list[str], end: str, items: list[Item]) -> None:
        """Take the lines of whole blocks; those that are not plain go the long way, each by itself."""
        at, last = 0, len(lines) - 1
        while at < last:
            at = self._read_plain(lines, at, len(end), items)
            if at < last:
                after = lines.index("", at) + 1
                self._feed_lines(end.join([*lines[at:after], ""]).encode(), items)
                at = after

    def _read_plain(self, lines: list[str], at: int, end_bytes: int, items: list[Item]) -> int:
        """Read plain blocks, comments and blank lines from a line on; return the first other line."""
        last = len(lines) - 1
        while at < last:
            line = lines[at]
            if not line:
                self._pending += end_bytes
                at += 1
                continue
            item: Item | None
            if line[0] == ":":
                after, item = at + 1, plain_comment(line)
            elif line[:5] == "data:" and not lines[at + 1]:
                # What `plain_event` would say of this line: nearly all blocks are one.
                after, value = at + 2, line[6:] if line[5:6] == " " else line[5:]
                item = Event(value, "", None, self._block.last_event_id)
            else:
                after = lines.index("", at) + 1
                item = plain_event(lines[at : after - 1], self._block.last_event_id)
            size = size_of(line) if after == at + 2 else sum(map(size_of, lines[at:after]))
            if item is None or size > self._max_bytes:
                break
            if type(item) is Event and item.id is not None:
                self._block.keep_id(item.id)
            # An item ends with the first byte of its last line's end.
            item.size, item.skipped = self._pending + size + (after - at - 1) * end_bytes + 1, self._skipped
            self._pending, self._skipped = end_bytes - 1, 0
            items.append(item)
            at = after
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
            self._emit(Violation(OVERSIZE, "line"), items)
            self._pending += len(part) - passed
            if self._line.head.startswith((b"data:", b"event:")):
                self._block.spoil()

    def _end_line(self, items: list[Item]) -> None:
        line = self._line.end()
        if line:
            for item in self._block.take(line):
                self._emit(item, items)
        elif line is None:
            # All since the violation was the rest of that line.
            self._skipped = self._pending
        elif self._block.open:
            spoilt, found = self._block.spoilt, self._block.end()
            if found is not None:
                self._emit(found, items)
            elif spoilt:
                self._skipped = self._pending

    def _emit(self, item: Item, items: list[Item]) -> None:
        item.size, item.skipped = self._pending, self._skipped
        self._pending = self._skipped = 0
        items.append(item)
