"""Comments in the place of content: a stage sent text without framing, and readers take it for comments."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.trace.edge import Descent
from otel_sse.stream.chunk import COMMENT, Chunk

_END = 1 << 62
"""A number behind that of any chunk."""


class Comments:
    """The comments that a stage added, matched with the content that is missing in the same places.

    Args:
        edge: The edge.
        lost: Numbers upstream of the content that it lost, in order.
    """

    def __init__(self, edge: Descent, lost: Sequence[int]) -> None:
        self._edge = edge
        self._same = [(p.first, p.seq) for p in edge.flow.passages if p.fate == Fate.SAME]
        self._lost = lost
        self._gaps = dict(self._by_gap()) if any(chunk.kind == COMMENT for chunk in edge.chunks) else {}

    @property
    def instead(self) -> set[int]:
        """The lost chunks that have any comment in their place."""
        return {seq for lost, comments in self._gaps.values() if comments for seq in lost}

    @property
    def at_once(self) -> set[int]:
        """Those of `instead` that have one comment each, which came as soon as chunks cross this edge.

        A keep-alive comes at another time: when one is due.
        """
        found = {seq for lost, comments in self._gaps.values() for seq in self._paired(lost, comments)}
        return found if self._same else set()

    def _by_gap(self) -> Iterator[tuple[int, tuple[list[int], list[Chunk]]]]:
        """Lost chunks and added comments between two chunks that were handed on, by the place of the gap."""
        firsts = [first for first, _ in self._same]
        before, after = (list(_comments(chunks)) for chunks in (self._edge.upstream.chunks, self._edge.chunks))
        places: dict[int, list[int]] = {}
        for seq in self._lost:
            places.setdefault(bisect_left(firsts, seq), []).append(seq)
        for at, lost in places.items():
            low_up, low = self._same[at - 1] if at else (0, 0)
            high_up, high = self._same[at] if at < len(self._same) else (_END, _END)
            had = Counter(comment.digest for comment in before if low_up < comment.seq < high_up)
            yield at, (lost, list(_beyond((comment for comment in after if low < comment.seq < high), had)))

    def _paired(self, lost: Sequence[int], comments: Sequence[Chunk]) -> Iterator[int]:
        if len(lost) != len(comments):
            return
        before, after = self._edge.upstream.by_seq, self._edge.downstream.by_seq
        took_ns = [after[seq].time_ns - before[first].time_ns for first, seq in self._same]
        for seq, comment in zip(lost, comments, strict=True):
            if took_ns and min(0, *took_ns) <= comment.time_ns - before[seq].time_ns <= max(took_ns):
                yield seq


def _comments(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    return (chunk for chunk in chunks if chunk.kind == COMMENT)


def _beyond(comments: Iterable[Chunk], had: Counter[str]) -> Iterator[Chunk]:
    """The comments that came out more often than they came in."""
    for comment in comments:
        if had[comment.digest]:
            had[comment.digest] -= 1
        else:
            yield comment
