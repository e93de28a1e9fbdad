"""A stretch of chunks in which something is unusual: what was repeated, moved or skipped is judged once it is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from otel_sse import limits
from otel_sse.lineage.matching import Matching, Moved
from otel_sse.lineage.pending import Crossings, Passed
from otel_sse.lineage.shares import Shares
from otel_sse.stream.chunk import CONTENT, Chunk

_CALM: Final = 3
"""Chunks that have to follow in their order before a stretch is over."""


class Verdict(NamedTuple):
    """What is sure of a stretch.

    Args:
        copies: Chunks that were handed on again, each with the chunk that it repeats.
        twins: Chunks that equal the chunk beside them. They are copies if the stage adds nothing of its own.
        moved: Upstream chunks that went on behind later ones, with the chunk made of each and the one before that.
        missing: Upstream chunks that did not go on, each with the number of the chunk that came instead.
        adds: Whether there are chunks of the stage's own.
    """

    copies: Sequence[tuple[Chunk, Chunk]] = ()
    twins: Sequence[tuple[Chunk, Chunk]] = ()
    moved: Sequence[Moved] = ()
    missing: Sequence[tuple[Chunk, int]] = ()
    adds: bool = False


class Stretch:
    """The chunks of both sides of an edge from an unusual chunk on, until three in a row follow in their order.

    At the unusual chunk itself nobody knows what has happened. It may equal a chunk further ahead because those before
    are lost. Or it is a word of the stage's own, and the next chunk follows the one before it. So both sides are kept,
    and are matched at the end (`Matching`).

    Memory is bounded: at `limits.MAX_STRETCH_CHUNKS` chunks the first half is judged.

    Args:
        before: The upstream chunks that were claimed or skipped before, with their claims.
        doubtful: Identities of those that were skipped and still may come late.
    """

    __slots__ = (
        "_before",
        "_begins",
        "_calm",
        "_copies",
        "_downs",
        "_last",
        "_run",
        "_run_at",
        "_seen",
        "_sure",
        "_told",
        "_ups",
    )

    def __init__(self, before: Sequence[Passed], doubtful: Collection[int] = ()) -> None:
        self._begins = not before
        self._before = [
            (up, down)
            for up, down in before
            if up.kind == CONTENT and (id(up) in doubtful if down is None else down.digest == up.digest)
        ]
        self._ups: list[Chunk] = []
        self._downs: list[Chunk] = []
        self._seen: dict[int, int] = {}
        self._told: set[int] = set()
        self._sure: set[int] = set()
        self._calm = 0
        self._last = 0
        self._copies: list[tuple[Chunk, Chunk]] = []
        self._run = 0
        self._run_at = 0

    @property
    def is_over(self) -> bool:
        """Whether enough chunks in a row have followed in their order."""
        return self._calm >= _CALM

    @property
    def is_full(self) -> bool:
        """Whether as many chunks are kept as may be."""
        return len(self._downs) >= limits.MAX_STRETCH_CHUNKS

    def take(self, chunk: Chunk, taken: Sequence[Chunk], source: Crossings, *, calm: bool) -> None:
        """Take a chunk.

        Args:
            chunk: The chunk.
            taken: The upstream chunks that its claim took off.
            source: Where they had been pending.
            calm: Whether it follows in its order.
        """
        self._calm = self._calm + 1 if calm else 0
        latest = self._seen.get(id(source), 0)
        fresh = [each for each in taken if each.seq > latest]
        if fresh:
            self._seen[id(source)] = fresh[-1].seq
            self._ups += [each for each in fresh if each.kind == CONTENT]
        self._last = chunk.seq
        if chunk.kind == CONTENT:
            self._downs.append(chunk)

    def give_back(self, chunk: Chunk, taken: Sequence[Chunk], source: Crossings) -> None:
        """Take a chunk that is the first of several that seemed to be skipped; the others are pending again."""
        gone = {id(each) for each in taken}
        self._ups = [each for each in self._ups if id(each) not in gone]
        self._seen[id(source)] = taken[0].seq - 1
        self.take(chunk, taken[:1], source, calm=False)

    def repeat(self, chunk: Chunk, of: Chunk, source: Crossings) -> list[tuple[Chunk, Chunk]]:
        """Take note that a chunk names the same upstream chunk as an earlier one; return the pairs that are sure now.

        Those of a long run are sure before the stretch is over, if they can't be mistaken for others.

        Args:
            chunk: The chunk.
            of: The earlier one.
            source: Where the upstream chunk had been pending.
        """
        if chunk.upstream_first not in (self._run_at, self._run_at + 1):
            self._run, self._copies = 0, []
        self._run += chunk.upstream_first != self._run_at
        self._run_at = chunk.upstream_first
        if source.is_only(chunk):
            self._copies.append((chunk, of))
        if self._run < limits.COPIED_RUN:
            return []
        sure, self._copies = self._copies, []
        self._told.update(one.seq for one, _ in sure)
        return sure

    def end(self, shares: Shares) -> Verdict:
        """Judge the stretch, which is over.

        Args:
            shares: What goes on of each channel.
        """
        return self._judge(self._match(shares))

    def half(self, shares: Shares) -> Verdict:
        """Judge the first half of the stretch and forget it."""
        matching = self._match(shares)
        cut = matching.cut
        if cut is None:
            # Nothing follows in any order. Nothing is sure, and it begins anew.
            self._before, self._ups, self._downs, self._copies = [], [], [], []
            return Verdict(adds=True)
        found = self._judge(matching)
        up, down = cut
        copies, twins = ([pair for pair in pairs if pair[0].seq <= down.seq] for pairs in (found.copies, found.twins))
        moved = [each for each in found.moved if each[1].seq <= down.seq]
        # A run that crosses the cut is sure as a whole.
        self._sure = {pair[0].seq for pair in found.copies if pair[0].seq > down.seq}
        at = next((n for n, each in enumerate(self._ups) if each is up), -1)
        self._ups = self._ups[at + 1 :]
        self._downs = [each for each in self._downs if each.seq > down.seq]
        self._copies = [pair for pair in self._copies if pair[0].seq > down.seq]
        self._before, self._begins = matching.before(cut), False
        missing = [pair for pair in found.missing if pair[1] <= down.seq]
        adds = any(seq <= down.seq for seq in matching.added if seq not in self._sure)
        return Verdict(copies, twins, moved, missing, adds)

    def _match(self, shares: Shares) -> Matching:
        return Matching(self._before, self._ups, self._downs, shares, self._told)

    def _judge(self, matching: Matching) -> Verdict:
        others = [*matching.twins, *matching.apart]
        copies = [*matching.copies, *(pair for pair in others if pair[0].seq in self._sure)]
        adds = any(seq not in self._sure for seq in matching.added)
        if matching.has_foreign:
            return Verdict(copies, adds=adds)
        # An equal chunk that moved and one that came twice are together one word of the stage's own.
        repeated = {chunk.digest for chunk, _ in matching.twins}
        moved = [each for each in matching.moved if each[0].digest not in repeated]
        own = {each[0].digest for each in matching.moved} & repeated
        twins = [pair for pair in matching.twins if pair[0].seq not in self._sure and pair[0].digest not in own]
        missing = matching.missing(self._last)
        head = matching.head if self._begins else 0
        missing = missing[head if head >= limits.LEFT_OUT_CHUNKS else 0 :]
        return Verdict(copies, twins, moved, missing, adds or bool(own))
