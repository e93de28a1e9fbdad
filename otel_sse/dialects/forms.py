"""The form of an event: all that says what kind of event it is, without its text."""

from __future__ import annotations

from typing import NamedTuple

from otel_sse.dialects.frames import TYPE_KEYS, word_of
from otel_sse.dialects.payload import decode, fields, items
from otel_sse.wire.events import Event

_MAX_DEPTH = 8
"""Objects inside one another in which the text is looked for: vendors' frames have five at most."""


class Form(NamedTuple):
    """The form of one event.

    Args:
        event: The `event` field.
        word: The type that its payload names, or "".
        path: The keys that lead to its text; () where the data itself is the text, or it is found nowhere whole.
        marks: Its other keys at top level, with the value of those that are true or false.
        paired: Whether its payload is a list, as of a message and its metadata.
    """

    event: str
    word: str
    path: tuple[str, ...]
    marks: frozenset[tuple[str, bool | None]]
    paired: bool


def form_of(event: Event, text: str) -> Form:
    """Return the form of an event.

    Args:
        event: The event.
        text: Its content.
    """
    payload = decode(event.data)
    pair = items(payload)
    top = fields(pair[0] if pair else payload)
    marks = frozenset((key, value if type(value) is bool else None) for key, value in top.items())
    path = _path(payload, text, _MAX_DEPTH) or ()
    word = word_of(top, "") or next((found for key in path[:-1] if (found := _word_in(top.get(key)))), "")
    return Form(event.event, word, path, marks, bool(pair))


def _word_in(value: object) -> str:
    return next((word for key in TYPE_KEYS if type(word := fields(value).get(key)) is str), "")


def _path(value: object, text: str, depth: int) -> tuple[str, ...] | None:
    """Return the keys that lead to the text in a decoded value; None where it is not there."""
    if value == text:
        return ()
    if depth and type(value) is dict:
        for key, each in value.items():
            if (path := _path(each, text, depth - 1)) is not None:
                return (key, *path)
    if depth and type(value) is list:
        for each in value:
            if (path := _path(each, text, depth - 1)) is not None:
                return path
    return None
