"""A chunk that carries once more all that was said: the whole answer behind its deltas."""

from __future__ import annotations

from collections.abc import Sequence

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, Chunk, Finding
from otel_sse.stream.digest import Digest, sha1_digest


class AccumulatedDetector:
    """Reports a chunk that equals all content of its channel so far.

    No text is kept. A chunk that is as long as all before it is cut where the first chunks of its channel ended, and
    each piece has to have that chunk's digest.

    Args:
        stage: The stage's name, for findings.
        digest: What the chunks' digests were made with.
    """

    __slots__ = ("_acc_len", "_channels", "_digest", "_stage")

    def __init__(self, stage: str, digest: Digest = sha1_digest) -> None:
        self._stage = stage
        self._digest = digest
        self._acc_len = 0
        self._channels: dict[str, _Said] = {}

    def look(self, channel: str, chunks: Sequence[Chunk], large: Sequence[tuple[Chunk, str]]) -> list[Finding]:
        """Return findings about chunks that say everything again.

        Args:
            channel: The channel of all of them.
            chunks: The chunks since the last look, of which there is one or more.
            large: Those of `limits.ACCUMULATED_BYTES` or more, with their texts; others may be among them.
        """
        start, self._acc_len = self._acc_len, chunks[-1].acc_len
        said = self._channels.get(channel)
        if said is None:
            if len(self._channels) >= limits.MAX_CHANNELS:
                return []
            said = self._channels[channel] = _Said(chunks[0].seq)
        if not large and said.is_known:
            said.size += chunks[-1].acc_len - start
            said.chunks += len(chunks)
            return []
        texts = {chunk.seq: text for chunk, text in large}
        found: list[Finding] = []
        for chunk in chunks:
            size, start = chunk.acc_len - start, chunk.acc_len
            if size == said.size and chunk.seq in texts and said.equals(texts[chunk.seq], self._digest):
                evidence = f"its {size} bytes are all that the {said.chunks} chunks before it say"
                found.append(Finding(kinds.ACCUMULATED, CERTAIN, self._stage, chunk.seq, said.first, evidence))
            else:
                said.add(chunk, size)
        return found


class _Said:
    """What one channel has said: how much, and what its first chunks were."""

    __slots__ = ("_pieces", "chunks", "first", "size")

    def __init__(self, first: int) -> None:
        self.first = first
        self.size = 0
        self.chunks = 0
        self._pieces: list[tuple[int, str]] = []

    @property
    def is_known(self) -> bool:
        """Whether enough chunks are known to know them again."""
        return len(self._pieces) >= limits.ACCUMULATED_PIECES

    def add(self, chunk: Chunk, size: int) -> None:
        self.size += size
        self.chunks += 1
        if not self.is_known:
            self._pieces.append((size, chunk.digest))

    def equals(self, text: str, digest: Digest) -> bool:
        if self.chunks < limits.ACCUMULATED_CHUNKS:
            return False
        raw, start = text.encode("utf-8", "surrogatepass"), 0
        for size, name in self._pieces:
            if digest(raw[start : start + size]) != name:
                return False
            start += size
        return True
