"""The flow between two stages: of several explanations, the one that leaves least unexplained."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Final

import msgspec

from otel_sse.diagnosis.alignment.by_digest import by_digests
from otel_sse.diagnosis.alignment.by_range import by_ranges
from otel_sse.diagnosis.alignment.by_sums import by_sums, is_orderly
from otel_sse.diagnosis.alignment.channels import Kept, choices
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Passage, Piece
from otel_sse.diagnosis.alignment.ranges import Ranges
from otel_sse.stream.channels import is_beside

_ALIKE: Final = 3
"""Equal chunks on both sides, at least, from which a text is not cut anew as a whole."""


_TEXT: Final = 4
"""What a text that is left out counts: one of several choices, or of several blocks."""

_RUN: Final = 2
"""What a run of chunks that a stage adds counts at most."""

_CUTS: Final = 8
"""Chunks that were cut anew which count as one. Their bytes fit, which says less than that they are equal."""

_SPLITS: Final = 2
"""Chunks upstream that were cut in two which count as one."""


def flow(up: Sequence[Piece], down: Sequence[Piece], recorded: Ranges, *, counted: bool = False) -> Flow:
    """Return the flow that was recorded, where it fits; else the flow that contents show best.

    A stage records for each chunk an equal one that had arrived and was not yet matched. Among identical chunks that
    can be the wrong one. So where the recorded flow has damage, it competes with those that contents show, and the one
    that leaves least unexplained is returned. A stage may leave whole channels out, so each of these flows is also
    tried with only some of the channels upstream.

    Args:
        up: Content upstream, in order.
        down: Content downstream, in order.
        recorded: The ranges that the chunks carry; {} where they carry none.
        counted: Whether the ranges are the sender's own numbers, which name a chunk for certain.
    """
    known = {piece.digest for piece in up}
    digests = {piece.seq: piece.digest for piece in down}
    carried = by_ranges(up, down, recorded, recorded=True) if recorded else None
    if carried is not None and (not carried.damage or (counted and _fits(carried, known, digests))):
        return carried
    before, after = ({piece.seq: piece for piece in pieces} for pieces in (up, down))
    best: Flow | None = None
    least: _Unexplained | None = None
    for kept in choices(up, down):
        for found in _flows(up, down, recorded, kept):
            unexplained = _unexplained(found, before, after)
            if least is None or unexplained < least:
                best, least = found, unexplained
        if least is not None and not least[1] and least[0] <= 1:
            break
    if best is None:  # pragma: no cover - the first choice has a flow
        raise AssertionError
    _take_first(best.passages, {piece.seq: _in_channel(piece).digest for piece in down})
    return _exchanged(best)


def _flows(up: Sequence[Piece], down: Sequence[Piece], recorded: Ranges, kept: Kept) -> Iterator[Flow]:
    """Yield the flows of some channels, with the chunks of the others as left out."""
    chosen = [piece for piece in up if piece.channel in kept]
    rest = frozenset(piece.seq for piece in up if piece.channel not in kept)
    seqs = [piece.seq for piece in chosen]
    for found in _of_channels(chosen, down, recorded):
        if rest:
            found.left_out = rest
            found.lost = sorted({*found.lost, *rest})
            found.passages = [_within(passage, seqs) for passage in found.passages]
        yield found


def _within(passage: Passage, seqs: Sequence[int]) -> Passage:
    """Return a passage whose range begins and ends with chunks of the channels that are handed on."""
    start, end = bisect_left(seqs, passage.first), bisect_right(seqs, passage.last)
    # The numbers of a damaged trace may not rise.
    return passage._replace(first=seqs[start], last=seqs[end - 1]) if passage.first and start < end else passage


def _of_channels(up: Sequence[Piece], down: Sequence[Piece], recorded: Ranges) -> Iterator[Flow]:
    if recorded:
        carried = by_ranges(up, down, recorded, recorded=True)
        yield _balanced(carried, up, {piece.seq: piece.digest for piece in down})
    alike = False
    for found in _by_content(up, down):
        same = sum(passage.fate == Fate.SAME for passage in found.passages)
        alike = alike or same >= max(_ALIKE, min(len(up), len(down)) / 2)
        yield found
    if by_bytes := _by_sums(up, down, alike=alike):
        yield by_bytes


def _by_content(up: Sequence[Piece], down: Sequence[Piece]) -> Iterator[Flow]:
    """Yield the flow by digests. Where both sides name the same channels, also the flow within each channel."""
    before, after = ({piece.channel for piece in pieces} for pieces in (up, down))
    found = by_digests(up, down)
    yield found
    if len(before) > 1 and after <= before and found.damage:
        yield by_digests(*([_in_channel(piece) for piece in pieces] for pieces in (up, down)))


def _by_sums(up: Sequence[Piece], down: Sequence[Piece], *, alike: bool) -> Flow | None:
    """Return the flow of a text that was cut anew as a whole; None where its bytes do not show that it was.

    Where many chunks are alike on both sides, a few were added or are missing, and the rest was not cut anew.
    """
    found = by_sums(up, down)
    if found is None or not is_orderly(found, min(len(up), len(down))) or (alike and (found.added or found.missing)):
        return None
    flow = by_ranges(up, down, found.ranges, recorded=False)
    flow.doubtful = frozenset(flow.lost)
    return flow


def _in_channel(piece: Piece) -> Piece:
    return piece._replace(digest=f"{piece.digest} {piece.channel}")


def _balanced(found: Flow, up: Sequence[Piece], digests: Mapping[int, str]) -> Flow:
    """Record a chunk as moved where one is repeated and an equal one is missing.

    A stage that hands on identical chunks out of order records the wrong one for some of them.
    """
    missing: dict[str, list[int]] = {}
    lost = set(found.lost)
    for piece in up:
        if piece.seq in lost:
            missing.setdefault(piece.digest, []).append(piece.seq)
    passages = list(found.passages)
    own = _own_words(passages, {piece.digest for piece in up}, digests)
    for n, passage in enumerate(passages):
        if (
            n not in own
            and passage.fate in (Fate.DOUBLED, Fate.ADDED)
            and (waiting := missing.get(digests[passage.seq]))
        ):
            first = waiting.pop(0)
            lost.discard(first)
            passages[n] = Passage(passage.seq, Fate.MOVED, first, first, passages[n - 1].seq if n else passage.seq)
    left = [seq for seq in found.lost if seq in lost]
    return msgspec.structs.replace(found, passages=passages, lost=left)


def _own_words(passages: Sequence[Passage], known: Container[str], digests: Mapping[int, str]) -> set[int]:
    """The positions of chunks that stand among others which are nowhere upstream: a stage's own text."""
    own: set[int] = set()
    for is_more, run in groupby(enumerate(passages), key=lambda each: each[1].fate in (Fate.DOUBLED, Fate.ADDED)):
        block = list(run)
        if is_more and any(digests[passage.seq] not in known for _, passage in block):
            own.update(n for n, _ in block)
    return own


