"""The flow between two stages: of several explanations, the one that leaves least unexplained."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from otel_sse.diagnosis.alignment.by_digest import by_digests
from otel_sse.diagnosis.alignment.by_range import by_ranges, cut_anew
from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Passage, Piece
from otel_sse.diagnosis.alignment.ranges import Ranges


def flow(up: Sequence[Piece], down: Sequence[Piece], recorded: Ranges, *, counted: bool = False) -> Flow:
    """Return the flow that was recorded, where it fits; else the flow that contents show best.

    A stage records for each chunk an equal one that had arrived and was not yet matched. Among identical chunks that
    can be the wrong one. So where the recorded flow has damage, it competes with those that contents show, and the one
    that leaves least unexplained is returned.

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
    found = [] if carried is None else [_balanced(carried, up, digests)]
    found += _by_content(up, down)
    if ranges := cut_anew(up, down):
        found.append(by_ranges(up, down, ranges, recorded=False))
    before, after = ({piece.seq: piece for piece in pieces} for pieces in (up, down))
    best = min(found, key=lambda each: (_unexplained(each, known, before, after), 0 if each.recorded else 1))
    _take_first(best.passages, {piece.seq: _in_channel(piece).digest for piece in down})
    return best


def _by_content(up: Sequence[Piece], down: Sequence[Piece]) -> list[Flow]:
    """Return the flow by digests. Where both sides name the same channels, add the flow within each channel."""
    before, after = ({piece.channel for piece in pieces} for pieces in (up, down))
    found = [by_digests(up, down)]
    if len(before) > 1 and after <= before and found[0].damage:
        found.append(by_digests(*([_in_channel(piece) for piece in pieces] for pieces in (up, down))))
    return found


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
    for n, passage in enumerate(passages):
        if passage.fate in (Fate.DOUBLED, Fate.ADDED) and (waiting := missing.get(digests[passage.seq])):
            first = waiting.pop(0)
            lost.discard(first)
            passages[n] = Passage(passage.seq, Fate.MOVED, first, first, passages[n - 1].seq if n else passage.seq)
    return Flow(passages, [seq for seq in found.lost if seq in lost], found.recorded)


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


def _unexplained(
    found: Flow, known: Container[str], before: Mapping[int, Piece], after: Mapping[int, Piece]
) -> tuple[int, int, int]:
    """Return how much a flow leaves unexplained: damaged chunks, chunks of another channel, and places of damage."""
    strange = sum(p.fate in (Fate.ADDED, Fate.CHANGED) and after[p.seq].digest in known for p in found.passages)
    astray = sum(p.fate == Fate.SAME and after[p.seq].channel != before[p.first].channel for p in found.passages)
    return found.damage + strange, astray, _places(found.passages)


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
