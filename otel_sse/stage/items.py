"""What an iterator yields, read as events: framed text, plain text, or an SDK's objects."""

from __future__ import annotations

import re
from typing import Final

from otel_sse.dialects import Reader
from otel_sse.dialects.items import as_json, quick_delta
from otel_sse.stream.chunk import CONTENT, CONTROL
from otel_sse.stream.facts import Facts
from otel_sse.wire import Event

_FRAMED: Final = re.compile(rb"(?:data|event|id|retry)?:")
"""How framed bytes begin. A model's text that begins so, at the very beginning of its stream, is not known to exist."""


class ItemReader:
    """Reads the objects of one iterator. How text is meant is decided by the first piece of text.

    Args:
        reader: Reads events; shared with the stage's monitor.
    """

    __slots__ = ("_framed", "_reader")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._framed: bool | None = None

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
        facts = quick_delta(item, self._reader.name)
        if facts is not None and facts.content is not None:
            return facts, Event("", size=_bytes_of(facts.content))
        if isinstance(item, (bytes, bytearray, memoryview)):
            return self._text(bytes(item).decode("utf-8", "replace"))
        return self._object(item)

    def _text(self, text: str) -> tuple[Facts, Event]:
        event = Event(text, size=_bytes_of(text))
        if text[:1] == "{":
            return self._reader.read(event), event
        return (Facts(CONTENT, text) if text else Facts(CONTROL)), event

    def _object(self, item: object) -> tuple[Facts, Event]:
        data = as_json(item)
        if data is None:
            event = Event(type(item).__qualname__)
            return Facts(CONTROL), event
        event = Event(data, size=_bytes_of(data))
        return self._reader.read(event), event


def _bytes_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _raw(item: object) -> bytes | None:
    if type(item) is str:
        return item.encode("utf-8", "surrogatepass")
    return bytes(item) if isinstance(item, (bytes, bytearray, memoryview)) else None
