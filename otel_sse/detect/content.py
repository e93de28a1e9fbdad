"""What content alone says is wrong: the detectors that compare chunks with earlier chunks of their stream."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from zlib import crc32

from otel_sse import limits
from otel_sse.detect.accumulated import AccumulatedDetector
from otel_sse.detect.again import AgainDetector
from otel_sse.detect.doubled import DoubledDetector
from otel_sse.detect.rules import RuleDetector, Rules
from otel_sse.stream.chunk import Chunk, Finding


class ContentDetector:
    """Looks at the content of one stage, many chunks at a time.

    The monitor appends to `chunks` and `texts`, says by `turn` when the channel changes, and calls `look` when one is
    due: a look at sixteen chunks costs little more than a look at one. While something is being repeated, `active`
    asks to be called for each chunk.

    Args:
        stage: The stage's name, for findings.
        rules: The user's own rules on content. Where there are any, `active` asks for each chunk.
    """

    __slots__ = (
        "_accumulated", "_again", "_channel", "_doubled", "_first", "_mix", "_rules", "_turns", "active", "channel",
        "chunks", "texts", "told",
    )  # fmt: skip

    def __init__(self, stage: str, rules: Rules = ()) -> None:
        self.channel = ""
        """The channel of the chunk that is appended next."""
        self.chunks: list[Chunk] = []
        self.texts: list[str] = []
        self.active = bool(rules)
        self.told: deque[int] = deque(maxlen=limits.MAX_TOLD)
        """Chunks that something better than content has told as duplicates: the monitor appends them."""
        self._first: str | None = None
        self._channel = ""
        self._mix = 0
        self._turns: list[tuple[int, str]] = []
        self._doubled = DoubledDetector(stage, self.told)
        self._again = AgainDetector(stage, self.told)
        self._accumulated = AccumulatedDetector(stage)
        self._rules = RuleDetector(stage, rules) if rules else None

    def turn(self, channel: str) -> None:
        """Take note that the next chunk belongs to another channel."""
        self._turns.append((len(self.chunks), channel))
        self.channel = channel

    def look(self, ended: bool) -> list[Finding]:
        """Return what is wrong with the chunks since the last look.

        Args:
            ended: Whether the answer has come to its end.
        """
        chunks, texts = self.chunks, self.texts
        if not chunks:
            return []
        keys = _keys(chunks)
        found = self._by_channel(chunks, texts, keys) if self._turns else self._whole(chunks, texts, keys)
        seqs = [chunk.seq for chunk in chunks]
        found += self._doubled.look(keys, seqs)
        found += self._again.look(keys, seqs, ended)
        self.active = self._doubled.active or self._again.active or self._rules is not None
        chunks.clear()
        texts.clear()
        return found

    def close(self, ended: bool) -> list[Finding]:
        """Return what is left to say, now that nothing will come."""
        return [*self.look(ended), *self._again.close()]

    def _whole(self, chunks: Sequence[Chunk], texts: Sequence[str], keys: list[int]) -> list[Finding]:
        if self._mix:
            keys[:] = [key ^ self._mix for key in keys]
        return self._one_channel(self.channel, chunks, texts)

    def _one_channel(self, channel: str, chunks: Sequence[Chunk], texts: Sequence[str]) -> list[Finding]:
        found = self._accumulated.look(channel, chunks, texts)
        return found if self._rules is None else [*found, *self._rules.look(channel, chunks, texts)]

    def _by_channel(self, chunks: Sequence[Chunk], texts: Sequence[str], keys: list[int]) -> list[Finding]:
        """The same, part by part, where the channel changed among them."""
        turns, self._turns = self._turns, []
        found: list[Finding] = []
        start, channel = 0, self._channel
        for end, following in [*turns, (len(chunks), self.channel)]:
            if end > start:
                keys[start:end] = [key ^ self._mix for key in keys[start:end]]
                found += self._one_channel(channel, chunks[start:end], texts[start:end])
            start, channel = end, following
            self._mix = self._mix_of(following)
        self._channel = channel
        for offset, _ in turns:
            self._again.turned(offset)
        return found

    def _mix_of(self, channel: str) -> int:
        # Most streams have but one channel, whose keys are the digests themselves.
        if self._first is None:
            self._first = channel
        return 0 if channel == self._first else crc32(channel.encode("utf-8", "surrogatepass"))


def _keys(chunks: Sequence[Chunk]) -> list[int]:
    """The digests as numbers: twelve hex digits each, set apart by two bytes of zeros to make eight bytes."""
    keys = array("Q")
    keys.frombytes(bytes.fromhex("0000".join([chunk.digest for chunk in chunks]) + "0000"))
    return keys.tolist()
