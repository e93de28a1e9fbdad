"""Text that was cut anew, found by the sums of its bytes, also where a stage added chunks of its own or lost some."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from otel_sse.diagnosis.alignment.flow import Piece
from otel_sse.diagnosis.alignment.ranges import Ranges

_MOST_TRIED: Final = 48
"""Runs of equal size that are tried as what was added or lost."""

_SHARED: Final = 2
"""Borders that are at the same places, at least, where bytes are missing."""

Run = tuple[int, int]
"""First position, and the position behind the last one."""


class Sums(NamedTuple):
    """How chunks downstream share the bytes of chunks upstream.

    Args:
        ranges: Number downstream → first and last number upstream whose bytes it has.
        added: Positions downstream of chunks that have none of these bytes.
        missing: Positions upstream of chunks whose bytes are in no chunk.
        astray: How many chunks downstream equal a chunk upstream at another place.
        shared: How many chunks downstream, but the last one, end where a chunk upstream ends.
    """

    ranges: Ranges
    added: list[int]
    missing: list[int]
    astray: int
    shared: int


# Worked example. Upstream `The`, ` fog`, ` rose`, `.` (3, 4, 5, 1 bytes), downstream `So: `, `The fog`, ` rose.`
# (4, 7, 6 bytes). 17 bytes came of 13, so 4 are too many. Runs of 4 bytes downstream: the first chunk alone. Without
# it `The fog` has bytes 0 to 7, of chunks 1 and 2, and ` rose.` has 7 to 13, of chunks 3 and 4.
#
# Out: ranges {2: (1, 2), 3: (3, 4)}, added [0], missing [], astray 0, shared 1.


def by_sums(up: Sequence[Piece], down: Sequence[Piece]) -> Sums | None:
    """Return how the bytes of one side are those of the other; None where no way is found.

    Where downstream has more bytes, one run of its chunks, or its beginning and its end, is what the stage added. Where
    it has fewer, one run of chunks upstream is missing. Of several such runs the one is taken that leaves most borders
    of chunks at the same places.

    Args:
        up: Content upstream, in order.
        down: Content downstream, in order.
    """
    before, after = _sizes(up), _sizes(down)
    if not before or not after:
        return None
    more = sum(after) - sum(before)
    if not more:
        return _mapped(up, down, [], [])
    sizes = after if more > 0 else before
    tried = [_without(up, down, runs, added=more > 0) for runs in _runs(sizes, abs(more), both=more > 0)]
    return max((each for each in tried if each is not None), key=_rank, default=None)


def is_orderly(found: Sums, count: int) -> bool:
    """Return whether chunks kept their places. Chunks that changed places are not cut anew.

    That bytes are missing is only believed where many borders of chunks are still at the same places.

    Args:
        found: How the bytes are shared.
        count: How many chunks the shorter side has.
    """
    if found.missing and found.shared < max(_SHARED, len(found.ranges) / 2):
        return False
    return found.astray < max(2, count / 2)


def _sizes(pieces: Sequence[Piece]) -> list[int]:
    """The sizes; [] where one is not known. A damaged trace may have lengths that shrink."""
    sizes = [piece.size for piece in pieces if piece.size is not None and piece.size >= 0]
    return sizes if len(sizes) == len(pieces) else []


def _runs(sizes: Sequence[int], amount: int, *, both: bool) -> Iterator[list[Run]]:
    """Yield the runs that have so many bytes together: one, or with `both` also a beginning and an end."""
    ends = [0, *accumulate(sizes)]
    places: dict[int, list[int]] = {}
    found = 0
    for end, size in enumerate(ends):
        for start in places.get(size - amount, ())[-2:]:
            if end - start < len(sizes) and found < _MOST_TRIED:
                found += 1
                yield [(start, end)]
        places.setdefault(size, []).append(end)
    if not found and both:
        yield from _two_ends(ends, amount)


def _two_ends(ends: Sequence[int], amount: int) -> Iterator[list[Run]]:
    total, count = ends[-1], len(ends) - 1
    starts = {total - size: at for at, size in enumerate(ends)}
    for end, size in enumerate(ends[1:count], 1):
        start = starts.get(amount - size)
        if start is not None and end < start < count:
            yield [(0, end), (start, count)]


def _without(up: Sequence[Piece], down: Sequence[Piece], runs: Sequence[Run], *, added: bool) -> Sums | None:
    gone = [at for start, end in runs for at in range(start, end)]
    return _mapped(up, down, gone, []) if added else _mapped(up, down, [], gone)


def _mapped(up: Sequence[Piece], down: Sequence[Piece], added: list[int], missing: list[int]) -> Sums | None:
    no_up, no_down = set(missing), set(added)
    came = [piece for at, piece in enumerate(up) if at not in no_up]
    went = [piece for at, piece in enumerate(down) if at not in no_down]
    if not came or not went:
        return None
    ends = list(accumulate(piece.size or 0 for piece in came))
    known, gone = {piece.digest for piece in came}, [up[at].seq for at in missing]
    ranges: Ranges = {}
    start = astray = shared = 0
    for piece in went:
        size = piece.size or 0
        if size:
            first, last = bisect_right(ends, start), bisect_right(ends, start + size - 1)
            ranges[piece.seq] = came[first].seq, came[last].seq
            if gone and bisect_right(gone, came[first].seq) != bisect_right(gone, came[last].seq):
                # What is missing is missing between two chunks, and not within one.
                return None
            differs = first != last or came[first].digest != piece.digest
            if differs and first == last and size == came[first].size:
                # It has the place of one chunk, no byte more or less, and is another one.
                return None
            astray += differs and piece.digest in known
            shared += start + size == ends[last] != ends[-1]
        start += size
    return Sums(ranges, added, missing, astray, shared)


def _rank(found: Sums) -> tuple[int, int, int]:
    """The more of the borders are shared, and the fewer chunks are added or missing, the better; the earlier too."""
    gone = found.added or found.missing
    others = len(found.ranges) - 1 - found.shared
    return found.shared - 2 * (others + found.astray), -len(gone), -gone[0]
