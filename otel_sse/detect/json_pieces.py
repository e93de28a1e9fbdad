"""Whether text that comes in pieces is one JSON value, with no piece kept."""

from __future__ import annotations

import re
from typing import Final

from otel_sse import limits

_SPACE: Final = " \t\n\r"
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f]*')
"""Characters of a string that mean themselves."""

_SCALAR: Final = re.compile(r"[A-Za-z0-9+.\-]*")
_SCALARS: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null|NaN|-?Infinity")
"""Numbers and words. The last two are no JSON, but common readers take them."""

_HEX: Final = frozenset("0123456789abcdefABCDEF")
_ESCAPES: Final = frozenset('"\\/bfnrt')
_CLOSING: Final = {"}": "{", "]": "["}

# What may come next.
_VALUE: Final = "value"
_VALUE_OR_END: Final = "value or ]"
_KEY: Final = "key"
_KEY_OR_END: Final = "key or }"
_COLON: Final = ":"
_AFTER: Final = ", or the end"


class JsonPieces:
    """Follows one JSON value through pieces that are cut anywhere. It keeps its place and the brackets that are open.

    Example: after `{"a": [1, 2` the brackets are `{[`, the scalar is `2`, and `]}` would make it whole.
    """

    __slots__ = ("_brackets", "_broken", "_chars", "_escape", "_in_key", "_in_string", "_next", "_scalar")

    def __init__(self) -> None:
        self._next = _VALUE
        self._brackets: list[str] = []
        self._in_string = self._in_key = self._broken = False
        self._escape = ""
        self._scalar = ""
        self._chars = 0

    def feed(self, text: str) -> None:
        """Take the next piece."""
        self._chars += len(text)
        at, end = 0, len(text)
        while at < end and not self._broken and not self._beyond:
            if self._in_string:
                at = self._string(text, at)
            elif self._scalar:
                at = self._rest_of_scalar(text, at)
            else:
                at = self._token(text, at)

    @property
    def whole(self) -> bool | None:
        """Whether the pieces are one JSON value; None where there is no text, or more than is followed."""
        if self._broken:
            return False
        if self._beyond or (self._next == _VALUE and not self._scalar and not self._in_string and not self._brackets):
            return None
        if self._in_string or self._brackets:
            return False
        return _is_scalar(self._scalar) if self._scalar else self._next == _AFTER

    @property
    def _beyond(self) -> bool:
        return (
            self._chars > limits.MAX_ARGUMENT_CHARS
            or len(self._brackets) > limits.MAX_ARGUMENT_DEPTH
            or len(self._scalar) > limits.MAX_NAME_CHARS
        )

    def _string(self, text: str, at: int) -> int:
        if self._escape:
            return self._escaped(text, at)
        found = _PLAIN.match(text, at)
        at = at if found is None else found.end()
        if at == len(text):
            return at
        if text[at] == "\\":
            self._escape = "\\"
        elif text[at] == '"':
            self._in_string = False
            self._next = _COLON if self._in_key else _AFTER
        else:
            self._broken = True
        return at + 1

    def _escaped(self, text: str, at: int) -> int:
        char = text[at]
        if self._escape == "\\":
            self._escape = "u" if char == "u" else ""
            self._broken = char != "u" and char not in _ESCAPES
        else:
            self._broken = char not in _HEX
            self._escape = "" if len(self._escape) == 4 else self._escape + "x"
        return at + 1

    def _rest_of_scalar(self, text: str, at: int) -> int:
        found = _SCALAR.match(text, at)
        end = at if found is None else found.end()
        self._scalar += text[at:end]
        if end < len(text):
            self._broken = not self._beyond and not _is_scalar(self._scalar)
            self._scalar, self._next = self._scalar if self._beyond else "", _AFTER
        return end

    def _token(self, text: str, at: int) -> int:
        char = text[at]
        if char in _SPACE:
            return at + 1
        if char == '"':
            self._begin_string()
        elif char in "{[":
            self._open(char)
        elif char in "}]":
            self._close(char)
        elif char == ",":
            self._comma()
        elif char == ":":
            self._broken, self._next = self._next != _COLON, _VALUE
        elif self._next in (_VALUE, _VALUE_OR_END) and _SCALAR.fullmatch(char):
            self._scalar = char
        else:
            self._broken = True
        return at + 1

    def _begin_string(self) -> None:
        self._in_key = self._next in (_KEY, _KEY_OR_END)
        self._broken = not self._in_key and self._next not in (_VALUE, _VALUE_OR_END)
        self._in_string = True

    def _open(self, char: str) -> None:
        self._broken = self._next not in (_VALUE, _VALUE_OR_END)
        self._brackets.append(char)
        self._next = _KEY_OR_END if char == "{" else _VALUE_OR_END

    def _close(self, char: str) -> None:
        empty = _KEY_OR_END if char == "}" else _VALUE_OR_END
        fits = bool(self._brackets) and self._brackets[-1] == _CLOSING[char] and self._next in (_AFTER, empty)
        if fits:
            self._brackets.pop()
        self._broken, self._next = not fits, _AFTER

    def _comma(self) -> None:
        self._broken = self._next != _AFTER or not self._brackets
        self._next = _KEY if not self._broken and self._brackets[-1] == "{" else _VALUE


def _is_scalar(text: str) -> bool:
    return _SCALARS.fullmatch(text) is not None
