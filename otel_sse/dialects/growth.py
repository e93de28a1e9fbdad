"""Texts of which each may hold the whole of the one before it."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_DIGEST_BYTES: Final = 16


class Growth:
    """Tells whether the texts of one channel grow, and what is new in each. No text is kept, but its length and digest.

    Example: of `The`, `The fog`, `The fog` it gives `The`, ` fog` and nothing; of `The`, ` fog`, ` fog` and of `ha`,
    `ha` all as they are. Texts grow once one holds the one before it and more; at the first that does not hold it they
    turn out to be pieces, for good.
    """

    __slots__ = ("_chars", "_digest", "_grows", "_pieces")

    def __init__(self) -> None:
        self._chars = 0
        self._digest = b""
        self._grows = self._pieces = False

    def new_in(self, text: str) -> str:
        """Return what is new in a text; "" for nothing.

        Args:
            text: The next text, not empty.
        """
        if self._pieces:
            return text
        chars = self._chars
        if chars and (len(text) < chars or _digest(text[:chars]) != self._digest):
            self._pieces = True
            return text
        if chars and not self._grows and not text[chars:].strip():
            # The same once more, or more blank: a model says either as well.
            return text
        self._grows = chars > 0
        self._chars, self._digest = len(text), _digest(text)
        return text[chars:]


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()
