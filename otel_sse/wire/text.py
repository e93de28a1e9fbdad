"""A body of plain text, which may hold lines of JSON or events all the same: what it is shows at its beginning."""

from __future__ import annotations

import codecs
import re
from typing import ClassVar, Final

from ..limits import MAX_EVENT_BYTES
from .events import INVALID_UTF8, OVERSIZE, Event, Item, Violation
from .lines import LineParser
from .parser import Parser

_EVENTS: Final = re.compile(rb"(?:data|event|id|retry):|:[^\n]*\n\n")
"""How an event stream begins: with a field, or with a comment that stands alone."""

_LINE_OF_JSON: Final = re.compile(rb'\s*\{"[^\n]*\}[ \t\r]*(?:\n|\Z)')
"""How lines of JSON begin: with a whole object. A document over several lines, or an object in pieces, is text."""


class TextParser:
    """Reads a body of plain text with `Parser`'s surface: each piece is an event, as it came.

    Where the first piece begins as an event stream does, or with a whole JSON object on a line, the body is read as
    that. A character that lies across two pieces belongs to the later one. A piece of more than `max_bytes` is
    reported as a `Violation` of `OVERSIZE`, and skipped.

    Args:
        max_bytes: Longest piece that is read, in bytes, at least 1.
    """

    __slots__ = ("_decode", "_first", "_inner", "_max_bytes", "_pending", "is_text")

    last_event_id: ClassVar[str] = ""
    """Always "": a piece of text has no id."""
    retry_ms: ClassVar[None] = None
    """Always None: a piece of text has no reconnection time."""

    def __init__(self, *, max_bytes: int = MAX_EVENT_BYTES) -> None:
        self.is_text = False
        """Whether the body has turned out to be neither events nor lines."""
        self._max_bytes = max_bytes
        self._inner: Parser | LineParser | None = None
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._first = True
        self._pending = 0

    def feed(self, data: bytes | bytearray | memoryview) -> list[Item]:
        """Take the next piece and return what it completes.

        Args:
            data: The piece.
        """
        raw = bytes(data)
        if self._first and raw:
            self._first = False
            self._choose(raw)
        if self._inner is not None:
            return self._inner.feed(raw)
        return self._piece(raw)

    def close(self) -> list[Item]:
        """Take the end of the body and return what was left unfinished."""
        if self._inner is not None:
            return self._inner.close()
        return [Violation(INVALID_UTF8, "line", self._pending)] if self._decode(b"", True) else []

    def _choose(self, raw: bytes) -> None:
        if _EVENTS.match(raw):
            self._inner = Parser(max_bytes=self._max_bytes)
        elif _LINE_OF_JSON.match(raw):
            self._inner = LineParser(max_bytes=self._max_bytes)
        else:
            self.is_text = True

    def _piece(self, raw: bytes) -> list[Item]:
        size, self._pending = self._pending + len(raw), 0
        if len(raw) > self._max_bytes:
            return [Violation(OVERSIZE, "line", size)]
        text = self._decode(raw)
        if text:
            return [Event(text, size=size)]
        self._pending = size
        return []
