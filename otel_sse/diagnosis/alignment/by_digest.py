"""A flow by digests: equal contents in the same order are the same chunk."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from otel_sse.diagnosis.alignment.by_range import cut
from otel_sse.diagnosis.alignment.by_sums import by_sums, is_orderly
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Passage, Piece
from otel_sse.lineage.lcs import Pairs, pairs

_NEAREST: Final = 64
"""Matched chunks that are tried as the origin of a repetition, counted back from the latest one."""

_EARLIEST: Final = 16
"""Matched chunks that are tried as well, counted from the answer's beginning."""

_MOST_JOINED: Final = 6
"""Neighbouring gaps that are tried as one."""

_MOST_WIDENED: Final = 3
"""Matches beside gaps that are tried as part of them."""

_MOST_TRIED: Final = 256
"""Gaps that are tried with their neighbours. Where so many are open, the text was not just cut anew."""

_LONGEST_JOINED: Final = 256
"""Chunks on either side of gaps that are tried as one."""

_ASTRAY: Final = 1 / 16
"""Share of the chunks of such gaps that may equal one at another place. Words repeat, also where they were cut anew."""

_NEAR: Final = 16
"""Matched chunks behind a repetition that may be its original. A second path may overtake the first by so many."""


# Worked example. Upstream 1-8 are `a b c d e f g h`, downstream 1-9 are `a c b d e d e X g`.
#
#   matched   a 1 = 1, c 3 = 2, d 4 = 4, e 5 = 5, g 7 = 9: the longest common subsequence
#   gaps      2 against nothing; nothing against 3; 6 against 6-8; 8 against nothing
#   remade    none: three chunks are too many to replace `f`. lost is [2, 6, 8], put_in is [3, 6, 7, 8]
#   moved     2 is lost and 3 put in, and both are `b`: 3 is 2 MOVED, behind 2. lost is [6, 8]
#   repeats   6-8 is one run; its `d e` was handed on as 4-5: 6 is 4 DOUBLED, 7 is 5 DOUBLED, 8 `X` is ADDED
#
# Out: 1 SAME, 2 SAME, 3 MOVED, 4 SAME, 5 SAME, 6 DOUBLED of 4, 7 DOUBLED of 5, 8 ADDED, 9 SAME; lost [6, 8].


def by_digests(up: Sequence[Piece], down: Sequence[Piece]) -> Flow:
    """Return the flow that equal contents show.

    Args:
        up: Content upstream, in order.
        down: Content downstream, in order.
    """
    ups, downs = [piece.digest for piece in up], [piece.digest for piece in down]
    matched = pairs(ups, downs)
    gaps = _joined(list(_gaps(matched, len(up), len(down))), up, down)
    within = [{at for gap in gaps for at in gap[side]} for side in (0, 1)]
    kept = [(i, j) for i, j in matched if i not in within[0] and j not in within[1]]
    found = {j: Passage(down[j].seq, Fate.SAME, up[i].seq, up[i].seq) for i, j in kept}
    lost: list[int] = []
    unsure: set[int] = set()
    put_in: list[int] = []
    for left_up, left_down in gaps:
        remade = _remade(up[left_up.start : left_up.stop], down[left_down.start : left_down.stop])
        found.update((left_down.start + at, passage) for at, passage in remade.passages.items())
        lost += [left_up.start + at for at in remade.lost]
        unsure.update(left_up.start + at for at in remade.lost if left_down)
        put_in += [left_down.start + at for at in range(len(left_down)) if at not in remade.passages]
    lost = _moved(up, down, found, lost, put_in)
    repeats = _Repeats(up, down, kept)
    for start, end in _runs([j for j in put_in if j not in found]):
        found.update(repeats.explain(start, end))
    doubtful = frozenset(up[i].seq for i in lost if i in unsure)
    return Flow([found[j] for j in range(len(down))], [up[i].seq for i in lost], recorded=False, doubtful=doubtful)


Gap = tuple[range, range]
"""Positions on both sides that lie unmatched between two neighbouring matches."""


def _gaps(matched: Pairs, ups: int, downs: int) -> Iterator[Gap]:
    up = down = 0
    for i, j in [*matched, (ups, downs)]:
        if i > up or j > down:
            yield range(up, i), range(down, j)
        up, down = i + 1, j + 1


