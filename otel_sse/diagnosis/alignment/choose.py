"""What became of each piece of content between two stages, explained in the simplest way that the chunks allow."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from otel_sse.diagnosis.alignment.by_digest import by_digests
from otel_sse.diagnosis.alignment.by_range import by_ranges, cut_anew
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


def flow(up: Sequence[Piece], down: Sequence[Piece], recorded: Ranges, *, counted: bool = False) -> Flow:
    """Return what became of each piece of content, by what was recorded where that fits, else by content.

    Within a process a stage records what its chunks equal among those that had come and were not yet taken, which can
    be another one than it was. So where not all is in order, the explanation that leaves least to explain is taken.

    Args:
        up: Content upstream, in order.
        down: Content downstream, in order.
        recorded: Which upstream numbers downstream ones were made from, as carried with the chunks; {} where nothing
            was.
        counted: Whether the sender's own numbers were carried, which say for certain which chunk it was.
    """
    known = {piece.digest for piece in up}
    digests = {piece.seq: piece.digest for piece in down}
    carried = by_ranges(up, down, recorded, recorded=True) if recorded else None
    if carried is not None and (not carried.damage or (counted and _fits(carried, known, digests))):
        return carried
    found = [] if carried is None else [_balanced(carried, up, digests)]
    found += _by_content(up, down)
    if ranges := cut_anew(up, down):
        found.append(by_ranges(up, down, ranges, recorded=False))
    before, after = ({piece.seq: piece for piece in pieces} for pieces in (up, down))
    best = min(found, key=lambda each: (_unexplained(each, known, before, after), 0 if each.recorded else 1))
    _take_first(best.passages, {piece.seq: _in_channel(piece).digest for piece in down})
    return best


def _by_content(up: Sequence[Piece], down: Sequence[Piece]) -> list[Flow]:
    """The flows that equal contents tell of: across channels, and within them where both sides name them alike."""
    before, after = ({piece.channel for piece in pieces} for pieces in (up, down))
    found = [by_digests(up, down)]
    if len(before) > 1 and after <= before and found[0].damage:
        found.append(by_digests(*([_in_channel(piece) for piece in pieces] for pieces in (up, down))))
    return found


def _in_channel(piece: Piece) -> Piece:
    return piece._replace(digest=f"{piece.digest} {piece.channel}")


def _balanced(found: Flow, up: Sequence[Piece], digests: Mapping[int, str]) -> Flow:
    """Take a chunk that is one too many, and an equal one that is missing, for one that moved.

    A stage that hands equal chunks on out of order has said of some that they were another.
    """
    missing: dict[str, list[int]] = {}
    lost = set(found.lost)
    for piece in up:
        if piece.seq in lost:
            missing.setdefault(piece.digest, []).append(piece.seq)
    passages = list(found.passages)
    for n, passage in enumerate(passages):
        if passage.what in (AGAIN, ADDED) and (waiting := missing.get(digests[passage.seq])):
            first = waiting.pop(0)
            lost.discard(first)
            passages[n] = Passage(passage.seq, MOVED, first, first, passages[n - 1].seq if n else passage.seq)
    return Flow(passages, [seq for seq in found.lost if seq in lost], found.recorded)


def _take_first(passages: list[Passage], digests: Mapping[int, str]) -> None:
    """Of equal neighbours, call the first the one that came late: it stands in the wrong place."""
    for n, late in enumerate(passages):
        at = n
        while late.what == MOVED and at and _may_be(passages[at - 1], late, digests):
            passages[at] = passages[at - 1]._replace(seq=passages[at].seq)
            at -= 1
        if at < n:
            passages[at] = late._replace(seq=passages[at].seq, of=passages[at - 1].seq if at else passages[1].seq)


def _may_be(before: Passage, late: Passage, digests: Mapping[int, str]) -> bool:
    return before.what == SAME and before.first > late.first and digests[before.seq] == digests[late.seq]


def _fits(found: Flow, known: Container[str], digests: Mapping[int, str]) -> bool:
    """Whether what was recorded leaves nothing to be explained otherwise."""
    return all(
        passage.what != REPLACED and (passage.what not in (ADDED, CHANGED) or digests[passage.seq] not in known)
        for passage in found.passages
    )


def _unexplained(
    found: Flow, known: Container[str], before: Mapping[int, Piece], after: Mapping[int, Piece]
) -> tuple[int, int, int]:
    """How much an explanation leaves open: chunks that are not as they were, that changed channel, and their places."""
    strange = sum(p.what in (ADDED, CHANGED) and after[p.seq].digest in known for p in found.passages)
    astray = sum(p.what == SAME and after[p.seq].channel != before[p.first].channel for p in found.passages)
    return found.damage + strange, astray, _places(found.passages)


def _places(passages: Sequence[Passage]) -> int:
    """In how many places something is not as it was. Repetitions that lag alike are one, wherever they stand."""
    before, lag, places = Passage(0, SAME), 0, 0
    for passage in passages:
        if passage.what == AGAIN:
            places += passage.seq - passage.of != lag
            lag = passage.seq - passage.of
        elif passage.what not in (SAME, REFRAMED):
            places += passage.what != before.what or passage.first != before.last + 1
        before = passage
    return places
