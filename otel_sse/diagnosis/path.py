"""The path of one chunk through all stages of a trace: its origin, and its fate at each stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from otel_sse.diagnosis.alignment.fates import GONE, Fate
from otel_sse.diagnosis.faults.edge_fates import EdgeFates, edge_fates
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CONTENT, Chunk

_TELLING = (
    Fate.DOUBLED,
    Fate.MOVED,
    Fate.SPLIT,
    Fate.REPLACED,
    Fate.MERGED,
    Fate.CHANGED,
    Fate.SAME,
    *GONE,
)
"""Fates by importance: of several chunks on one path, the most important fate is shown."""


class Step(msgspec.Struct, frozen=True):
    """One stage of the path.

    Args:
        stage: Position of the stage in its stream.
        chunks: What the chunk was there; () where it never came.
        fate: What became of it between the stage before and this one; `ADDED` where nothing upstream is in it, None
            at the first stage.
        first: First number that this is about: of the chunks it was merged with or replaced with, at the stage
            before; of the chunks it was split into or doubled to, at this one. 0 elsewhere.
        last: Last number, likewise.
        recorded: Whether the stage recorded it; else contents were aligned.
        since_ns: Time since the first step, in nanoseconds; 0 where the chunk never came.
    """

    stage: int
    chunks: tuple[Chunk, ...]
    fate: Fate | None
    first: int
    last: int
    recorded: bool
    since_ns: int


def first_stage_with(stream: TraceStream, seq: int) -> int | None:
    """Return the position of the first stage at which a chunk with this number stands in the trace, or None."""
    return next((n for n, stage in enumerate(stream.stages) if seq in stage.by_seq), None)


def telling_chunk(stream: TraceStream) -> int | None:
    """Return the number, at the first stage, of the first content chunk that did not stay the same; None for none."""
    content = [chunk.seq for chunk in stream.stages[0].chunks if chunk.kind == CONTENT]
    return next((seq for seq in content if any(map(_tells, way(stream, 0, seq)))), None)


def _tells(step: Step) -> bool:
    return step.fate not in (None, Fate.SAME)


def way(stream: TraceStream, stage: int, seq: int) -> list[Step]:
    """Return the steps of one chunk, in the order of the data: what it was made from, itself, what was made from it.

    Args:
        stream: The stream.
        stage: Position of the stage at which the chunk has the number.
        seq: The number.

    Returns:
        A step for each stage that it crossed, and one for each at which it was lost.
    """
    seen = _followed(stream, stage, seq)
    start_ns = min(stream.stages[n].by_seq[each].time_ns for n, seqs in seen.items() for each in seqs)
    return [_step(stream, n, seen, start_ns) for n in sorted(seen)]


def _followed(stream: TraceStream, stage: int, seq: int) -> dict[int, set[int]]:
    """The numbers on the path, by stage; an empty set where the chunk was lost."""
    seen = {stage: {seq}}
    for n in range(stage, 0, -1):
        for up in stream.upstream[n] if n in seen else ():
            if found := stream.descents[up, n].back(seen[n]):
                seen[up] = seen.get(up, set()) | found
    for n in range(stage + 1, len(stream.stages)):
        if ups := [up for up in stream.upstream[n] if up >= stage and seen.get(up)]:
            seen[n] = set().union(*(stream.descents[up, n].forward(seen[up]) for up in ups))
    return seen


def _step(stream: TraceStream, n: int, seen: Mapping[int, set[int]], start_ns: int) -> Step:
    chunks = tuple(stream.stages[n].by_seq[seq] for seq in sorted(seen[n]))
    since_ns = chunks[0].time_ns - start_ns if chunks else 0
    up = next((up for up in stream.upstream[n] if seen.get(up)), None)
    if up is None:
        return Step(n, chunks, Fate.ADDED if stream.upstream[n] else None, 0, 0, True, since_ns)
    fates = edge_fates(stream, up, n)
    found = {fates.of(seq) for seq in seen[up]}
    fate = next(each for each in _TELLING if each in found)
    return Step(n, chunks, fate, *_about(fates, fate, seen[up]), fates.edge.recorded, since_ns)


def _about(fates: EdgeFates, fate: Fate, before: Iterable[int]) -> tuple[int, int]:
    edge = fates.edge
    children = edge.forward(seq for seq in before if fates.of(seq) == fate)
    if fate in (Fate.SPLIT, Fate.DOUBLED):
        return min(children), max(children)
    if fate in (Fate.MERGED, Fate.REPLACED):
        ranges = [edge.ranges[child] for child in children]
        return min(first for first, _ in ranges), max(last for _, last in ranges)
    return 0, 0
