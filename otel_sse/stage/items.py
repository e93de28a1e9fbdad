"""What an iterator yields, read as events: framed text, plain text, or an SDK's objects."""

from __future__ import annotations

import re
from typing import Final

from otel_sse.dialects import Reader
from otel_sse.dialects.frames import is_done_mark
from otel_sse.dialects.items import QuickText, as_json, quick_text
from otel_sse.stream.chunk import CONTENT, CONTROL
from otel_sse.stream.facts import Facts
from otel_sse.wire import Event

_FRAMED: Final = re.compile(rb"(?:data|event|id|retry)?:")
"""How framed bytes begin. A model's text that begins so, at the very beginning of its stream, is not known to exist."""


class ItemReader:
    """Reads the objects of one iterator. How text is meant is decided by the first piece of text.

    Args:
        reader: Reads events; shared with the stage's monitor.
        asks: Whether more than the dialect says what the content is, so that no item is plain.
    """

    __slots__ = ("_asks", "_framed", "_quick", "_reader", "channel")

    def __init__(self, reader: Reader, *, asks: bool = False) -> None:
        self._reader = reader
        self.channel = ""
        """The channel of the content that `plain` returns."""
        self._asks = asks
        self._framed: bool | None = None
        self._quick: QuickText | None = None

    def plain(self, item: object) -> str | None:
        """Return the text of an item that is one piece of content and says nothing else; None means: read it."""
        if type(item) is str:
            return item if self._framed is False and item and item[0] not in "{[" and not self._asks else None
        if self._quick is None:
            return None
        try:
            text = self._quick(item)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError):
            return None
        return text if type(text) is str and text else None

    def framed(self, item: object) -> bytes | None:
        """Return the item's bytes where the iterator yields framed events, else None."""
        if self._framed is False:
            return None
        raw = _raw(item)
        if raw is None:
            return None
        if self._framed is None:
            if not raw:
                return None
            self._framed = _FRAMED.match(raw) is not None
        return raw if self._framed else None

    def read(self, item: object) -> tuple[Facts, Event]:
        """Return what an object that is not framed bytes means, and the event it would be sent as."""
        if type(item) is str:
            return self._text(item)
        if isinstance(item, (bytes, bytearray, memoryview)):
            return self._text(bytes(item).decode("utf-8", "replace"))
        return self._object(item)

    def _text(self, text: str) -> tuple[Facts, Event]:
        event = Event(text, size=_bytes_of(text))
        if self._asks or text[:1] == "{" or is_done_mark(text):
            return self._reader.read(event), event
        return (Facts(CONTENT, text) if text else Facts(CONTROL)), event

    def _object(self, item: object) -> tuple[Facts, Event]:
        data = as_json(item)
        if data is None:
            event = Event(type(item).__qualname__)
            return Facts(CONTROL), event
        event = Event(data, size=_bytes_of(data))
        facts = self._reader.read(event)
        if facts.content is not None and not self._asks:
            self._quick, self.channel = quick_text(item, self._reader.name, facts.channel), facts.channel
        return facts, event


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _raw(item: object) -> bytes | None:
    if type(item) is str:
        return item.encode("utf-8", "surrogatepass")
    return bytes(item) if isinstance(item, (bytes, bytearray, memoryview)) else None
