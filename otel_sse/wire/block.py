"""The block under way: what the lines between two blank lines say."""

from __future__ import annotations

from typing import Final

from ..limits import MAX_NAME_CHARS
from .events import BAD_ID, BAD_RETRY, INVALID_UTF8, NO_DATA, OVERSIZE, UNKNOWN_FIELD, Comment, Event, Item, Violation
from .line_buffer import field_name

MAX_RETRY_DIGITS: Final = 18
"""Digits of a `retry` field, leading zeros aside: fits 64 bits. The standard sets no limit, but Python refuses
to read a number of more than 4,300 digits, and no peer means a reconnection time of 30 million years."""


class Block:
    """Interprets the lines of one block after the other and keeps what outlives a block.

    Args:
        max_bytes: Longest data of one event, in bytes as sent, the LFs that join its lines included.
        last_event_id: The stream's last event id before the first block.

    Source: HTML standard, section 9.2.6 "Interpreting an event stream".
    """

    __slots__ = ("_data", "_event", "_id", "_id_buffer", "_max_bytes", "_retry_ms", "last_event_id",
                 "open", "retry_ms", "spoilt")  # fmt: skip

    def __init__(self, max_bytes: int, last_event_id: str) -> None:
        self.last_event_id = self._id_buffer = last_event_id
        self.retry_ms: int | None = None
        self._max_bytes = max_bytes
        self._data = bytearray()
        self._begin()

    def _begin(self) -> None:
        self._data.clear()
        self._event = ""
        self._id: str | None = None
        self._retry_ms: int | None = None
        self.spoilt = False
        self.open = False

    def take(self, line: bytes) -> list[Item]:
        """Take one line that is not blank; return what there is to say of it at once, in order, without sizes."""
        items: list[Item] = []
        if not _is_utf8(line):
            items.append(Violation(INVALID_UTF8, field_name(line)))
        name, _, value = line.partition(b":")
        if name:
            violation = self._take_field(name, value[1:] if value.startswith(b" ") else value)
            return [*items, violation] if violation else items
        items.append(Comment(_text(value)))
        return items

    def spoil(self) -> None:
        """Skip the data of this block to its end: part of the event is lost, so the event must not be dispatched."""
        self._data.clear()
        self.open = self.spoilt = True

    def end(self) -> Event | Violation | None:
        """Take the blank line; return the event, or None where the block has no data or was spoilt.

        Of a block that names an event and has no data the violation `no_data` is returned: no reader dispatches it.
        """
        self.last_event_id = self._id_buffer
        item: Event | Violation | None = None
        if self._data:
            data = _text(self._data[:-1])
            item = Event(data, self._event, self._id, self.last_event_id, self._retry_ms)
        elif self._event and not self.spoilt:
            item = Violation(NO_DATA, self._event[:MAX_NAME_CHARS])
        self._begin()
        return item

    def keep_id(self, ident: str) -> None:
        """Take note of the id of a whole block that was read elsewhere."""
        self.last_event_id = self._id_buffer = ident

    def clear(self) -> None:
        """Forget the block under way; its id does not become the last event id."""
        self._id_buffer = self.last_event_id
        self._begin()

    def _take_field(self, name: bytes, value: bytes) -> Violation | None:
        if name == b"data":
            return self._take_data(value)
        if name == b"event":
            self.open = True
            self._event = _text(value)
            return None
        if name == b"id":
            return self._take_id(value)
        if name == b"retry":
            return self._take_retry(value)
        return Violation(UNKNOWN_FIELD, field_name(name))

    def _take_data(self, value: bytes) -> Violation | None:
        self.open = True
        if self.spoilt:
            return None
        # `_data` ends with the LF that joins this line to the ones before, as the standard's data buffer does.
        if len(self._data) + len(value) > self._max_bytes:
            self.spoil()
            return Violation(OVERSIZE, "event")
        self._data += value
        self._data += b"\n"
        return None

    def _take_id(self, value: bytes) -> Violation | None:
        if b"\0" in value:
            return Violation(BAD_ID, "id")
        self.open = True
        self._id = self._id_buffer = _text(value)
        return None

    def _take_retry(self, value: bytes) -> Violation | None:
        digits = value.lstrip(b"0")
        if not value.isdigit() or len(digits) > MAX_RETRY_DIGITS:
            return Violation(BAD_RETRY, "retry")
        self.open = True
        self._retry_ms = self.retry_ms = int(digits or b"0")
        return None


def _text(value: bytes | bytearray) -> str:
    return value.decode("utf-8", "replace")


def _is_utf8(line: bytes) -> bool:
    try:
        return line.isascii() or bool(line.decode())
    except UnicodeDecodeError:
        return False
