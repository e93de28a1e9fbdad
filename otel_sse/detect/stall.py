"""Silence: nothing at all before the first byte, no content between two pieces of content."""

from __future__ import annotations

from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, Finding

_NS_PER_S = 1e9


class StallDetector:
    """Reports waits that are too long, measured by content and not by bytes.

    Heartbeats and comments keep a connection, but do not end a content stall; they are counted in it.

    Args:
        stage: The stage's name.
        opened_ns: When the request arrived, on the monitor's clock.
        first_byte_ns: Longest wait for the first byte.
        silence_ns: Longest wait between two pieces of content.
    """

    __slots__ = ("_first_byte_ns", "_stage", "heartbeats", "silence_ns", "since_ns")

    def __init__(self, stage: str, opened_ns: int, first_byte_ns: int, silence_ns: int) -> None:
        self._stage = stage
        self._first_byte_ns = first_byte_ns
        self.silence_ns = silence_ns
        self.since_ns = opened_ns
        self.heartbeats = 0

    def in_time(self, time_ns: int) -> bool:
        """Take note of content and return True; where it is late, only return False: `content` is to be asked."""
        if time_ns - self.since_ns > self.silence_ns:
            return False
        self.since_ns = time_ns
        self.heartbeats = 0
        return True

    def first(self, time_ns: int, seq: int = 1) -> Finding | None:
        """Return a finding where the first byte came too late. To be called once.

        Args:
            time_ns: When it came, or when the stream ended without one.
            seq: The chunk that began; 0 where none did.
        """
        waited_ns, self.since_ns = time_ns - self.since_ns, time_ns
        if waited_ns <= self._first_byte_ns:
            return None
        return Finding(kinds.FIRST_BYTE, CERTAIN, self._stage, seq, evidence=_waited(waited_ns, self._first_byte_ns))

    def heartbeat(self) -> None:
        """Count a heartbeat or comment within the present wait."""
        self.heartbeats += 1

    def content(self, seq: int, time_ns: int) -> Finding | None:
        """Return a finding where this content (or the end) came too late after the content before."""
        waited_ns, self.since_ns = time_ns - self.since_ns, time_ns
        heartbeats, self.heartbeats = self.heartbeats, 0
        if waited_ns <= self.silence_ns:
            return None
        evidence = f"{_waited(waited_ns, self.silence_ns)}, {heartbeats} heartbeats meanwhile"
        return Finding(kinds.STALL_CONTENT, CERTAIN, self._stage, seq, evidence=evidence, heartbeats=heartbeats)


def _waited(waited_ns: int, allowed_ns: int) -> str:
    return f"{waited_ns / _NS_PER_S:.3f} s, allowed {allowed_ns / _NS_PER_S:g} s"
