"""Answers and their parts begin once: a second beginning on one stream."""

from __future__ import annotations

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding


class OpeningDetector:
    """Reports an answer, or a part of one, that begins again.

    Another answer on the same stream is suspected only, and no chunk is counted as a duplicate for it: an agent may
    stream several answers, or may have started again in the middle of one. The same identity once more is certain.

    Args:
        stage: The stage's name, for findings.
    """

    __slots__ = ("_answers", "_content", "_latest", "_parts", "_stage")

    def __init__(self, stage: str) -> None:
        self._stage = stage
        # By identity: the chunk that began it, and how much content had crossed by then.
        self._answers: dict[str, tuple[int, int]] = {}
        self._parts: dict[str, tuple[int, int]] = {}
        self._latest = ""

    def answer(self, seq: int, identity: str, content_bytes: int) -> Finding | None:
        """Return what is wrong with the event that begins an answer, or None.

        Args:
            seq: The chunk.
            identity: The answer's id.
            content_bytes: Content of the stage so far.
        """
        known, latest = self._answers.get(identity), self._latest
        if known is not None and latest == identity:
            return self._again("the answer's identity", known, seq, content_bytes)
        self._latest = identity
        self._parts.clear()
        if known is not None or len(self._answers) >= limits.MAX_CHANNELS:
            return None
        before = self._answers.get(latest)
        self._answers[identity] = (seq, content_bytes)
        if before is None:
            return None
        evidence = f"an answer began at {before[0]}, and another one begins"
        return Finding(kinds.RESTARTED, SUSPECTED, self._stage, seq, before[0], evidence, 0)

    def part(self, seq: int, part: str, content_bytes: int) -> Finding | None:
        """Return what is wrong with the event that begins a part of an answer, or None. Arguments as for `answer`."""
        known = self._parts.get(part)
        if known is not None:
            return self._again(f"part {part[: limits.MAX_NAME_CHARS]}", known, seq, content_bytes)
        if len(self._parts) < limits.MAX_CHANNELS:
            self._parts[part] = (seq, content_bytes)
        return None

    def ended(self) -> None:
        """Take note that the answer has ended: parts of the next one may have the same names."""
        self._parts.clear()

    def _again(self, what: str, first: tuple[int, int], seq: int, content_bytes: int) -> Finding:
        of, before = first
        kind = kinds.DOUBLED if before == content_bytes else kinds.RESTARTED
        return Finding(kind, CERTAIN, self._stage, seq, of, f"{what} at {of} and again at {seq}")
