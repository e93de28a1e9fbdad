"""From the text of a `data` field to plain values that are safe to look into. Nothing here raises."""

from __future__ import annotations

import json
from typing import Any, Final, cast

import msgspec

from otel_sse.limits import MAX_NAME_CHARS

NOT_JSON: Final = object()
"""What stands for the decoded data of an event whose text is not JSON; never a JSON value."""

JSON_SPACE: Final = " \t\n\r"
_STARTS: Final = frozenset('{["-0123456789tfnNI')
_MAX_ID_CHARS: Final = 4 * MAX_NAME_CHARS
_MAX_COUNT: Final = 2**63 - 1
_NO_FIELDS: Final[dict[str, Any]] = {}
_NO_ITEMS: Final[list[Any]] = []


# A decoder's own method is quicker than the module's function.
_decode_strictly: Final = msgspec.json.Decoder().decode


def decode(data: str) -> object:
    """Return the JSON value that `data` is, or `NOT_JSON`.

    Reads what JavaScript and Python back ends really send: `NaN`, and the lone surrogates that arise where an emoji was
    cut in two. Nesting deeper than the interpreter's stack and numbers of thousands of digits are `NOT_JSON`.
    """
    start = data[:1]
    if start != "{":
        if start in JSON_SPACE:
            start = data.lstrip(JSON_SPACE)[:1]
        if start not in _STARTS:
            return NOT_JSON
    try:
        return _decode_strictly(data)
    except (ValueError, RecursionError):
        return _decode_leniently(data)


def _decode_leniently(data: str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return NOT_JSON


def fields(value: object) -> dict[str, Any]:
    """Return `value` where it is a JSON object, else an empty one that must not be changed."""
    return cast("dict[str, Any]", value) if type(value) is dict else _NO_FIELDS


def either(payload: dict[str, Any], camel: str, snake: str) -> Any:
    """Return the field of an object that its protocol writes in one case, and its Python SDK's own objects in another.

    Args:
        payload: The object.
        camel: The field's name on the wire.
        snake: Its name in Python.
    """
    value = payload.get(camel)
    return payload.get(snake) if value is None else value


def items(value: object) -> list[Any]:
    """Return `value` where it is a JSON array, else an empty one that must not be changed."""
    return value if type(value) is list else _NO_ITEMS


def text(value: object) -> str | None:
    """Return `value` where it is a string that is not empty."""
    return value if type(value) is str and value else None


def name(value: object) -> str | None:
    """Return an error code or finish reason where `value` is a string or a whole number; at most `MAX_NAME_CHARS`."""
    if type(value) is str and value:
        return value[:MAX_NAME_CHARS]
    return str(value) if count(value) is not None else None


def identity(value: object) -> str | None:
    """Return an id where `value` is a string that is not empty.

    Of a very long one the end is kept: gateways encode their own routing into the front, which is the same in every id.
    """
    return value[-_MAX_ID_CHARS:] if type(value) is str and value else None


def count(value: object) -> int | None:
    """Return `value` where it is a whole number from 0 to 2^63 - 1 (what a span attribute can hold)."""
    return value if type(value) is int and 0 <= value <= _MAX_COUNT else None


def index(value: object, default: int = 0) -> int:
    """Return `value` where it is a whole number that can number a part, else `default`."""
    number = count(value)
    return default if number is None else number


def part_name(value: object) -> str | None:
    """Return what a part of an answer is called by its number, or None where it has none."""
    number = count(value)
    return None if number is None else str(number)


def compact(value: object) -> str:
    """Return a decoded JSON value as JSON text without spaces, or "" where that cannot be done."""
    try:
        return msgspec.json.encode(value).decode()
    except (ValueError, RecursionError, OverflowError):
        return _compact_leniently(value)


def _compact_leniently(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return ""
