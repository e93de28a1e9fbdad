"""How a chunk that is not simply the next one claims its upstream chunks, of one source or of several. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from otel_sse import limits
from otel_sse.lineage.pending import Crossings
from otel_sse.stream.chunk import CONTENT, Chunk

NEXT: Final = "next"
"""The oldest pending chunk."""
LATE: Final = "late"
"""A chunk that was skipped a moment ago."""
NEAR: Final = "near"
"""A pending chunk a few chunks ahead; those before it are skipped."""
PASSED: Final = "passed"
"""A chunk that was claimed a moment ago, so that it is claimed twice."""
BACK: Final = "back"
"""The first of several chunks that seemed to be skipped; the others are pending again."""
FAR: Final = "far"
"""A pending chunk further ahead."""
RESUMED: Final = "resumed"
"""A chunk within a source that begins: the stage has what comes before it, from the source that broke off."""
SUM: Final = "sum"
"""Neighbours that have as many bytes together: it was merged from them."""
ANEW: Final = "anew"
"""All pending chunks: it equals none of them."""

Claim = tuple[Crossings, int, str]
"""The source; when the last claimed chunk crossed there, in nanoseconds, 0 for none; and how it was claimed."""


def claim(
    chunk: Chunk,
    upstream: Crossings,
    others: Sequence[Crossings],
    rewrites: bool,
    *,
    repeats: bool = False,
    size: int = 0,
) -> Claim:
    """Find the upstream chunks of a chunk that is not simply the next one, and write their numbers on it.

    Args:
        chunk: The chunk.
        upstream: The source that its stage has taken chunks from so far.
        others: Other sources that the stage may take chunks from.
        rewrites: Whether the stage may change content. Then a chunk is likelier to be made anew from pending chunks,
            or to be a further piece of the last ones, than to repeat an equal one.
        repeats: Whether the chunk is a known repeat. It then claims the next pending chunk, which may repeat it too, or
            an earlier one, and never one further ahead.
        size: Bytes of its content; 0 where that is not known.

    Returns:
        The source, the time and how it was claimed: one of `NEXT`, `LATE`, `NEAR`, `PASSED`, `BACK`, `FAR`, `RESUMED`,
        `SUM`, `ANEW`.
    """
    # A chunk without content (an end mark) looks the same in every source, so it does not say which one it is from.
    every = (upstream, *others) if chunk.kind == CONTENT else (upstream,)
    if chunk.kind == CONTENT and others and (resumed := _resumed(chunk, upstream, others)):
        return resumed
    for crossings in every:
        if time_ns := crossings.claim_alike(chunk):
            return crossings, time_ns, NEXT
    if repeats:
        return _repeated(chunk, upstream, every[1:])
    if not rewrites and (time_ns := upstream.take_back(chunk)):
        return upstream, time_ns, BACK
    return _equal(chunk, upstream, every, rewrites) or _made(chunk, upstream, every, size)


def _resumed(chunk: Chunk, upstream: Crossings, others: Sequence[Crossings]) -> Claim | None:
    """Claim a chunk within a source that begins, if what comes before it there was handed on from the one before."""
    for crossings in others:
        pending = [] if crossings.latest else crossings.pending
        at = next((at for at, one in enumerate(pending) if at and _goes_on(chunk, one, pending[:at], upstream)), 0)
        if at:
            time_ns = crossings.claim_ahead(chunk, at)
            crossings.taken = crossings.taken[-1:]
            return crossings, time_ns, RESUMED
    return None


def _goes_on(chunk: Chunk, one: Chunk, before: Sequence[Chunk], upstream: Crossings) -> bool:
    if one.digest != chunk.digest or one.kind != CONTENT:
        return False
    if one.acc_len == chunk.acc_len:
        return any(each.kind == CONTENT for each in before)
    there = [each.digest for each in before if each.kind == CONTENT and each.channel == one.channel]
    here = [each.digest for each, by in upstream.recent if by is not None and each.channel == one.channel]
    count = min(len(there), len(here))
    return count > 0 and there[-count:] == here[-count:]


def _repeated(chunk: Chunk, upstream: Crossings, others: Sequence[Crossings]) -> Claim:
    for crossings in others:
        # A second call may count its chunks, or name them, as the first one did.
        if time_ns := crossings.claim_next(chunk):
            crossings.comes_again = True
            return crossings, time_ns, NEXT
    found = upstream.behind(chunk)
    return upstream, 0 if found is None else upstream.claim_behind(chunk, found[1]), PASSED


def _equal(chunk: Chunk, upstream: Crossings, every: Sequence[Crossings], rewrites: bool) -> Claim | None:
    """Claim the nearest equal chunk of the likeliest channel; at equal distance a pending one before an earlier one."""
    found: list[tuple[int, bool, int, bool, int, int, Crossings]] = []
    looks_back = not (rewrites and (upstream.waits or upstream.in_pieces))
    for n, crossings in enumerate(every):
        if ahead := crossings.ahead(chunk, limits.MAX_WAITING_CROSSINGS):
            strange, distance, count = ahead
            far = distance > limits.MAX_RECENT_CROSSINGS
            found.append((strange, far, distance, False, n, count, crossings))
        if looks_back and (behind := crossings.behind(chunk)):
            strange, back = behind
            found.append((strange, False, back, True, n, back, crossings))
    if not found:
        return None
    _, far, _, is_behind, _, count, crossings = min(found, key=_order)
    if is_behind:
        time_ns = crossings.claim_behind(chunk, count)
        return crossings, time_ns, LATE if crossings.again is None else PASSED
    how = FAR if far else NEAR if count else NEXT
    return crossings, crossings.claim_ahead(chunk, count), how


def _order(found: tuple[int, bool, int, bool, int, int, Crossings]) -> tuple[int, bool, int, bool, int]:
    return found[:5]


def _made(chunk: Chunk, upstream: Crossings, every: Sequence[Crossings], size: int) -> Claim:
    for crossings in every:
        if time_ns := crossings.claim_sum(chunk, size):
            return crossings, time_ns, SUM
    return upstream, upstream.claim_rest(chunk), ANEW
