"""Findings about a stage that must hand chunks on as they are: doubled, lost, late, changed, or all at once."""

from __future__ import annotations

from collections.abc import Iterable

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, CONTENT, SUSPECTED, Chunk, Finding

_NS_PER_MS = 1e6


class HandoverDetector:
    """Judges the edge into one stage by lineage, which proves what content alone can only suggest.

    It judges as long as the stage hands on chunk for chunk. Once a stage has made a chunk anew (merged, split,
    replaced), it may have a reason for the rest as well, and nothing more about it is certain.

    Args:
        stage: The stage's name, for findings.
    """

    __slots__ = ("_altered", "_checkpoints", "_exact", "_stage", "adds_own", "keeps_content")

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._exact = True
        self._checkpoints = ((0, 0), (0, 0))
        self._altered: Finding | None = None
        self.adds_own = False
        """Whether the stage has added words of its own. Some equal words of the answer by chance, so that what few
        equal chunks show is suspected only."""
        self.keeps_content = False
        """Whether the stage has promised to change no content."""

    @property
    def is_exact(self) -> bool:
        """Whether it has handed on chunk for chunk so far."""
        return self._exact

    def made_anew(self) -> None:
        """A chunk equals no pending chunk, or only one far ahead: the stage no longer hands on chunk for chunk."""
        self._exact = False

    @property
    def _certainty(self) -> str:
        return SUSPECTED if self.adds_own else CERTAIN

    def again(self, chunk: Chunk, of: Chunk, *, in_long_run: bool = False) -> Finding | None:
        """Return the finding that a chunk was handed on twice.

        Args:
            chunk: The chunk, with the upstream chunk that it was made from.
            of: The earlier chunk that was made from the same one.
            in_long_run: Whether it is one of so many copies in a row that chance is out.
        """
        if not self._exact or chunk.kind != CONTENT:
            return None
        evidence = f"upstream chunk {chunk.upstream_first} was handed on as {of.seq} and again as {chunk.seq}"
        certainty = CERTAIN if in_long_run else self._certainty
        return Finding(kinds.DOUBLED, certainty, self._stage, chunk.seq, of.seq, evidence)

    def altered(self, chunk: Chunk, before: Chunk, *, of_one: bool) -> Finding | None:
        """Hold a finding back about a content chunk that equals no upstream chunk; return the one held back before.

        A chunk that equals none may be a piece of an upstream chunk, and cutting or merging changes no content. So the
        change is certain only once the next chunk is no further piece of the same.

        Args:
            chunk: The chunk.
            before: The latest upstream chunk that it was made from.
            of_one: Whether `before` is the only one, and this is the first chunk made from it.
        """
        told, self._altered = self._altered, None
        if not of_one:
            return told if chunk.upstream_first != chunk.upstream_last else None
        evidence = f"upstream chunk {before.seq} with digest {before.digest} went on with digest {chunk.digest}"
        self._altered = Finding(kinds.CHANGED, CERTAIN, self._stage, chunk.seq, 0, evidence)
        return told

    def told(self) -> Finding | None:
        """Return the finding that `altered` held back: the next chunk is another one's, or none will come."""
        told, self._altered = self._altered, None
        return told

    def late(self, chunk: Chunk, before: Chunk) -> Finding | None:
        """Return the finding that a chunk was handed on after one that had come in later.

        Args:
            chunk: The chunk.
            before: The chunk before it.
        """
        if not self._exact or chunk.kind != CONTENT:
            return None
        evidence = f"upstream chunk {chunk.upstream_first} was handed on after one that came in behind it"
        return Finding(kinds.MOVED, self._certainty, self._stage, chunk.seq, before.seq, evidence)

    def lost(self, missing: Iterable[tuple[Chunk, int]]) -> list[Finding]:
        """Return the gaps that are certain now.

        Args:
            missing: Upstream chunks that did not go on, each with the number of the chunk that came instead.
        """
        holes: dict[int, list[Chunk]] = {}
        for chunk, instead in missing:
            if self._exact:
                holes.setdefault(instead, []).append(chunk)
        return [self._gap(instead, chunks) for instead, chunks in holes.items()]

    def _gap(self, seq: int, chunks: list[Chunk]) -> Finding:
        first, last = chunks[0].seq, chunks[-1].seq
        which = f"chunk {first}" if first == last else f"chunks {first} to {last}"
        evidence = f"upstream {which} came in before it and did not go on, {len(chunks)} with content"
        return Finding(kinds.LOST, self._certainty, self._stage, seq, 0, evidence, len(chunks))

    def handed_on(self, seq: int, time_ns: int, made_ns: int) -> Finding | None:
        """Return a finding where chunks that came in one by one were handed on all at once.

        Asked twice for each `limits.BURST_CHUNKS` chunks, so that a burst of half as many again is found wherever it
        begins. Chunks that all came in behind one pause came in at once themselves and are only late, so two pauses
        are asked for.

        Args:
            seq: The chunk.
            time_ns: When it crossed this stage.
            made_ns: When it crossed the stage before.
        """
        (before_ns, before_made_ns), half = self._checkpoints
        self._checkpoints = (half, (time_ns, made_ns))
        took_ns, came_ns = time_ns - before_ns, made_ns - before_made_ns
        if not before_ns or took_ns > limits.BURST_NS or came_ns < limits.BURST_SPREAD_NS:
            return None
        if min(half[1] - before_made_ns, made_ns - half[1]) < came_ns / 4:
            return None
        took_ms, came_ms = took_ns / _NS_PER_MS, came_ns / _NS_PER_MS
        evidence = f"{limits.BURST_CHUNKS} chunks within {took_ms:.1f} ms that had come in over {came_ms:.0f} ms"
        return Finding(kinds.BURST, CERTAIN, self._stage, seq, 0, evidence)
