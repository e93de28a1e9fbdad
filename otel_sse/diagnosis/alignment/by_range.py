"""A flow by ranges: by the lineage that chunks carry, or by which bytes are whose."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from otel_sse.diagnosis.alignment.flow import (
    ADDED,
    AGAIN,
    CHANGED,
    MOVED,
    REFRAMED,
    REPLACED,
    SAME,
    Flow,
    Passage,
    Piece,
)
from otel_sse.diagnosis.alignment.ranges import Ranges


class _Group(NamedTuple):
    """Upstream pieces and the downstream ones made from them, that have nothing to do with any other."""

    first: int
    last: int
    children: list[int]


def by_ranges(up: Sequence[Piece], down: Sequence[Piece], ranges: Ranges, *, recorded: bool) -> Flow:
    """Return the flow that ranges tell of.

    Args:
        up: Content upstream, in order.
        down: Content downstream, in order.
        ranges: Number downstream → first and last number upstream that it was made from.
        recorded: Whether the chunks carried them.
    """
    seqs = [piece.seq for piece in up]
    spans: list[tuple[int, int, int]] = []
    found: dict[int, Passage] = {}
    for j, piece in enumerate(down):
        first, last = ranges.get(piece.seq, (0, 0))
        start, end = bisect_left(seqs, first), bisect_right(seqs, last)
        if first and start < end:
            spans.append((start, end - 1, j))
        else:
            found[j] = Passage(piece.seq, ADDED)
    used = bytearray(len(up))
    for group in _groups(spans):
        used[group.first : group.last + 1] = b"\1" * (group.last + 1 - group.first)
        for j, passage in zip(group.children, _judged(group, up, down, ranges), strict=True):
            found[j] = passage
    passages = _in_order([found[j] for j in range(len(down))])
    return Flow(passages, [seq for seq, taken in zip(seqs, used, strict=True) if not taken], recorded)


def _groups(spans: Iterable[tuple[int, int, int]]) -> Iterator[_Group]:
    first, last = 0, -1
    children: list[int] = []
    for start, end, j in sorted(spans):
        if start > last:
            if children:
                yield _Group(first, last, sorted(children))
            first, last, children = start, end, []
        last = max(last, end)
        children.append(j)
    if children:
        yield _Group(first, last, sorted(children))


def _judged(group: _Group, up: Sequence[Piece], down: Sequence[Piece], ranges: Ranges) -> list[Passage]:
    parents, children = up[group.first : group.last + 1], [down[j] for j in group.children]
    if len(parents) == 1:
        return _of_one(parents[0], children)
    what = REFRAMED if is_cut_anew(parents, children) else REPLACED
    return [Passage(piece.seq, what, *ranges[piece.seq]) for piece in children]


def _of_one(parent: Piece, children: Sequence[Piece]) -> list[Passage]:
    """What the chunks are that were made from one."""
    seq = parent.seq
    equal = [piece.seq for piece in children if piece.digest == parent.digest]
    if len(children) == 1 and not equal:
        return [Passage(children[0].seq, CHANGED, seq, seq)]
    if not equal:
        what = REFRAMED if is_cut_anew([parent], children) else REPLACED
        return [Passage(piece.seq, what, seq, seq) for piece in children]
    # Whatever a stage adds of its own comes after something, and lineage can only name that.
    return [
        Passage(piece.seq, ADDED)
        if piece.seq not in equal
        else Passage(piece.seq, SAME, seq, seq)
        if piece.seq == equal[0]
        else Passage(piece.seq, AGAIN, seq, seq, equal[0])
        for piece in children
    ]


def is_cut_anew(parents: Sequence[Piece], children: Sequence[Piece]) -> bool:
    """Return whether the same bytes are in both, and not only as many: chunks that changed places are not cut anew.

    Args:
        parents: What it was made from.
        children: What was made.
    """
    before, after = _bytes(parents), _bytes(children)
    if before is None or after is None:
        return True
    if before != after:
        return False
    whole = {piece.digest for piece in parents}
    return sum(piece.digest in whole for piece in children) < max(2, min(len(parents), len(children)) / 2)


def _bytes(pieces: Sequence[Piece]) -> int | None:
    sizes = [piece.size for piece in pieces]
    return None if None in sizes else sum(filter(None, sizes))


def _in_order(passages: list[Passage]) -> list[Passage]:
    """Mark what came after something that it should have come before."""
    highest, at = 0, 0
    for n, passage in enumerate(passages):
        if passage.what != SAME:
            continue
        if passage.first < highest:
            passages[n] = passage._replace(what=MOVED, of=at)
        else:
            highest, at = passage.first, passage.seq
    return passages


def cut_anew(up: Sequence[Piece], down: Sequence[Piece]) -> Ranges:
    """Return ranges by which bytes are whose; none where the two sides do not have as many.

    Args:
        up: Content upstream, in order.
        down: Content downstream, in order.
    """
    before, after = _bytes(up), _bytes(down)
    # A damaged trace may have lengths that shrink.
    if not before or before != after or any((piece.size or 0) < 0 for piece in (*up, *down)):
        return {}
    ends = list(accumulate(piece.size or 0 for piece in up))
    ranges: Ranges = {}
    start = 0
    for piece in down:
        size = piece.size or 0
        if size:
            first, last = bisect_right(ends, start), bisect_right(ends, start + size - 1)
            ranges[piece.seq] = up[first].seq, up[last].seq
        start += size
    return ranges
