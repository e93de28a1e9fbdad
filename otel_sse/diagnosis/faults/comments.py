"""Comments in the place of content: a stage sent text without framing, and readers take it for comments."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.trace.edge import Descent
from otel_sse.stream.chunk import COMMENT, Chunk

_END = 1 << 62
"""A number behind that of any chunk."""


def _digests(texts: Iterable[str]) -> frozenset[str]:
    """The digests of texts, as stages write them where no key is set."""
    return frozenset(hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:12] for text in texts)


_BLANKS: Final = _digests([blank * count for blank in (" ", "\n", "\t", "\r\n", "\n ") for count in range(1, 9)])
"""Digests of the usual pieces of white space."""

_KEEP_ALIVES: Final = _digests(
    [f"{space}{word}" for space in ("", " ") for word in ("keep-alive", "keepalive", "ping", "heartbeat")]
)
"""Digests of the usual comments that keep a connection. So is one that comes more often than content is missing."""


class Comments:
    """The comments that a stage added, matched with the content that is missing in the same places.

    Args:
        edge: The edge.
        lost: Numbers upstream of the content that it lost, in order.
    """

    def __init__(self, edge: Descent, lost: Sequence[int]) -> None:
        self._edge = edge
        self._same = [(p.first, p.seq) for p in edge.flow.passages if p.fate == Fate.SAME]
        digests = {chunk.seq: chunk.digest for chunk in edge.upstream.chunks}
        # A blank can't begin with a colon.
        self._lost = [seq for seq in lost if digests.get(seq) not in _BLANKS]
        said = Counter(comment.digest for comment in _comments(edge.chunks))
        self._keep_alives = _KEEP_ALIVES | {digest for digest, count in said.items() if count > max(len(lost), 1)}
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
            yield (
                at,
                (
                    lost,
                    list(_beyond((c for c in after if low < c.seq < high and c.digest not in self._keep_alives), had)),
                ),
            )

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
