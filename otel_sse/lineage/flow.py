"""What became of each piece of content between two stages, explained in the simplest way that the chunks allow."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

import msgspec

from otel_sse.lineage.alignment import Ranges
from otel_sse.lineage.matching import Pairs, pairs
from otel_sse.stream.chunk import Chunk

SAME: Final = "same"
AGAIN: Final = "again"
MOVED: Final = "moved"
CHANGED: Final = "changed"
REFRAMED: Final = "reframed"
REPLACED: Final = "replaced"
ADDED: Final = "added"

_RECENT: Final = 4_096
"""Chunks that a repetition may lie back, where digests alone tell what it repeats."""


_NEAR: Final = 16
"""Chunks that a second path may lag behind, likewise."""


class Piece(NamedTuple):
    """A chunk with content: its number, its digest and its bytes of content (None where that is not known)."""

    seq: int
    digest: str
    size: int | None


class Passage(NamedTuple):
    """What one downstream chunk is.

    Args:
        seq: Its number.
        what: `same`; `again`: the same chunk once more; `moved`: the same, out of order; `changed`: other content in
            its place; `reframed`: cut anew, none of the bytes more or less; `replaced`: something that is not the sum
            of what it was made from; `added`: made from nothing upstream.
        first: First number upstream; 0 where it was made from nothing.
        last: Last number upstream.
        of: Of a repetition the number downstream that it repeats; of a moved chunk that of the one which came too
            early; else 0.
    """

    seq: int
    what: str
    first: int = 0
    last: int = 0
    of: int = 0


class Flow(msgspec.Struct):
    """All content between two stages.

    Args:
        passages: The downstream chunks, in order.
        lost: Numbers upstream that nothing downstream was made from.
        recorded: Whether lineage was carried and fits; else contents were aligned.
    """

    passages: list[Passage]
    lost: list[int]
    recorded: bool

    @property
    def damage(self) -> int:
        """How many chunks are not as they were; of two explanations the one with less is likelier."""
        fates = [passage.what for passage in self.passages]
        rewritten = {(p.first, p.last) for p in self.passages if p.what == REPLACED}
        harmless = fates.count(SAME) + fates.count(REFRAMED)
        return len(self.lost) + len(fates) - harmless + sum(last - first + 1 for first, last in rewritten)


def flow(up: Sequence[Piece], down: Sequence[Piece], recorded: Ranges) -> Flow:
    """Return what became of each piece of content, by what was recorded where that fits, else by content.

    Args:
        up: Content upstream, in order.
        down: Content downstream, in order.
        recorded: Which upstream numbers downstream ones were made from, as carried with the chunks; {} where nothing
            was.
    """
    found = [_by_ranges(up, down, recorded, recorded=True)] if recorded else []
    if found and not found[0].damage:
        return found[0]
    if not recorded or not _fits(found[0], up, down):
        found.append(_by_digests(up, down))
        if ranges := _cut_anew(up, down):
            found.append(_by_ranges(up, down, ranges, recorded=False))
    return min(found, key=lambda each: each.damage)


def _fits(found: Flow, up: Sequence[Piece], down: Sequence[Piece]) -> bool:
    """Whether what was recorded leaves nothing to be explained otherwise."""
    known = {piece.digest for piece in up}
    digests = {piece.seq: piece.digest for piece in down}
    return all(
        passage.what != REPLACED and (passage.what not in (ADDED, CHANGED) or digests[passage.seq] not in known)
        for passage in found.passages
    )


# By ranges: carried lineage, or where the bytes lie


class _Group(NamedTuple):
    """Upstream pieces and the downstream ones made from them, that have nothing to do with any other."""

    first: int
    last: int
    children: list[int]


def _by_ranges(up: Sequence[Piece], down: Sequence[Piece], ranges: Ranges, *, recorded: bool) -> Flow:
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
    what = REFRAMED if _is_cut_anew(parents, children) else REPLACED
    return [Passage(piece.seq, what, *ranges[piece.seq]) for piece in children]


def _of_one(parent: Piece, children: Sequence[Piece]) -> list[Passage]:
    """What the chunks are that were made from one."""
    seq = parent.seq
    equal = [piece.seq for piece in children if piece.digest == parent.digest]
    if len(children) == 1 and not equal:
        return [Passage(children[0].seq, CHANGED, seq, seq)]
    if not equal:
        what = REFRAMED if _is_cut_anew([parent], children) else REPLACED
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


def _is_cut_anew(parents: Sequence[Piece], children: Sequence[Piece]) -> bool:
    """Whether the same bytes are in it, and not only as many: whole chunks that changed places are not cut anew."""
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


def _cut_anew(up: Sequence[Piece], down: Sequence[Piece]) -> Ranges:
    """Ranges by which bytes are whose; none where the two sides do not have as many."""
    before, after = _bytes(up), _bytes(down)
    if not before or before != after:
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


# By digests


def _by_digests(up: Sequence[Piece], down: Sequence[Piece]) -> Flow:
    ups, downs = [piece.digest for piece in up], [piece.digest for piece in down]
    matched = pairs(ups, downs)
    found = {j: Passage(down[j].seq, SAME, up[i].seq, up[i].seq) for i, j in matched}
    lost: list[int] = []
    put_in: list[int] = []
    for left_up, left_down in _gaps(matched, len(up), len(down)):
        remade = _remade(up[left_up.start : left_up.stop], down[left_down.start : left_down.stop])
        if remade:
            found.update(zip(left_down, remade, strict=True))
        else:
            lost += left_up
            put_in += left_down
    lost = _moved(up, down, found, lost, put_in)
    repeats = _Repeats(up, down, matched)
    for start, end in _runs([j for j in put_in if j not in found]):
        found.update(repeats.explain(start, end))
    return Flow([found[j] for j in range(len(down))], [up[i].seq for i in lost], recorded=False)


def _gaps(matched: Pairs, ups: int, downs: int) -> Iterator[tuple[range, range]]:
    """What lies unmatched between two neighbouring matches, on both sides."""
    up = down = 0
    for i, j in [*matched, (ups, downs)]:
        if i > up or j > down:
            yield range(up, i), range(down, j)
        up, down = i + 1, j + 1


def _remade(up: Sequence[Piece], down: Sequence[Piece]) -> list[Passage]:
    """What the chunks in one gap are, where they were made from those on the other side of it; [] for none."""
    if not up or not down:
        return []
    if len(up) == len(down):
        return [Passage(new.seq, CHANGED, old.seq, old.seq) for old, new in zip(up, down, strict=True)]
    if (ranges := _cut_anew(up, down)) and _is_cut_anew(up, down):
        return [Passage(piece.seq, REFRAMED, *ranges.get(piece.seq, (up[0].seq, up[-1].seq))) for piece in down]
    known = {piece.digest for piece in up}
    if any(piece.digest in known for piece in down) or len(down) > 2 * len(up):
        return []
    return [Passage(piece.seq, REPLACED, up[0].seq, up[-1].seq) for piece in down]


def _moved(
    up: Sequence[Piece], down: Sequence[Piece], found: dict[int, Passage], lost: Sequence[int], put_in: Sequence[int]
) -> list[int]:
    """Tie what is missing at one place and too many at another; return what is still missing."""
    waiting: dict[str, list[int]] = {}
    for j in reversed(put_in):
        waiting.setdefault(down[j].digest, []).append(j)
    left: list[int] = []
    for i in lost:
        if places := waiting.get(up[i].digest):
            j = places.pop()
            of = down[j - 1].seq if j else down[1].seq
            found[j] = Passage(down[j].seq, MOVED, up[i].seq, up[i].seq, of)
        else:
            left.append(i)
    return left


def _runs(positions: Sequence[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for n, position in enumerate(positions):
        if n + 1 == len(positions) or positions[n + 1] != position + 1:
            yield positions[start], position + 1
            start = n + 1


class _Repeats:
    """Says of chunks that were put in what they repeat, if anything that had been handed on before."""

    def __init__(self, up: Sequence[Piece], down: Sequence[Piece], matched: Pairs) -> None:
        self._up, self._down = up, down
        self._emitted = dict(matched)
        self._ends = [j for _, j in matched]
        self._matched = matched
        self._places: dict[str, list[int]] = {}
        for i, _ in matched:
            self._places.setdefault(up[i].digest, []).append(i)

    def explain(self, start: int, end: int) -> dict[int, Passage]:
        """Return what the chunks of one run are."""
        found: dict[int, Passage] = {}
        handed_on = bisect_left(self._ends, start)
        latest = self._matched[handed_on - 1][0] if handed_on else -1
        while start < end:
            size, at = self._longest(start, end, latest)
            for n in range(size):
                found[start + n] = self._again(start + n, at + n)
            if not size:
                found[start] = self._early(start, handed_on)
            start += max(size, 1)
        return found

    def _again(self, j: int, i: int) -> Passage:
        again = self._up[i].seq
        return Passage(self._down[j].seq, AGAIN, again, again, self._down[self._emitted[i]].seq)

    def _early(self, j: int, handed_on: int) -> Passage:
        """What repeats nothing that was handed on before may be the first of two, of which the second was matched."""
        following = (i for i, _ in self._matched[handed_on : handed_on + _NEAR])
        same = next((i for i in following if self._up[i].digest == self._down[j].digest), None)
        return Passage(self._down[j].seq, ADDED) if same is None else self._again(j, same)

    def _longest(self, start: int, end: int, latest: int) -> tuple[int, int]:
        """The longest beginning of the run that was handed on before, and where it begins upstream."""
        best = (0, 0)
        places = self._places.get(self._down[start].digest, [])
        for n in range(bisect_right(places, latest) - 1, -1, -1):
            at = places[n]
            if latest - at > _RECENT:
                break
            size = 0
            while start + size < end and at + size <= latest and self._is(at + size, start + size):
                size += 1
            best = max(best, (size, at))
            if start + size == end:
                break
        return best

    def _is(self, i: int, j: int) -> bool:
        return i in self._emitted and self._up[i].digest == self._down[j].digest


def pieces_of(chunks: Iterable[Chunk], sizes: dict[int, int]) -> list[Piece]:
    """Return chunks as pieces.

    Args:
        chunks: Chunks with content, in order.
        sizes: Bytes of content by number, where they are known.
    """
    return [Piece(chunk.seq, chunk.digest, sizes.get(chunk.seq)) for chunk in chunks]
