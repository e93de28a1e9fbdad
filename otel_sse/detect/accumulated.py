"""A chunk that carries once more all that was said: the whole answer behind its deltas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import Chunk, Finding
from otel_sse.stream.digest import Digest, sha1_digest

_SHORT: Final = ("", "")
"""Stands for a chunk that came without its text."""


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

    def size(self, channel: str) -> int:
        """Return how many bytes a channel has said since its answer began, up to the last look."""
        said = self._channels.get(channel)
        return 0 if said is None or said.ended else said.size

    def says_all(self, channel: str, text: str, size: int) -> bool:
        """Return whether a text is all that its channel has said up to the last look.

        Args:
            channel: The channel.
            text: The text.
            size: Its bytes.
        """
        said = self._channels.get(channel)
        return said is not None and not said.ended and size == said.size and said.equals(text, self._digest)

    def end(self, channel: str | None = None) -> None:
        """Take note that what a channel says from now on is another answer's; of all channels without a name."""
        for said in self._channels.values() if channel is None else [self._channels[channel]]:
            said.ended = True

    def look(self, channel: str, chunks: Sequence[Chunk], large: Sequence[tuple[Chunk, str, str]]) -> list[Finding]:
        """Return findings about chunks that say everything again.

        Args:
            channel: The channel of all of them.
            chunks: The chunks since the last look, of which there is one or more.
            large: Those of `limits.ACCUMULATED_BYTES` or more, with their texts, and how sure it is that one which
                says all again is one more piece; others may be among them.
        """
        start, self._acc_len = self._acc_len, chunks[-1].acc_len
        said = self._channels.get(channel)
        if said is None:
            if len(self._channels) >= limits.MAX_CHANNELS:
                return []
            said = self._channels[channel] = _Said(chunks[0].seq)
        if said.ended:
            said.begin(chunks[0].seq)
        if not large and said.is_known:
            said.size += chunks[-1].acc_len - start
            said.chunks += len(chunks)
            return []
        texts = {chunk.seq: (text, certainty) for chunk, text, certainty in large}
        found: list[Finding] = []
        for chunk in chunks:
            size, start = chunk.acc_len - start, chunk.acc_len
            text, certainty = texts.get(chunk.seq, _SHORT) if size == said.size else _SHORT
            if text and said.equals(text, self._digest):
                evidence = f"its {size} bytes are all that the {said.chunks} chunks before it say"
                found.append(Finding(kinds.ACCUMULATED, certainty, self._stage, chunk.seq, said.first, evidence))
            else:
                said.add(chunk, size)
        return found


class _Said:
    """What one channel has said: how much, and what its first chunks were."""

    __slots__ = ("_pieces", "chunks", "ended", "first", "size")

    def __init__(self, first: int) -> None:
        self.begin(first)

    def begin(self, first: int) -> None:
        """Forget everything: an answer begins with this chunk."""
        self.ended = False
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
