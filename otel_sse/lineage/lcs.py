"""Two sequences of digests, matched in order: which element downstream is which element upstream.

The longest common subsequence by bit vectors. One row of the table is one integer with a bit for each element upstream,
and Python adds such integers many bits at a time. Ten thousand elements against as many take a tenth of a second,
whatever repeats.

Source: Crochemore, Iliopoulos, Pinzon, Reid: A fast and practical bit-vector algorithm for the longest common
subsequence problem (2001); Hirschberg: A linear space algorithm for computing maximal common subsequences (1975).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

Pairs = list[tuple[int, int]]
"""Position upstream and position downstream of each match, both rising."""

_MAX_TABLE_BITS: Final = 800_000_000
"""Bits of the largest table that is kept whole: 100 MB, 20,000 elements against 40,000. A larger one is halved."""

_SHORTEST_REPLAY: Final = 4
"""Inserted elements from which a match is moved so that they stay together."""


# Worked example, without the shortcuts for what both have in common at their ends: up `a b c d`, down `a b d`.
#
#   rows      of the reversed sequences, `d c b a` and `d b a`, with the bit of `d` on the right:
#             after d      1110   0 at d: one element in common
#             after d b    1010   0 at d and b: two
#             after d b a  0010   0 at d, b and a: three; 1 at c, which down has not
#   traced    forwards: a = a, match (0, 0); b = b, match (1, 1); c against d: the row after `d` has 1 at c, so that up
#             moves on without it; d = d, match (3, 2)
#
# Out: [(0, 0), (1, 1), (3, 2)]. Position 2 upstream is unmatched: `c` was removed.


def match(upstream: Sequence[str], downstream: Sequence[str]) -> dict[int, int]:
    """Return position downstream → position upstream of elements that are equal and in the same order.

    Equal neighbours downstream of which one is matched are all matched to the same element: `a b` and `a a b` give
    `{0: 0, 1: 0, 2: 1}`.

    Args:
        upstream: Digests in order.
        downstream: Likewise.
    """
    matched = {j: i for i, j in pairs(upstream, downstream)}
    for j in range(1, len(downstream)):
        if j not in matched and downstream[j] == downstream[j - 1] and j - 1 in matched:
            matched[j] = matched[j - 1]
    for j in range(len(downstream) - 2, -1, -1):
        if j not in matched and downstream[j] == downstream[j + 1] and j + 1 in matched:
            matched[j] = matched[j + 1]
    return dict(sorted(matched.items()))


def pairs(upstream: Sequence[str], downstream: Sequence[str]) -> Pairs:
    """Return as many matches of equal elements as there can be in order.

    Of several equal elements downstream the first is matched, so that the unmatched one is the repetition. Elements
    that were removed or inserted together stay together where they can.

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
    """Return where one block was inserted, if that is the only difference; else None.

    Where tokens repeat, several places fit. The first choice is a block that repeats the answer's beginning, the second
    one that repeats what stands right before it.
    """
    size = len(down) - len(up)
    earliest = len(up) - _common(up[::-1], down[::-1])
    if earliest > head or down[::2] == down[1::2] == up:
        # Each element twice is no block, even if tokens repeat so much that it could be one.
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
    # A table is read from its end. Both sequences are reversed, so that the matches come out in order.
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
    """Return how many elements of `up` belong to the first half of `down`."""
    before = _lengths(up, down[:half])
    after = _lengths(up[::-1], down[half:][::-1])[::-1]
    sums = [a + b for a, b in zip(before, after, strict=True)]
    return sums.index(max(sums))


def _lengths(up: Sequence[str], down: Sequence[str]) -> list[int]:
    """Return for each i how many elements up[:i] and `down` have in common."""
    *_, row = _rows(up, down)
    lengths = [0]
    for bit in reversed(f"{row:0{len(up)}b}"):
        lengths.append(lengths[-1] + (bit == "0"))
    return lengths


def _join_left_out(found: Pairs, up: Sequence[str], down: Sequence[str]) -> None:
    """Move single matches that split a removed run: `[p q] a [r a] x` becomes `[p q a r] a x`; brackets are removed."""
    for n in range(len(found) - 2, -1, -1):
        (i, j), (next_i, next_j) = found[n], found[n + 1]
        left_out_before = i > (found[n - 1][0] + 1 if n else 0)
        if left_out_before and next_j == j + 1 and next_i > i + 1 and up[next_i - 1] == up[i]:
            found[n] = next_i - 1, j


def _join_put_in(found: Pairs, up: Sequence[str], down: Sequence[str]) -> None:
    """Move single matches that split an inserted run, if the joined run repeats an earlier one."""
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
    """Move matches to the first of equal runs: `[a b] a b` becomes `a b [a b]`; brackets are unmatched."""
    start = 0
    for n, (i, j) in enumerate(found):
        if start < j and down[start] == down[j]:
            j = start
        while start < j and down[j - 1] == down[j]:
            j -= 1
        found[n] = i, j
        start = j + 1
