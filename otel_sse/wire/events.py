"""What the parser hands out: events, comments and violations, each with the bytes it took."""

from __future__ import annotations

from typing import Any, Final

import msgspec

UNKNOWN_FIELD: Final = "unknown_field"
OVERSIZE: Final = "oversize"
TRUNCATED: Final = "truncated"
INVALID_UTF8: Final = "invalid_utf8"
BAD_RETRY: Final = "bad_retry"
BAD_ID: Final = "bad_id"
NO_DATA: Final = "no_data"

VIOLATIONS: Final = (UNKNOWN_FIELD, OVERSIZE, TRUNCATED, INVALID_UTF8, BAD_RETRY, BAD_ID, NO_DATA)
"""Every kind of violation. `detect/framing.py` says which of them are findings, and of which kind."""


# Structs and not dataclasses, here and in `stream`: they are made for every chunk, and a struct that the garbage
# collector need not track is made three times as fast.
class Event(msgspec.Struct, gc=False, eq=False):
    """One dispatched event. Made once, then only read.

    Args:
        data: The `data` lines joined by LF, without the last LF.
        event: The `event` field; "" where the stream did not say, which a browser calls `message`.
        id: The `id` field of this block, or None where the block had none.
        last_event_id: The stream's last event id after this block.
        retry_ms: The `retry` field of this block in milliseconds, or None.
        size: Bytes from the end of the item before it to the end of this one.
        skipped: How many of them are the rest of what was too long, and no part of this item.
    """

    data: str
    event: str = ""
    id: str | None = None
    last_event_id: str = ""
    retry_ms: int | None = None
    size: int = 0
    skipped: int = 0

    def __eq__(self, other: object) -> bool:
        return _same(self, other)


class Comment(msgspec.Struct, gc=False, eq=False):
    """One comment line, without its colon and line end.

    Args:
        text: All after the colon, unchanged.
        size: Bytes from the end of the item before it to the end of this one.
        skipped: How many of them are the rest of what was too long, and no part of this item.
    """

    text: str
    size: int = 0
    skipped: int = 0

    def __eq__(self, other: object) -> bool:
        return _same(self, other)


class Violation(msgspec.Struct, gc=False, eq=False):
    """Something in the bytes that is not an event and should not be there.

    Args:
        kind: `unknown_field`, `oversize`, `truncated`, `invalid_utf8`, `bad_retry`, `bad_id`, `no_data`.
        detail: What was seen, at most `limits.MAX_NAME_CHARS` characters: a field's name, never a field's value; for
            `no_data` the event's name.
        size: Bytes from the end of the item before it to the end of this one.
        skipped: How many of them are the rest of what was too long, and no part of this item.
    """

    kind: str
    detail: str = ""
    size: int = 0
    skipped: int = 0

    def __eq__(self, other: object) -> bool:
        return _same(self, other)


def _same(one: msgspec.Struct, other: Any) -> bool:
    # The size tells how something was sent, not what.
    return type(one) is type(other) and all(
        getattr(one, name) == getattr(other, name) for name in one.__struct_fields__ if name not in _HOW_SENT
    )


_HOW_SENT = frozenset({"size", "skipped"})

Item = Event | Comment | Violation
"""What a parser hands out."""
