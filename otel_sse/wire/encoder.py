"""Server-sent events to bytes: what `Parser` reads back."""

from __future__ import annotations

import re
from typing import Final

from ..errors import must
from .block import MAX_RETRY_DIGITS
from .events import Event

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


def encode(event: Event) -> bytes:
    """Return the bytes of one event, its blank line included; a new `Parser` reads an equal event from them.

    SSE has no way to send a CR inside data: data is split into `data` lines at LF, CRLF and CR alike, and is read
    back with LF between them. So the parsed event equals the encoded one where its data holds no CR and its
    `last_event_id` is its `id`, or "" where it has none. `size` is not encoded.

    Args:
        event: What to send; `last_event_id` is not sent, `id` is.

    Returns:
        UTF-8 without a CR: `id`, `retry` and `event` where they are set, then the data.

    Raises:
        ValueError: The event type or the id holds a CR or LF, the id holds a NUL, or `retry_ms` is negative or has
            more than 18 digits.
        UnicodeEncodeError: (a ValueError) A text holds half of a surrogate pair.

    Source: HTML standard, section 9.2.5 "Parsing an event stream".
    """
    head = ""
    if event.id is not None:
        head += f"id: {_checked('id', event.id, _NOT_IN_ID)}\n"
    if event.retry_ms is not None:
        head += _retry_line(event.retry_ms)
    if event.event:
        head += f"event: {_checked('event', event.event, _NOT_IN_TYPE)}\n"
    data = _LINE_END.sub("\ndata: ", event.data)
    return f"{head}data: {data}\n\n".encode()


def encode_comment(text: str) -> bytes:
    """Return the bytes of a comment and a blank line; each line of a longer text becomes a comment of its own.

    The text follows the colon as it is. Between two events a comment changes nothing; inside an event its blank
    line would end it.

    Args:
        text: What to send; LF, CRLF and CR end a line.

    Raises:
        UnicodeEncodeError: (a ValueError) The text holds half of a surrogate pair.
    """
    lines = _LINE_END.sub("\n:", text)
    return f":{lines}\n\n".encode()


def encode_retry(retry_ms: int) -> bytes:
    """Return the bytes that tell a client its reconnection time, without an event.

    Args:
        retry_ms: Milliseconds, 0 or more, at most 18 digits.

    Raises:
        ValueError: `retry_ms` is out of that range.
    """
    return f"{_retry_line(retry_ms)}\n".encode()


_NOT_IN_TYPE: Final = re.compile(r"[\r\n]")
_NOT_IN_ID: Final = re.compile(r"[\r\n\0]")


def _checked(subject: str, value: str, forbidden: re.Pattern[str]) -> str:
    if forbidden.search(value):
        raise ValueError(must(subject, "hold no line end (nor a NUL, in an id)", value, "Take the character out."))
    return value


def _retry_line(retry_ms: int) -> str:
    if not 0 <= retry_ms < 10**MAX_RETRY_DIGITS:
        rule = f"be 0 or more milliseconds with at most {MAX_RETRY_DIGITS} digits"
        raise ValueError(must("retry_ms", rule, retry_ms, "Give a time that a client can wait."))
    return f"retry: {retry_ms}\n"
