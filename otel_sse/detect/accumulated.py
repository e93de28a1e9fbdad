"""A chunk that carries once more all that was said: the whole answer behind its deltas."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from otel_sse import limits
from otel_sse.stream.chunk import CERTAIN, Chunk, Finding


class AccumulatedDetector:
    """Reports a chunk that equals all content of its channel so far. No text is kept, only its running hash.

    Args:
        stage: The stage's name, for findings.
    """

    __slots__ = ("_channels", "_stage")

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._channels: dict[str, _Said] = {}

    def look(self, channel: str, chunks: Sequence[Chunk], texts: Sequence[str]) -> list[Finding]:
        """Return findings about chunks that say everything again.

        Args:
            channel: The channel of all of them.
            chunks: The chunks since the last look.
            texts: Their contents.
        """
        said = self._channels.get(channel)
        if said is None:
            if len(self._channels) >= limits.MAX_CHANNELS:
                return []
            said = self._channels[channel] = _Said()
        # A character is four bytes at most, so what is much shorter than all before it needs no closer look.
        if max(map(len, texts)) * 4 < said.size:
            said.add("".join(texts), len(texts), chunks[0].seq)
            return []
        return [found for chunk, text in zip(chunks, texts, strict=True) if (found := self._one(said, chunk, text))]

    def _one(self, said: _Said, chunk: Chunk, text: str) -> Finding | None:
        if not said.equals(text):
            said.add(text, 1, chunk.seq)
            return None
        evidence = f"its {said.size} bytes are all that the {said.chunks} chunks before it say"
        return Finding("duplicate/accumulated", CERTAIN, self._stage, chunk.seq, said.first, evidence)


class _Said:
    """What one channel has said: how much, and its hash."""

    __slots__ = ("_hash", "chunks", "first", "size")

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)
        self.size = 0
        self.chunks = 0
        self.first = 0

    def add(self, text: str, chunks: int, seq: int) -> None:
        raw = text.encode("utf-8", "surrogatepass")
        self._hash.update(raw)
        self.size += len(raw)
        self.chunks += chunks
        self.first = self.first or seq

    def equals(self, text: str) -> bool:
        if self.chunks < limits.ACCUMULATED_CHUNKS or self.size < limits.ACCUMULATED_BYTES:
            return False
        raw = text.encode("utf-8", "surrogatepass")
        return len(raw) == self.size and blake2b(raw, digest_size=16).digest() == self._hash.digest()
