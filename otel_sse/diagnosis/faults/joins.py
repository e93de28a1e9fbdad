"""Stages with several upstream stages: a chunk that arrives on two paths, and an end that is sent twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.faults.fault import Fault, fault_at
from otel_sse.diagnosis.trace.edge import Descent
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CONTENT, Chunk
from otel_sse.stream.kinds import DOUBLED, TERMINAL

Origins = dict[int, tuple[int, int]]
"""Number of a chunk → its number at an earlier stage, and the position of the upstream stage that it came through."""


def doubled_by_two_ways(stream: TraceStream) -> list[Fault]:
    """Return the faults of stages that got the same chunk from two upstream stages, because two paths push it.

    Each path hands its chunks on once, so no single edge shows the fault. The stage from which both paths start does.

    Args:
        stream: The stream.
    """
    joins = [n for n, ups in enumerate(stream.upstream) if len(ups) > 1]
    return [fault for n in joins if (fault := _doubled(stream, n)) is not None]


def _doubled(stream: TraceStream, position: int) -> Fault | None:
    for ancestor in range(position - 1, -1, -1):
        found = _origins(stream, position, ancestor)
        first: Origins = {}
        again: dict[int, int] = {}
        for seq in sorted(found):
            origin, feed = found[seq]
            before = first.setdefault(origin, (seq, feed))
            if before[1] != feed:
                again[seq] = before[0]
        if again:
            return _fault(stream, position, ancestor, again, found)
    return None


def _fault(stream: TraceStream, position: int, ancestor: int, again: dict[int, int], found: Origins) -> Fault:
    stage = stream.stages[position]
    seq, of = next(iter(again.items()))
    origin = found[seq][0]
    digest = stage.by_seq[seq].digest
    ways = [_way(stream, found[each][1]) for each in (of, seq)]
    many = f"; {len(again)} chunks so" if len(again) > 1 else ""
    return fault_at(
        stream,
        position,
        DOUBLED,
        f"{seq} is {of} again: both are {origin} of {stream.stages[ancestor].label}, digest {digest}{many}",
        upstream=found[seq][1],
        certain=position not in stream.orphans,
        seqs=again,
        of=again.values(),
        origin=f"emitted by {ways[0]} and by {ways[1]}",
    )


def _way(stream: TraceStream, position: int) -> str:
    stage = stream.stages[position]
    return f"{stage.label} ({stage.source})" if stage.source else stage.label


def _origins(stream: TraceStream, position: int, ancestor: int) -> Origins:
    """The chunks of a stage that equal one of an earlier stage, on whichever path they came."""
    found: Origins = {}
    for up in stream.upstream[position]:
        back = _back(stream, up, ancestor)
        for seq, parent in _same(stream.descents[up, position]).items():
            if parent in back:
                found[seq] = back[parent], up
    return found


def _back(stream: TraceStream, position: int, ancestor: int) -> dict[int, int]:
    if position == ancestor:
        return {seq: seq for seq in stream.stages[position].by_seq}
    found: dict[int, int] = {}
    for up in stream.upstream[position] if position > ancestor else ():
        back = _back(stream, up, ancestor)
        found.update({seq: back[p] for seq, p in _same(stream.descents[up, position]).items() if p in back})
    return found


def _same(edge: Descent) -> dict[int, int]:
    return {passage.seq: passage.first for passage in edge.flow.passages if passage.fate == Fate.SAME}


def _ends_right_behind_another(chunks: Iterable[Chunk]) -> set[int]:
    """Return the ends before which nothing was said since the end before."""
    found: set[int] = set()
    has_ended = False
    for chunk in chunks:
        if chunk.done and has_ended:
            found.add(chunk.seq)
        has_ended = chunk.done or (has_ended and chunk.kind != CONTENT)
    return found


def ends_sent_twice(stream: TraceStream) -> Iterator[Fault]:
    """Yield the faults of stages that sent the same end more often than they got it, with nothing said in between.

    Args:
        stream: The stream.
    """
    for position, ups in enumerate(stream.upstream):
        if len(ups) != 1:
            continue
        stage, before = stream.stages[position], stream.stages[ups[0]]
        ends = [chunk for chunk in stage.chunks if chunk.done]
        doubled = _ends_right_behind_another(stage.chunks)
        for end in {chunk.digest: chunk for chunk in reversed(ends)}.values():
            seqs = [chunk.seq for chunk in ends if chunk.digest == end.digest]
            came = sum(chunk.done and chunk.digest == end.digest for chunk in before.chunks)
            # An end behind which more was said before it came again was another answer's: a conversation has several.
            again = tuple(seq for seq in seqs[max(came, 1) :] if seq in doubled)
            if again and before.chunks:
                evidence = f"the end at {end.seq} and again at {again[0]}, digest {end.digest}"
                of = (end.seq,) * len(again)
                yield fault_at(stream, position, TERMINAL, evidence, upstream=ups[0], seqs=again, of=of)