def _exchanged(found: Flow) -> Flow:
    """Record chunks as changed that stand where as many are missing: the stage made the one of the other.

    Upstream 1-3 are `a b c`; downstream are `a`, then `X` that is added, then `c`; 2 is missing: `X` is 2, changed.
    """
    passages, lost = list(found.passages), set(found.lost) - found.left_out
    end = 0
    for is_added, run in groupby(found.passages, key=lambda passage: passage.fate == Fate.ADDED):
        start, end = end, end + len(list(run))
        if not is_added or not start or end == len(passages):
            continue
        between = range(passages[start - 1].last + 1, passages[end].first)
        missing = sorted(seq for seq in lost if seq in between)
        if len(missing) == end - start:
            for n, seq in zip(range(start, end), missing, strict=True):
                passages[n] = Passage(passages[n].seq, Fate.CHANGED, seq, seq)
            lost.difference_update(missing)
    left = [seq for seq in found.lost if seq in lost or seq in found.left_out]
    return msgspec.structs.replace(found, passages=passages, lost=left)


def _take_first(passages: list[Passage], digests: Mapping[int, str]) -> None:
    """Of identical neighbours, call the first one moved: it stands in the wrong place."""
    for n, late in enumerate(passages):
        at = n
        while late.fate == Fate.MOVED and at and _may_be(passages[at - 1], late, digests):
            passages[at] = passages[at - 1]._replace(seq=passages[at].seq)
            at -= 1
        if at < n:
            passages[at] = late._replace(seq=passages[at].seq, of=passages[at - 1].seq if at else passages[1].seq)


