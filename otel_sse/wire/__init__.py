"""Server-sent events: bytes to events and back. Pure: no IO, no clock."""

from __future__ import annotations

from .encoder import encode, encode_comment, encode_retry
from .events import Comment, Event, Item, Violation
from .lines import LineParser
from .media_type import is_event_stream, media_type
from .parser import Parser

__all__ = [
    "Comment",
    "Event",
    "Item",
    "LineParser",
    "Parser",
    "Violation",
    "encode",
    "encode_comment",
    "encode_retry",
    "is_event_stream",
    "media_type",
]
