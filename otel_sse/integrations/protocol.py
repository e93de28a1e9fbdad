"""ASGI as servers and applications speak it: its types, and how to read what may be no ASGI at all.

What is no ASGI is for the server or the application to judge, so nothing here raises because of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[Any]]
"""What an application returns is handed back to the server, which may complain of it."""

START: Final = "http.response.start"
BODY: Final = "http.response.body"
DISCONNECT: Final = "http.disconnect"

_BYTES_LIKE: Final = (bytes, bytearray, memoryview)


def kind_of(message: object) -> str:
    """Return the type of a scope or message, or "" where it has none."""
    if type(message) is dict:
        kind = message.get("type")
        if type(kind) is str:
            return kind
    else:
        kind = get(message, "type")
    # A member of an enumeration of texts is a text to everybody who compares it.
    return str.__str__(kind) if isinstance(kind, str) else ""


def get(message: object, key: str, default: Any = None) -> Any:
    """Return one value of a scope or message, or `default` where it is no mapping."""
    try:
        if type(message) is dict or isinstance(message, Mapping):
            return message.get(key, default)
        return default
    except Exception:
        return default


def is_true(value: object) -> bool:
    """Return whether a value counts as true; what can't say so does."""
    if value is True or value is False:
        return value
    try:
        return bool(value)
    except Exception:
        return True


def bytes_of(body: object) -> bytes | None:
    """Return what a body holds, or None where it holds no bytes or can't be read, as a memoryview that is released."""
    if type(body) is bytes:
        return body
    try:
        # What holds them and not what a class of the user's says of them: these are the bytes that servers write.
        return bytes(memoryview(body)) if isinstance(body, _BYTES_LIKE) else None
    except Exception:
        return None


def pairs(headers: object) -> list[tuple[bytes, bytes]]:
    """Return those headers that are two byte strings. What can be read but once is left to whom it belongs."""
    if not isinstance(headers, (list, tuple)):
        return []
    if all(type(each) is tuple and len(each) == 2 and type(each[0]) is type(each[1]) is bytes for each in headers):
        # As nearly all servers give them, and each request is looked at.
        return list(headers)
    return [(bytes(each[0]), bytes(each[1])) for each in headers if _is_pair(each)]


def listed(headers: object) -> list[Any] | tuple[Any, ...] | None:
    """Return an application's headers so that they can be read again, () for none, None for what is no headers.

    Raises:
        BaseException: What an iterator of the application's own raises as it is read, which the server is to see.
    """
    if headers is None:
        return ()
    if isinstance(headers, (list, tuple)):
        return headers
    if not isinstance(headers, Iterable) or isinstance(headers, (Mapping, str, bytes)):
        return None
    return list(headers)


def _is_pair(each: object) -> bool:
    return (
        isinstance(each, (list, tuple))
        and len(each) == 2
        and isinstance(each[0], (bytes, bytearray))
        and isinstance(each[1], (bytes, bytearray))
    )
