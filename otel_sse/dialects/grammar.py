"""The grammar that many protocols share: a part is opened, filled by deltas and closed."""

from __future__ import annotations

from typing import Final

from otel_sse.limits import MAX_CHANNELS

ANY: Final = "any"
"""Type of a part that takes every delta, or of which the type is not known."""

_CLOSED: Final = ""


class Parts:
    """The parts of one answer that have been opened, with their types.

    A stream that opens nothing at all is some of a vendor's events, picked out by whoever hands them on, and is held to
    no grammar.

    Args:
        word: What the protocol calls a part, e.g. `block`.
        judging: Whether the stream is held to the grammar from its beginning.
    """

    __slots__ = ("_full", "_types", "_word", "judging")

    def __init__(self, word: str, *, judging: bool = False) -> None:
        self._word = word
        self._types: dict[object, str] = {}
        self._full = False
        self.judging = judging

    def begin(self) -> None:
        """Take note that an answer begins: no part of it is open yet."""
        self._types.clear()
        self._full = False

    def open(self, key: object, kind: str = ANY) -> None:
        """Take note that a part is opened.

        Args:
            key: Its number or id.
            kind: Its type, not empty.
        """
        self.judging = True
        if len(self._types) < MAX_CHANNELS or key in self._types:
            self._types[key] = kind
        else:
            self._full = True

    def close(self, key: object, end: str = "") -> str | None:
        """Take note that a part is closed; return how that breaks the grammar, or None.

        Args:
            key: Its number or id.
            end: What the protocol calls its end, where an end must have an opening. It is told of the first part alone:
                from then on deltas are.
        """
        known = key in self._types
        if len(self._types) < MAX_CHANNELS or known:
            self._types[key] = _CLOSED
        if known or not end or self.judging:
            return None
        self.judging = True
        return f"{end}, but its {self._word} was never opened"

    def open_ones(self) -> bool:
        """Return whether a part is open."""
        return any(self._types.values())

    def fill(self, delta: str, key: object, fits: frozenset[str] | None = None) -> str | None:
        """Return how a delta breaks the grammar, or None.

        Args:
            delta: What the protocol calls it.
            key: The part's number or id.
            fits: Types of parts that take it; None for any.
        """
        kind = self._types.get(key)
        if kind:
            return (
                None
                if fits is None or kind == ANY or kind in fits
                else f"{delta}, but its {self._word} is of type {kind}"
            )
        if not self.judging or (kind is None and self._full):
            return None
        return f"{delta}, but its {self._word} {'was never opened' if kind is None else 'is closed'}"

    def late(self, delta: str, key: object) -> str | None:
        """Return how a delta breaks a grammar in which a part need not be opened: it must not come behind its end."""
        return f"{delta}, but its {self._word} is closed" if self._types.get(key) == _CLOSED else None
