"""The user's own rules on content: what must not appear in an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, Chunk, Finding

Rules = tuple[tuple[str, "re.Pattern[str]"], ...]
"""Names and patterns, in the order in which they are asked."""


class RuleDetector:
    """Reports chunks in which a rule's pattern is found, also where it is cut in two by the chunks' borders.

    The end of each channel's text is kept for that, up to `limits.MAX_CHECKED_CHARS`, and goes nowhere else.

    Args:
        stage: The stage's name, for findings.
        rules: The rules.
    """

    __slots__ = ("_channels", "_rules", "_stage")

    def __init__(self, stage: str, rules: Rules) -> None:
        self._stage = stage
        self._rules = rules
        self._channels: dict[str, _Text] = {}

    def look(self, channel: str, chunks: Sequence[Chunk], texts: Sequence[str]) -> list[Finding]:
        """Return a finding for each rule that a chunk completes a match of.

        Args:
            channel: The channel of all of them.
            chunks: The chunks since the last look.
            texts: Their contents.
        """
        text = self._channels.get(channel)
        if text is None:
            if len(self._channels) >= limits.MAX_CHANNELS:
                return []
            text = self._channels[channel] = _Text()
        found: list[Finding] = []
        for chunk, piece in zip(chunks, texts, strict=True):
            text.add(piece)
            found += [self._finding(name, chunk) for name, rule in self._rules if text.completes(name, rule)]
        return found

    def _finding(self, name: str, chunk: Chunk) -> Finding:
        return Finding(kinds.of_rule(name), CERTAIN, self._stage, chunk.seq, evidence=f"the rule {name} is met")


class _Text:
    """The end of one channel's text."""

    __slots__ = ("_before", "_start", "_tail", "_told")

    def __init__(self) -> None:
        self._tail = ""
        self._start = 0
        self._before = 0
        self._told: dict[str, int] = {}

    def add(self, piece: str) -> None:
        kept = self._tail[-limits.MAX_CHECKED_CHARS :]
        self._start += len(self._tail) - len(kept)
        self._before = len(kept)
        self._tail = kept + piece

    def completes(self, name: str, rule: re.Pattern[str]) -> bool:
        """Return whether the latest piece holds the end of a match that has not been told."""
        told = self._told.get(name, -1)
        for match in rule.finditer(self._tail):
            # A match that grows with each piece begins where it began, and is one.
            if match.end() > max(self._before, match.start()) and self._start + match.start() > told:
                self._told[name] = self._start + match.start()
                return True
        return False
