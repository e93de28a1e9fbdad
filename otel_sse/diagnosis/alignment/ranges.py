"""Which chunk came from which, where nobody has recorded it: by bytes of content, and by digests in order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from otel_sse.diagnosis.alignment.lcs import match
from otel_sse.stream.chunk import CONTENT, Chunk

Ranges = dict[int, tuple[int, int]]
"""Number of a downstream chunk → first and last number of the upstream chunks it was made from."""

_AGREEING: Final = 0.9
"""Share of the chunks with the same bytes on both sides whose digests have to be equal, before bytes are believed."""


class Intervals:
    """Numbers that lie in one of several ranges, however wide these are."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted(ranges):
            if self._lasts and first <= self._lasts[-1]:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]


def align(upstream: Sequence[Chunk], downstream: Sequence[Chunk]) -> Ranges:
    """Return which upstream chunks each downstream chunk was made from, as far as the two sequences show it.

    Where both have the same bytes of content, each chunk was made from those that its bytes came from. Else equal
    digests in the same order are the same chunk, an equal digest right after its own chunk is a second emission, and
    what is left between two of these was made from what is left upstream between them.

    Args:
        upstream: Chunks of a stage, in order.
        downstream: Chunks of the stage after it, in order.

    Returns:
        The ranges; downstream chunks that were made from nothing upstream have none.
    """
    up, down = _content(upstream), _content(downstream)
    ranges = _by_bytes(up, down)
    if not ranges or not _agree(ranges, upstream, downstream):
        ranges = _by_digests(up, down)
    return _with_others(ranges, upstream, downstream)


class _Piece:
    """A chunk with content, and how many bytes of it."""

    __slots__ = ("digest", "seq", "size")

    def __init__(self, chunk: Chunk, before: int) -> None:
        self.seq, self.digest, self.size = chunk.seq, chunk.digest, max(chunk.acc_len - before, 0)


def _content(chunks: Sequence[Chunk]) -> list[_Piece]:
    before = [0, *(chunk.acc_len for chunk in chunks)]
    pieces = [_Piece(chunk, acc_len) for chunk, acc_len in zip(chunks, before, strict=False) if chunk.kind == CONTENT]
    return [piece for piece in pieces if piece.size]


def _by_bytes(up: Sequence[_Piece], down: Sequence[_Piece]) -> Ranges:
    """Ranges by which bytes are whose; none where the two sides do not have as many."""
    ends = list(accumulate(piece.size for piece in up))
    if not ends or ends[-1] != sum(piece.size for piece in down):
        return {}
    ranges: Ranges = {}
    start = 0
    for piece in down:
        first, last = bisect_right(ends, start), bisect_right(ends, start + piece.size - 1)
        ranges[piece.seq] = up[first].seq, up[last].seq
        start += piece.size
    return ranges


def _agree(ranges: Ranges, upstream: Sequence[Chunk], downstream: Sequence[Chunk]) -> bool:
    digests = {chunk.seq: chunk.digest for chunk in upstream}
    times: dict[int, int] = {}
    for first, last in ranges.values():
        times[first] = times.get(first, 0) + 1
        if last != first:
            times[last] = times.get(last, 0) + 1
    singles = [
        chunk.digest == digests[first]
        for chunk in downstream
        if (first := ranges.get(chunk.seq, (0, -1))[0]) == ranges.get(chunk.seq, (0, -1))[1] and times[first] == 1
    ]
    return sum(singles) >= _AGREEING * len(singles)


def _by_digests(up: Sequence[_Piece], down: Sequence[_Piece]) -> Ranges:
    matched = match([piece.digest for piece in up], [piece.digest for piece in down])
    ranges = {down[j].seq: (up[i].seq, up[i].seq) for j, i in matched.items()}
    for left_up, left_down in _gaps(matched, len(up), len(down)):
        ranges.update(_remade(up[left_up], down[left_down]))
    return ranges


def _gaps(matched: Mapping[int, int], ups: int, downs: int) -> Iterator[tuple[slice, slice]]:
    """What lies unmatched between two neighbouring matches, on both sides."""
    up = down = 0
    for j, i in [*matched.items(), (downs, ups)]:
        if i > up and j > down:
            yield slice(up, i), slice(down, j)
        up, down = max(up, i + 1), j + 1


def _remade(up: Sequence[_Piece], down: Sequence[_Piece]) -> Ranges:
    return _by_bytes(up, down) or {piece.seq: (up[0].seq, up[-1].seq) for piece in down}


def _with_others(ranges: Ranges, upstream: Sequence[Chunk], downstream: Sequence[Chunk]) -> Ranges:
    """Add what carries no content: it can only be the same as upstream, or not be from there."""
    taken = Intervals(ranges.values())
    up = [chunk for chunk in upstream if chunk.seq not in taken]
    down = [chunk for chunk in downstream if chunk.seq not in ranges]
    matched = match([chunk.digest for chunk in up], [chunk.digest for chunk in down])
    return {**ranges, **{down[j].seq: (up[i].seq, up[i].seq) for j, i in matched.items()}}
