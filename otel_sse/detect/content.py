"""What content alone says is wrong: the detectors that compare chunks with earlier chunks of their stream."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from zlib import crc32

from otel_sse import limits
from otel_sse.detect.accumulated import AccumulatedDetector
from otel_sse.detect.again import AgainDetector
from otel_sse.detect.cumulative import CumulativeDetector
from otel_sse.detect.doubled import DoubledDetector
from otel_sse.stream.chunk import Chunk, Finding
from otel_sse.stream.digest import Digest, sha1_digest
from otel_sse.stream.latest import Latest

_APART = "0000"
"""Two bytes between digests of six bytes, so that each is a number of eight."""


class ContentDetector:
    """Looks at the content of one stage, many chunks at a time: a look at 64 costs little more than a look at one.

    The monitor appends to `chunks`, and to `large` what has `limits.ACCUMULATED_BYTES` or more, and calls `look` at the
    chunk `due`, or before it where a chunk is as large as all before it. While something is being repeated, each chunk
    is due.

    Args:
        stage: The stage's name, for findings.
        digest: What the chunks' digests were made with.
    """

    __slots__ = (
        "_accumulated", "_again", "_channel", "_cumulative", "_doubled", "_first", "_frames_differ", "_mix", "_name",
        "_rows", "_seen", "_stage", "chunks", "due", "frame_data", "frame_digest", "is_mixed", "large", "looked_len",
        "told",
    )  # fmt: skip

    def __init__(self, stage: str, digest: Digest = sha1_digest) -> None:
        self.chunks: list[Chunk] = []
        self.large: list[tuple[Chunk, str, str]] = []
        """Chunks with their texts, which are forgotten at the next look, and how sure it is that one which says all
        again is one more piece."""
        self.due = limits.FIRST_LOOK_CHUNKS
        """The number of the chunk at which a look is due."""
        self.told = Latest(limits.MAX_TOLD)
        """Chunks that something better than content has told as duplicates: the monitor keeps them here."""
        self.frame_digest = self.frame_data = ""
        self._frames_differ = False
        self._first: str | None = None
        self._channel = ""
        self._mix = 0
        self._name = ""
        self._stage = stage
        self._doubled = DoubledDetector(stage, self.told)
        self._rows: dict[str, DoubledDetector] | None = None
        """One for each channel, once channels take turns; before, one for all of them."""
        self._seen: set[str] = set()
        self._again = AgainDetector(stage, self.told)
        self._accumulated = AccumulatedDetector(stage, digest)
        self._cumulative = CumulativeDetector(stage, digest)
        self.is_mixed = False
        """Whether several channels have said something, as far as has been looked."""
        self.looked_len = 0
        """Bytes of content up to the last look."""

    def same_again(self, data: str) -> None:
        """Take note of a content chunk whose text is that of the one before, where nobody knows what else is in it.

        Equal contents in frames that differ are two choices or steps of an application's own format, perhaps. The
        monitor keeps `frame_digest` and `frame_data` of the latest chunk.

        Args:
            data: The chunk's whole frame.
        """
        self._frames_differ = self._frames_differ or data != self.frame_data

    def look(self, ended: bool, sure: bool = True) -> list[Finding]:
        """Return what is wrong with the chunks since the last look.

        Args:
            ended: Whether the answer has come to its end.
            sure: Whether the chunks are pieces of an answer, which does not say each of them twice; a log or a progress
                in plain text may.
        """
        chunks = self.chunks
        if not chunks:
            return []
        count = len(chunks)
        joined = _APART.join([chunk.digest for chunk in chunks]) + _APART
        keys = array("Q")
        keys.frombytes(bytes.fromhex(joined))
        channels = [chunk.channel for chunk in chunks]
        names = [chunk.event for chunk in chunks]
        if names.count(self._name) != count:
            self._mix_names(names, keys)
        if channels.count(self._channel) == count and not self._mix:
            found = self._accumulated.look(self._channel, chunks, self.large)
        else:
            found = self._by_channel(chunks, channels, keys)
        if self.large:
            found += self._cumulative.look(chunks, self.large, self.looked_len)
        self.looked_len = chunks[-1].acc_len
        first, last = chunks[0].seq, chunks[-1].seq
        seqs = range(first, last + 1) if last - first == count - 1 else [chunk.seq for chunk in chunks]
        sure = sure and not self._frames_differ
        if self._rows is None:
            self._doubled.sure = sure
            found += self._doubled.look(keys.tolist(), seqs)
            active = self._doubled.active
        else:
            found += self._by_row(self._rows, channels, list(zip(keys, seqs, strict=True)), sure)
            active = any(row.active for row in self._rows.values())
        found += self._again.look(keys, seqs, ended, joined)
        active = active or self._again.active
        self.due = 0 if active else last + min(last, limits.LOOK_CHUNKS)
        chunks.clear()
        self.large.clear()
        return found

    def may_be_all(self, channel: str, size: int) -> bool:
        """Return whether a channel has said just so many bytes since its answer began."""
        said, start = self._accumulated.size(channel), self.looked_len
        if said > size:
            return False
        for chunk in self.chunks:
            said += chunk.acc_len - start if chunk.channel == channel else 0
            start = chunk.acc_len
        return said == size

    def says_all(self, channel: str, text: str, size: int) -> bool:
        """Return whether a text is all that its channel has said up to the last look. Arguments as in `accumulated`."""
        return self._accumulated.says_all(channel, text, size)

    def end(self, channel: str | None = None) -> None:
        """Take note that what a channel says from now on is another answer's; of all channels without a name.

        To be called right behind a look.
        """
        self._accumulated.end(channel)

    def begin(self) -> None:
        """Forget what was said: who asks the same once more may get the same answer."""
        self.end()
        self.frame_digest = self.frame_data = ""
        self._first, self._channel, self._mix = None, "", 0
        self._doubled = DoubledDetector(self._stage, self.told)
        self._again = AgainDetector(self._stage, self.told)

    def close(self, ended: bool, sure: bool = True) -> list[Finding]:
        """Return what is left to say, now that nothing will come."""
        return [*self.look(ended, sure), *self._again.close()]

    def _by_channel(self, chunks: Sequence[Chunk], channels: Sequence[str], keys: array[int]) -> list[Finding]:
        """Look at each run of one channel; write on the keys which channel they belong to."""
        found: list[Finding] = []
        start = 0
        while start < len(chunks):
            channel = channels[start]
            end = next((at for at in range(start, len(chunks)) if channels[at] != channel), len(chunks))
            if channel != self._channel or self._first is None:
                self._turn(channel, start)
            if self._mix:
                for at in range(start, end):
                    keys[at] ^= self._mix
            found += self._accumulated.look(channel, chunks[start:end], self.large)
            start = end
        return found

    def _by_row(
        self, rows: dict[str, DoubledDetector], channels: Sequence[str], chunks: Sequence[tuple[int, int]], sure: bool
    ) -> list[Finding]:
        """Look for what came twice in each channel by itself: others' chunks stand between the twins."""
        places: dict[str, list[tuple[int, int]]] = {}
        for channel, chunk in zip(channels, chunks, strict=True):
            places.setdefault(channel, []).append(chunk)
        found: list[Finding] = []
        for channel, of_channel in places.items():
            row = rows.get(channel)
            if row is None:
                if len(rows) >= limits.MAX_CHANNELS:
                    continue
                row = rows[channel] = DoubledDetector(self._stage, self.told)
            row.sure = sure and all(each.is_paired for each in rows.values())
            found += row.look([key for key, _ in of_channel], [seq for _, seq in of_channel])
        return found

    def _mix_names(self, names: Sequence[str], keys: array[int]) -> None:
        """Write on the keys what their events are called: the same text under two names is no repeat."""
        if not self._name:
            self._name = names[0]
        for at, name in enumerate(names):
            if name != self._name:
                keys[at] ^= crc32(name.encode("utf-8", "surrogatepass"))

    def _turn(self, channel: str, offset: int) -> None:
        if self._rows is None and channel in self._seen:
            self._rows = {}
        if len(self._seen) < limits.MAX_CHANNELS:
            self._seen.add(channel)
        self._channel = channel
        if self._first is None:
            # Most streams have but one channel, whose keys are the digests themselves.
            self._first = channel
        else:
            self._again.turned(offset)
            self.is_mixed = True
        self._mix = 0 if channel == self._first else crc32(channel.encode("utf-8", "surrogatepass"))
