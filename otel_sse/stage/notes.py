"""Where a stage's findings go: onto their chunk, or into the journal by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from otel_sse.stream import kinds
from otel_sse.stream.chunk import Chunk, Finding
from otel_sse.stream.totals import Totals


class Journal(Protocol):
    """Where a monitor leaves what it saw, for somebody else to take away. Must not block."""

    def append(self, entry: Chunk | tuple[Finding, int], /) -> None:
        """Take a chunk, or a finding that belongs to no chunk, with its time."""


def nowhere(entry: Chunk | tuple[Finding, int], /) -> None:
    """Stand in for a journal where nobody wants one."""


class Notes:
    """Counts findings, and hands each one on once.

    Args:
        totals: The stage's sums.
        journal: Takes findings that belong to no chunk, or to one that has gone already.
        most: So many of these are handed on singly; the rest is counted only, but for the first of each further kind.
        duplicate: Called with the number of each chunk that is told as a duplicate.
    """

    __slots__ = ("_count", "_duplicate", "_journal", "_most", "_totals")

    def __init__(
        self,
        totals: Totals,
        journal: Callable[[tuple[Finding, int]], None],
        most: int,
        duplicate: Callable[[int], None],
    ) -> None:
        self._totals = totals
        self._journal = journal
        self._most = most
        self._duplicate = duplicate
        self._count = 0

    def attach(self, chunk: Chunk, findings: Iterable[Finding]) -> None:
        """Put findings on the chunk that they are about, before it is handed on; others stand by themselves."""
        for finding in findings:
            if finding.seq != chunk.seq:
                self.add(finding, chunk.time_ns)
            elif finding.family != kinds.DUPLICATE:
                self._put(chunk, finding)
            elif not any(told.family == kinds.DUPLICATE for told in chunk.findings):
                self._duplicate(chunk.seq)
                self._put(chunk, finding)
            elif finding.kind == kinds.RESENT or all(told.kind == kinds.TERMINAL for told in chunk.findings):
                # One repeat may show in its lineage, its number and its content at once, and is still one. That a hop
                # did it, or that more than the end came again, is worth saying all the same.
                self._put(chunk, msgspec.structs.replace(finding, amount=0))

    def _put(self, chunk: Chunk, finding: Finding) -> None:
        self._totals.count(finding)
        chunk.findings += (finding,)

    def add(self, finding: Finding | None, time_ns: int) -> None:
        """Hand on a finding by itself; None is none."""
        if finding is None:
            return
        self._totals.count(finding)
        self._count += 1
        new = self._most > 0 and self._totals.by_kind[finding.kind, finding.certainty][0] == 1
        if self._count <= self._most or new:
            self._journal((finding, time_ns))
