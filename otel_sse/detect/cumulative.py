"""Chunks that each hold all of the text so far, where a reader takes them for its next piece."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import SUSPECTED, Chunk, Finding
from otel_sse.stream.digest import Digest, sha1_digest


class CumulativeDetector:
    """Reports, once, a stream whose chunks each begin with the whole chunk before.

    Suspected only: a page may replace its text with each chunk, on purpose. No text is kept. Chunks that grow one
    behind the other are remembered by length and digest, and the last of so many is cut where each of them ended.

    Args:
        stage: The stage's name, for findings.
        digest: What the chunks' digests were made with.
    """

    # A worked example, with `limits.CUMULATIVE_CHUNKS` = 4 and `limits.ACCUMULATED_BYTES` = 12:
    #
    #   1  The             3 bytes, too short to come with its text
    #   2  The fog         7 bytes, likewise
    #   3  The fog and     11 bytes, likewise
    #   4  The fog and the 15 bytes, with its text: 1 to 3 grow up to it, so that `_run` is 3, 7, 11, 15
    #                      its first 3, 7 and 11 bytes have the digests of 1, 2 and 3: duplicate/cumulative at 4 of 1

    __slots__ = ("_digest", "_run", "_stage", "_told")

    def __init__(self, stage: str, digest: Digest = sha1_digest) -> None:
        self._stage = stage
        self._digest = digest
        self._run: deque[tuple[Chunk, int]] = deque(maxlen=limits.CUMULATIVE_CHUNKS)
        self._told = False

    def look(self, chunks: Sequence[Chunk], large: Sequence[tuple[Chunk, str, str]], start: int) -> list[Finding]:
        """Return the finding that the stream is cumulative, once that is clear.

        Args:
            chunks: The chunks with content since the last look, of all channels.
            large: Those of `limits.ACCUMULATED_BYTES` or more, with their texts; one or more.
            start: Bytes of content before them.
        """
        if self._told:
            return []
        if len(large) >= limits.CUMULATIVE_CHUNKS and not _grow(large):
            # Most looks at long pieces end here.
            self._run.clear()
            return []
        for at, (chunk, text, _) in enumerate(large):
            raw = text.encode("utf-8", "surrogatepass")
            if not self._follows(chunk, len(raw)) and not at:
                self._add_smaller(chunk, len(raw), chunks, start)
            if len(self._run) == limits.CUMULATIVE_CHUNKS and self._holds_all(raw):
                self._told = True
                return [self._finding(chunk)]
        return []

    def _follows(self, chunk: Chunk, size: int) -> bool:
        """Take the chunk into the run and return True if it follows it and is larger; else begin a run with it."""
        run = self._run
        if run:
            before, known = run[-1]
            if chunk.acc_len - size == before.acc_len and chunk.channel == before.channel:
                if size > known:
                    run.append((chunk, size))
                    return True
                if size == known and chunk.digest == before.digest:
                    # The whole text again, as behind the last piece: it goes on, and says nothing new.
                    run[-1] = (chunk, size)
                    return True
            run.clear()
        run.append((chunk, size))
        return False

    def _add_smaller(self, chunk: Chunk, size: int, chunks: Sequence[Chunk], start: int) -> None:
        # Those before the first large one that are too short to come with their texts.
        at = bisect_left(chunks, chunk.seq, key=_seq)
        while at > 0 and len(self._run) < limits.CUMULATIVE_CHUNKS:
            at -= 1
            before = chunks[at]
            smaller = before.acc_len - (chunks[at - 1].acc_len if at else start)
            if smaller >= size or before.channel != chunk.channel:
                return
            self._run.appendleft((before, smaller))
            size = smaller

    def _holds_all(self, raw: bytes) -> bool:
        return all(self._digest(raw[:size]) == chunk.digest for chunk, size in self._run)

    def _finding(self, chunk: Chunk) -> Finding:
        first, count = self._run[0][0].seq, len(self._run)
        evidence = f"each of {count} chunks, from chunk {first} on, begins with the whole one before it"
        return Finding(kinds.CUMULATIVE, SUSPECTED, self._stage, chunk.seq, first, evidence, count)


def _grow(large: Sequence[tuple[Chunk, str, str]]) -> bool:
    """Return whether four of the texts, spread over all of them, are each longer than the one before."""
    last = len(large) - 1
    first, second, third, fourth = (len(large[last * part // 3][1]) for part in range(4))
    return first < second < third < fourth


def _seq(chunk: Chunk) -> int:
    return chunk.seq
