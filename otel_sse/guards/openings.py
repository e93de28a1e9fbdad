"""Whether a text begins again: what comes is compared with the opening of what has been said. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from otel_sse import limits

PASS: Final = "pass"
HOLD: Final = "hold"
DROP: Final = "drop"

_HEAD_CHARS: Final = 256
"""Characters that a chunk is looked up in first. Nearly none begins as its answer did, so the rest is rarely needed."""


class Verdict(msgspec.Struct):
    """What is to be done with a chunk, and with those held back before it.

    Args:
        action: `pass`, `hold` or `drop`.
        released: How many of the chunks held back, the oldest first, are to be handed on before it.
        confirmed: Whether the text begins again, so that the others held back are to be dropped.
        repeated: Characters at the beginning of a chunk that is passed, which are repeated.
    """

    action: str
    released: int = 0
    confirmed: bool = False
    repeated: int = 0


class Opening:
    """The text of one channel as its reader has it, and whether it is being said once more.

    A chunk may begin a repetition where the text began as the chunk does. It and those that follow are held while they
    match, until that is what the detectors call a restart: `limits.OPENING_CHUNKS` chunks came again, enough of them
    different, or one chunk says all that was said. Then it is dropped as far as it goes. Where it stops matching
    before, all are released but those with which a repetition may still begin.

    Args:
        min_chars: Characters that must match besides, and that must have been said before.
    """

    __slots__ = ("_at", "_chunks", "_contents", "_head", "_held", "_min_chars", "_needed", "_parts", "_size", "trims")

    def __init__(self, min_chars: int) -> None:
        self.trims = False
        """Whether a repetition is under way."""
        self._min_chars = min_chars
        self._head = ""
        self._parts: list[str] = []
        self._size = self._chunks = 0
        self._contents: set[str] = set()
        # Characters of the chunks that have to come again; 0 while nobody knows, and for ever where all say the same.
        self._needed = 0
        self._held: list[str] = []
        self._at = 0

    @property
    def has_begun(self) -> bool:
        """Whether anything has been said."""
        return self._size > 0

    def take(self, text: str, *, proven: bool = False, announced: bool = False) -> Verdict:
        """Return what is to be done with the next chunk.

        Args:
            text: Its text, not empty.
            proven: Whether the protocol says that the same answer begins again, so that it need not match for long.
            announced: Whether it says that an answer begins, this one or another, so that `min_chars` are enough.
        """
        if self.trims:
            return self._go_on(text)
        held = [*self._held, text]
        least = 1 if proven else self._least(announced)
        start = next((n for n in range(len(held)) if self._begins(held[n:], least)), len(held))
        for said in held[:start]:
            self._say(said)
        self._held = held[start:]
        released = min(start, len(held) - 1)
        if not self._held:
            return Verdict(PASS, released)
        matched = sum(map(len, self._held))
        if not self._is_enough(matched, least):
            return Verdict(HOLD, released)
        return self._confirm(text, matched, released)

    def stop(self) -> None:
        """Call nothing a repetition until one begins anew. What was held back counts as said."""
        self.trims = False
        held, self._held = self._held, []
        for said in held:
            self._say(said)

    def _confirm(self, text: str, matched: int, released: int) -> Verdict:
        self._held = []
        beyond = matched - self._size
        if beyond > 0:
            self._say(text[-beyond:])
            return Verdict(PASS, released, confirmed=True, repeated=len(text) - beyond)
        self._at = matched
        self.trims = beyond < 0
        return Verdict(DROP, released, confirmed=True)

    def _go_on(self, text: str) -> Verdict:
        repeated = _common(text, self._text(), self._at)
        self._at += repeated
        self.trims = repeated == len(text) and self._at < self._size
        if repeated == len(text):
            return Verdict(DROP)
        self._say(text[repeated:])
        return Verdict(PASS, repeated=repeated)

    def _least(self, announced: bool) -> int:
        """Return how many characters must come again; 0 where no number is enough."""
        if announced:
            return self._min_chars
        return max(self._needed, self._min_chars) if self._needed else 0

    def _is_enough(self, matched: int, least: int) -> bool:
        return 0 < least <= matched or (len(self._held) == 1 and self._says_all(matched))

    def _says_all(self, size: int) -> bool:
        """Whether one chunk of this many characters that match says all that was said, in several chunks."""
        return self._chunks >= limits.ACCUMULATED_CHUNKS and size >= max(self._size, self._min_chars)

    def _begins(self, texts: list[str], least: int) -> bool:
        may_be = 0 < least <= self._size
        if not may_be and not (self._size >= self._min_chars and self._says_all(len(texts[0]))):
            return False
        first = texts[0][:_HEAD_CHARS]
        if not self._head.startswith(first) and not first.startswith(self._head):
            return False
        text = "".join(texts)
        said = self._text()
        return said.startswith(text) or text.startswith(said)

    def _say(self, text: str) -> None:
        self._chunks += 1
        if self._chunks <= limits.OPENING_CHUNKS:
            self._contents.add(text)
        free = limits.MAX_OPENING_CHARS - self._size
        if free <= 0:
            return
        if len(self._head) < _HEAD_CHARS:
            self._head = (self._head + text)[:_HEAD_CHARS]
        self._parts.append(text[:free])
        self._size += min(len(text), free)
        if self._chunks == limits.OPENING_CHUNKS:
            self._needed = self._size if len(self._contents) >= limits.OPENING_CONTENTS else 0
            self._contents.clear()

    def _text(self) -> str:
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""


def _common(text: str, said: str, at: int) -> int:
    """Return how many characters of `text` stand in `said` from `at` on."""
    if said.startswith(text, at):
        return len(text)
    pairs = zip(text, said[at : at + len(text)], strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(text), len(said) - at))