# Where text was cut anew, or a stage added its own, a common word may be matched that is another one. What lies left
# and right of it then has too many bytes here and too few there. Worked example: upstream ` the`, ` har`, `bour`, and
# downstream `Note: `, ` the`, ` the harbour`. The first ` the` downstream is matched, ` har`, `bour` against
# ` the harbour` is 4 bytes too short, and `Note: ` stands against nothing. All three together are 10 bytes more than
# upstream, which are the two chunks at the beginning: they are added, and the third is made from 1 to 3.


def _joined(gaps: Sequence[Gap], up: Sequence[Piece], down: Sequence[Piece]) -> list[Gap]:
    """Join gaps that do not explain themselves with neighbours, where they explain themselves together."""
    left = list(gaps)
    more = _More(up, down)
    at = tried = 0
    while at < len(left) and tried < _MOST_TRIED and more.is_known:
        if _is_open(left[at], up, down):
            tried += 1
            if window := _window(left, at, up, down, more):
                first, last, span = window
                left[first : last + 1] = [span]
                at = first
        at += 1
    return left


class _More:
    """Tells how many bytes more there are downstream than upstream, between any two places."""

    def __init__(self, up: Sequence[Piece], down: Sequence[Piece]) -> None:
        self.is_known = all(piece.size is not None for piece in (*up, *down))
        self._up = [0, *accumulate(piece.size or 0 for piece in up)]
        self._down = [0, *accumulate(piece.size or 0 for piece in down)]

    def within(self, span: Gap) -> int:
        ups, downs = span
        return self._down[downs.stop] - self._down[downs.start] - self._up[ups.stop] + self._up[ups.start]


def _window(
    gaps: Sequence[Gap], at: int, up: Sequence[Piece], down: Sequence[Piece], more: _More
) -> tuple[int, int, Gap] | None:
    """The fewest neighbouring gaps around one, with some matches beside them, that are one text cut anew.

    Where as many chunks stand on both sides of the gap, they may just be changed: then none is taken for added.
    """
    adds = len(gaps[at][0]) != len(gaps[at][1])
    for size in range(1, _MOST_JOINED + 1):
        for first in range(max(at - size + 1, 0), min(at, len(gaps) - size) + 1):
            last = first + size - 1
            bytes_more = more.within(_span(gaps[first], gaps[last]))
            if bytes_more < 0 or (bytes_more and not adds):
                continue
            for span in _widened(gaps, first, last, len(up), len(down)):
                if max(map(len, span)) <= _LONGEST_JOINED and _is_cut(*span, up, down, _ASTRAY, adds=adds):
                    return first, last, span
    return None


def _widened(gaps: Sequence[Gap], first: int, last: int, ups: int, downs: int) -> Iterator[Gap]:
    """Yield all from one gap to another, then the same with one match, two or three more on either side."""
    whole = _span(gaps[first], gaps[last])
    before = gaps[first - 1] if first else (range(0), range(0))
    after = gaps[last + 1] if last + 1 < len(gaps) else (range(ups, ups), range(downs, downs))
    left, right = whole[0].start - before[0].stop, after[0].start - whole[0].stop
    for more in range(_MOST_WIDENED + 1):
        sides = {(more, 0), (0, more)} if more else {(0, 0)}
        for low, high in sorted(sides):
            if low <= left and high <= right:
                yield (
                    range(whole[0].start - low, whole[0].stop + high),
                    range(whole[1].start - low, whole[1].stop + high),
                )


def _span(first: Gap, last: Gap) -> Gap:
    return range(first[0].start, last[0].stop), range(first[1].start, last[1].stop)


def _is_open(gap: Gap, up: Sequence[Piece], down: Sequence[Piece]) -> bool:
    """Whether a gap lacks chunks, or has others that are not those of the other side."""
    return bool(gap[0]) and not (gap[1] and _is_cut(*gap, up, down))


def _is_cut(
    ups: range,
    downs: range,
    up: Sequence[Piece],
    down: Sequence[Piece],
    astray: float | None = None,
    *,
    adds: bool = True,
) -> bool:
    before, after = up[ups.start : ups.stop], down[downs.start : downs.stop]
    found = by_sums(before, after) if before and after else None
    if found is None or found.missing or (found.added and not adds):
        return False
    count = min(len(before), len(after))
    return is_orderly(found, count) if astray is None else found.astray <= astray * count


class _Remade(NamedTuple):
    """What one gap is: passages by position downstream, and positions upstream of what is missing."""

    passages: dict[int, Passage]
    lost: list[int]