def _may_be(before: Passage, late: Passage, digests: Mapping[int, str]) -> bool:
    return before.fate == Fate.SAME and before.first > late.first and digests[before.seq] == digests[late.seq]


def _fits(found: Flow, known: Container[str], digests: Mapping[int, str]) -> bool:
    """Whether the recorded flow explains each chunk that is known upstream."""
    return all(
        passage.fate != Fate.REPLACED
        and (passage.fate not in (Fate.ADDED, Fate.CHANGED) or digests[passage.seq] not in known)
        for passage in found.passages
    )


_Unexplained = tuple[int, int, int, int, bool]


def _unexplained(found: Flow, before: Mapping[int, Piece], after: Mapping[int, Piece]) -> _Unexplained:
    """Return how much a flow leaves unexplained: damage, damage to chunks, chunks of another channel, and places.

    A channel that is left out is one damage, however long it is, and none to its chunks; a text counts more. So is a
    run of chunks that a stage adds.
    """
    known = {piece.digest for piece in before.values()}
    strange = sum(p.fate == Fate.ADDED and after[p.seq].digest in known for p in found.passages)
    strange += sum(_repeats(p, b, after) for b, p in pairwise(found.passages))
    astray = sum(p.fate == Fate.SAME and after[p.seq].channel != before[p.first].channel for p in found.passages)
    omitted = sum(1 if is_beside(each) else _TEXT for each in {before[seq].channel for seq in found.left_out})
    fates = [passage.fate for passage in found.passages]
    runs = sum(b == Fate.ADDED != a for a, b in pairwise([Fate.SAME, *fates]))
    added = fates.count(Fate.ADDED)
    missing = len(found.doubtful - found.left_out)
    damage = (
        found.damage - len(found.left_out) - added - missing + min(_RUN * runs, added) + min(_RUN, missing) + strange
    )
    damage += fates.count(Fate.REFRAMED) // _CUTS + _splits(found.passages) // _SPLITS
    return damage + omitted, damage, astray, _places(found.passages), not found.recorded


def _repeats(passage: Passage, before: Passage, after: Mapping[int, Piece]) -> bool:
    """Whether a changed chunk equals the one before it: that one is likelier to have come twice."""
    return passage.fate == Fate.CHANGED and after[passage.seq].digest == after[before.seq].digest


def _splits(passages: Sequence[Passage]) -> int:
    """Return how many chunks upstream were cut in two. Who puts pieces together cuts few."""
    cut = (Fate.SAME, Fate.REFRAMED)
    return sum(b.first == a.last and a.fate in cut and b.fate in cut for a, b in pairwise(passages))


def _places(passages: Sequence[Passage]) -> int:
    """Return in how many places there is damage. Repetitions with the same lag are one place, wherever they stand."""
    before, lag, places = Passage(0, Fate.SAME), 0, 0
    for passage in passages:
        if passage.fate == Fate.DOUBLED:
            places += passage.seq - passage.of != lag
            lag = passage.seq - passage.of
        elif passage.fate not in (Fate.SAME, Fate.REFRAMED):
            places += passage.fate != before.fate or passage.first != before.last + 1
        before = passage
    return places
