"""A flow by ranges: by the lineage that chunks carry, or by the bytes that both sides share."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from otel_sse.diagnosis.alignment.by_sums import Sums, by_sums, is_orderly
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Passage, Piece
from otel_sse.diagnosis.alignment.ranges import Ranges


class _Group(NamedTuple):
    """Positions of neighbouring pieces upstream, and of all pieces downstream that were made from them."""

    first: int
    last: int
    children: list[int]


def by_ranges(up: Sequence[Piece], down: Sequence[Piece], ranges: Ranges, *, recorded: bool) -> Flow:
    """Return the flow that ranges show.

    Args:
        up: Content upstream, in order.
        down: Content downstream, in order.
        ranges: Number downstream → first and last number upstream that it was made from.
        recorded: Whether the chunks carried the ranges.
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
            found[j] = Passage(piece.seq, Fate.ADDED)
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
    if is_cut_anew(parents, children):
        return [Passage(piece.seq, Fate.REFRAMED, *ranges[piece.seq]) for piece in children]
    # A chunk that the stage adds is recorded as made of what had come before it.
    found = by_sums(parents, children)
    if found is None or found.missing or not is_orderly(found, min(len(parents), len(children))):
        return [Passage(piece.seq, Fate.REPLACED, *ranges[piece.seq]) for piece in children]
    return [
        Passage(piece.seq, Fate.ADDED) if at in found.added else cut(piece, found, parents)
        for at, piece in enumerate(children)
    ]


def cut(piece: Piece, found: Sums, up: Sequence[Piece]) -> Passage:
    """Return what a chunk is that has bytes of chunks upstream.

    Args:
        piece: The chunk.
        found: How bytes are shared.
        up: The chunks upstream.
    """
    first, last = found.ranges.get(piece.seq, (up[0].seq, up[-1].seq))
    same = first == last and any(old.seq == first and old.digest == piece.digest for old in up)
    return Passage(piece.seq, Fate.SAME if same else Fate.REFRAMED, first, last)


def _of_one(parent: Piece, children: Sequence[Piece]) -> list[Passage]:
    """Return what the chunks are that were made from one chunk."""
    seq = parent.seq
    equal = [piece.seq for piece in children if piece.digest == parent.digest]
    if len(children) == 1 and not equal:
        return [Passage(children[0].seq, Fate.CHANGED, seq, seq)]
    if not equal:
        what = Fate.REFRAMED if is_cut_anew([parent], children) else Fate.REPLACED
        return [Passage(piece.seq, what, seq, seq) for piece in children]
    # A chunk that the stage adds follows some chunk upstream, and its lineage can only name that one.
    return [
        Passage(piece.seq, Fate.ADDED)
        if piece.seq not in equal
        else Passage(piece.seq, Fate.SAME, seq, seq)
        if piece.seq == equal[0]
        else Passage(piece.seq, Fate.DOUBLED, seq, seq, equal[0])
        for piece in children
    ]


def is_cut_anew(parents: Sequence[Piece], children: Sequence[Piece]) -> bool:
    """Return whether the same bytes were cut at other places. Chunks that changed places are not cut anew.

    Args:
        parents: The pieces upstream.
        children: The pieces downstream that were made from them.
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
    """Mark each chunk as moved that comes behind a later one."""
    highest, at = 0, 0
    for n, passage in enumerate(passages):
        if passage.fate != Fate.SAME:
            continue
        if passage.first < highest:
            passages[n] = passage._replace(fate=Fate.MOVED, of=at)
        else:
            highest, at = passage.first, passage.seq
    return passages


def cut_anew(up: Sequence[Piece], down: Sequence[Piece]) -> Ranges:
    """Return the ranges that bytes show: each piece was made from the pieces that its bytes were in.

    Args:
        up: Content upstream, in order.
        down: Content downstream, in order.

    Returns:
        The ranges; {} where the two sides do not have the same number of bytes.
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
