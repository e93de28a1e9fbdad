"""Two sequences of digests, matched in order: which element downstream is which upstream.

The longest common subsequence by bit vectors: one row of the table is one whole number with a bit for each element
upstream, and Python adds and compares such numbers 64 bits at a time. Ten thousand elements against as many take a
tenth of a second, whatever repeats.

Source: Crochemore, Iliopoulos, Pinzon, Reid: A fast and practical bit-vector algorithm for the longest common
subsequence problem (2001); Hirschberg: A linear space algorithm for computing maximal common subsequences (1975).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

Pairs = list[tuple[int, int]]
"""Position upstream and position downstream of elements that are the same, both rising."""

_MAX_TABLE_BITS: Final = 800_000_000
"""Bits of a table that is kept whole: 100 MB, 20,000 elements against 40,000. A larger one is halved first."""

_SHORTEST_REPLAY: Final = 4
"""Elements that were put in together, and that a match may be moved for, so that they stay together."""


def match(upstream: Sequence[str], downstream: Sequence[str]) -> dict[int, int]:
    """Return position downstream → position upstream, for elements that are equal and stand in the same order.

    An element may be matched several times: further emissions of it stand right after its first.

    Args:
        upstream: Digests in order.
        downstream: Likewise.
    """
    matched = {j: i for i, j in pairs(upstream, downstream)}
    for j in range(1, len(downstream)):
        if j not in matched and downstream[j] == downstream[j - 1] and j - 1 in matched:
            matched[j] = matched[j - 1]
    return dict(sorted(matched.items()))


def pairs(upstream: Sequence[str], downstream: Sequence[str]) -> Pairs:
    """Return the same elements of both, as many as can be had in order.

    Of several equal ones downstream the first is taken, so that what is left over is the repetition. What was left out
    or put in stays together where it can.

    Args:
        upstream: Digests in order.
        downstream: Likewise.
    """
    head = _common(upstream, downstream)
    if head < len(upstream) < len(downstream) and (at := _put_in_at(upstream, downstream, head)) is not None:
        size = len(downstream) - len(upstream)
        return [(n, n if n < at else n + size) for n in range(len(upstream))]
    rest_up, rest_down = upstream[head:], downstream[head:]
    tail = _common(rest_up[::-1], rest_down[::-1])
    up_end, down_end = len(upstream) - tail, len(downstream) - tail
    found = [(n, n) for n in range(head)]
    found += [(head + i, head + j) for i, j in _longest(upstream[head:up_end], downstream[head:down_end])]
    found += [(up_end + n, down_end + n) for n in range(tail)]
    _join_left_out(found, upstream, downstream)
    _join_put_in(found, upstream, downstream)
    _take_first(found, downstream)
    return found


def _put_in_at(up: Sequence[str], down: Sequence[str], head: int) -> int | None:
    """Where one block was put in, if that is all there is; None if not.

    Where tokens repeat there may be several places. The answer's beginning again is taken first, then what had just
    been there.
    """
    size = len(down) - len(up)
    earliest = len(up) - _common(up[::-1], down[::-1])
    if earliest > head or down[::2] == down[1::2] == up:
        # Each one twice is no block, also where tokens repeat so much that it could be one.
        return None
    places = range(head, earliest - 1, -1)
    for begins in (lambda at: 0, lambda at: at - size):
        for at in places:
            start = begins(at)
            if at >= size and up[start] == down[at] and up[start : start + size] == down[at : at + size]:
                return at
    return head


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    both = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(both) if a != b), min(len(one), len(other)))


def _longest(up: Sequence[str], down: Sequence[str]) -> Pairs:
    if not up or not down:
        return []
    if len(up) * len(down) <= _MAX_TABLE_BITS or len(down) == 1:
        return _traced(up, down)
    half = len(down) // 2
    at = _split(up, down, half)
    later = _longest(up[at:], down[half:])
    return _longest(up[:at], down[:half]) + [(at + i, half + j) for i, j in later]


def _rows(up: Sequence[str], down: Sequence[str]) -> Iterator[int]:
    """The table's rows: bit i of row j is 0 where up[i] lengthens what up[:i] and down[: j + 1] have in common."""
    places: dict[str, int] = {}
    for i, digest in enumerate(up):
        places[digest] = places.get(digest, 0) | 1 << i
    full = (1 << len(up)) - 1
    row = full
    for digest in down:
        equal = row & places.get(digest, 0)
        row = ((row + equal) | (row - equal)) & full
        yield row


def _traced(up: Sequence[str], down: Sequence[str]) -> Pairs:
    # From the end of the table back, so the table is of both sequences backwards and the way goes forwards.
    last_i, last_j = len(up) - 1, len(down) - 1
    rows = list(_rows(up[::-1], down[::-1]))
    found: Pairs = []
    i = j = 0
    while i <= last_i and j <= last_j:
        if up[i] == down[j]:
            found.append((i, j))
            i += 1
            j += 1
        elif rows[last_j - j] >> (last_i - i) & 1:
            i += 1
        else:
            j += 1
    return found


def _split(up: Sequence[str], down: Sequence[str], half: int) -> int:
    """How many of `up` go with the first half of `down`."""
    before = _lengths(up, down[:half])
    after = _lengths(up[::-1], down[half:][::-1])[::-1]
    sums = [a + b for a, b in zip(before, after, strict=True)]
    return sums.index(max(sums))


def _lengths(up: Sequence[str], down: Sequence[str]) -> list[int]:
    """For each i, how many elements up[:i] and `down` have in common."""
    *_, row = _rows(up, down)
    lengths = [0]
    for bit in reversed(f"{row:0{len(up)}b}"):
        lengths.append(lengths[-1] + (bit == "0"))
    return lengths


def _join_left_out(found: Pairs, up: Sequence[str], down: Sequence[str]) -> None:
    """Move single matches that part what was left out: `[p q] a [r a] x` becomes `[p q a r] a x`."""
    for n in range(len(found) - 2, -1, -1):
        (i, j), (next_i, next_j) = found[n], found[n + 1]
        left_out_before = i > (found[n - 1][0] + 1 if n else 0)
        if left_out_before and next_j == j + 1 and next_i > i + 1 and up[next_i - 1] == up[i]:
            found[n] = next_i - 1, j


def _join_put_in(found: Pairs, up: Sequence[str], down: Sequence[str]) -> None:
    """Move single matches that part what was put in, where together it is a run that was there before."""
    for n in range(len(found) - 2, -1, -1):
        (i, j), (next_i, next_j) = found[n], found[n + 1]
        start = found[n - 1][1] + 1 if n else 0
        if start < j and next_i == i + 1 and next_j > j + 1 and down[next_j - 1] == down[j]:
            joined = down[start : next_j - 1]
            if len(joined) >= _SHORTEST_REPLAY and _was_there(up[: i + 1], joined):
                found[n] = i, next_j - 1


def _was_there(up: Sequence[str], run: Sequence[str]) -> bool:
    size = len(run)
    latest = range(len(up) - size, max(len(up) - 2 * size, 0) - 1, -1)
    return any(up[k] == run[0] and up[k : k + size] == run for k in latest)


def _take_first(found: Pairs, down: Sequence[str]) -> None:
    """Move matches to the first of equal runs: `[a b] a b` becomes `a b [a b]`."""
    start = 0
    for n, (i, j) in enumerate(found):
        if start < j and down[start] == down[j]:
            j = start
        while start < j and down[j - 1] == down[j]:
            j -= 1
        found[n] = i, j
        start = j + 1