def _remade(up: Sequence[Piece], down: Sequence[Piece]) -> _Remade:
    """Return what the chunks in one gap are, as far as the chunks upstream in it were remade into them."""
    if not up or not down:
        return _Remade({}, list(range(len(up))))
    if len(up) == len(down) and (len(up) == 1 or not _are_other_cuts(up, down)):
        changed = enumerate(zip(up, down, strict=True))
        return _Remade({at: Passage(new.seq, Fate.CHANGED, old.seq, old.seq) for at, (old, new) in changed}, [])
    found = by_sums(up, down)
    if found is not None and is_orderly(found, min(len(up), len(down))):
        return _Remade(
            {at: cut(piece, found, up) for at, piece in enumerate(down) if at not in found.added}, found.missing
        )
    known = {piece.digest for piece in up}
    if any(piece.digest in known for piece in down) or len(down) > 2 * len(up):
        return _Remade({}, list(range(len(up))))
    replaced = Fate.REPLACED, up[0].seq, up[-1].seq
    return _Remade({at: Passage(piece.seq, *replaced) for at, piece in enumerate(down)}, [])


def _are_other_cuts(up: Sequence[Piece], down: Sequence[Piece]) -> bool:
    """Whether as many chunks have the same bytes, cut at other places, or fewer of them have."""
    found = by_sums(up, down)
    alike = all(old.size == new.size for old, new in zip(up, down, strict=True))
    return found is not None and not found.missing and not alike


def _moved(
    up: Sequence[Piece], down: Sequence[Piece], found: dict[int, Passage], lost: Sequence[int], put_in: Sequence[int]
) -> list[int]:
    """Record a chunk as moved that is missing at one place and put in at another; return the rest of the missing.

    A chunk among words of the stage's own is one of these.
    """
    known = {piece.digest for piece in up}
    own = {j for a, b in _runs(put_in) if any(down[j].digest not in known for j in range(a, b)) for j in range(a, b)}
    waiting: dict[str, list[int]] = {}
    for j in (j for j in reversed(put_in) if j not in own):
        waiting.setdefault(down[j].digest, []).append(j)
    left: list[int] = []
    for i in lost:
        if places := waiting.get(up[i].digest):
            j = places.pop()
            of = down[j - 1].seq if j else down[1].seq
            found[j] = Passage(down[j].seq, Fate.MOVED, up[i].seq, up[i].seq, of)
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
    """Finds which earlier chunks a run of chunks repeats."""

    def __init__(self, up: Sequence[Piece], down: Sequence[Piece], matched: Pairs) -> None:
        self._up, self._down = up, down
        self._emitted = dict(matched)
        self._ends = [j for _, j in matched]
        self._matched = matched
        self._places: dict[str, list[int]] = {}
        for i, _ in matched:
            self._places.setdefault(up[i].digest, []).append(i)

    def explain(self, start: int, end: int) -> dict[int, Passage]:
        """Return what the chunks of one run are, by position; the run ends before `end`."""
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
        return Passage(self._down[j].seq, Fate.DOUBLED, again, again, self._down[self._emitted[i]].seq)

    def _early(self, j: int, handed_on: int) -> Passage:
        """A chunk that repeats no earlier one may be the first of two, if the matching took the second."""
        following = (i for i, _ in self._matched[handed_on : handed_on + _NEAR])
        same = next((i for i in following if self._up[i].digest == self._down[j].digest), None)
        return Passage(self._down[j].seq, Fate.ADDED) if same is None else self._again(j, same)

    def _longest(self, start: int, end: int, latest: int) -> tuple[int, int]:
        """Return how many chunks of the run's beginning were handed on before, and where they begin upstream."""
        best = (0, 0)
        places = self._places.get(self._down[start].digest, [])
        handed_on = bisect_right(places, latest)
        # A chunk most likely repeats a near one. An answer that is handed on again repeats its beginning.
        for at in dict.fromkeys(
            [*places[max(handed_on - _NEAREST, 0) : handed_on][::-1], *places[: min(handed_on, _EARLIEST)]]
        ):
            size = 0
            while start + size < end and at + size <= latest and self._is(at + size, start + size):
                size += 1
            best = max(best, (size, at))
            if start + size == end:
                break
        return best

    def _is(self, i: int, j: int) -> bool:
        return i in self._emitted and self._up[i].digest == self._down[j].digest
