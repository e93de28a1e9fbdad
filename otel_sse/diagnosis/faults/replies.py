"""What a stage that may rewrite says itself: which stage made a chunk, and what of the answer it stands for."""

from __future__ import annotations

from typing import NamedTuple

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Passage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CONTENT


class Reply(NamedTuple):
    """A chunk that a stage made of its own, where it was made.

    Args:
        position: Position of the stage.
        upstream: Position of a stage before it.
        passage: What the chunk is on this edge.
    """

    position: int
    upstream: int
    passage: Passage


def reply_of(stream: TraceStream, position: int, seq: int) -> Reply | None:
    """Return what a chunk is where a stage that may rewrite made it and all after that handed it on, else None.

    Args:
        stream: The stream.
        position: Position of the stage that the chunk has come to.
        seq: Its number there.
    """
    while True:
        ups = stream.upstream[position]
        found = [(up, p) for up in ups for p in stream.descents[up, position].flow.passages if p.seq == seq]
        if stream.stages[position].rewrites:
            own = bool(found) and all(passage.fate != Fate.SAME for _, passage in found)
            return Reply(position, *found[0]) if own else None
        if len(ups) != 1 or not found or found[0][1].fate != Fate.SAME:
            return None
        position, seq = ups[0], found[0][1].first


def stands_for_more(stream: TraceStream, reply: Reply) -> bool:
    """Return whether a reply came instead of the answer, and not of a piece of its own channel alone.

    What a stage adds stands for no channel of the model's. Else channels have come to an end with it of which nothing
    else was made from there on.

    Args:
        stream: The stream.
        reply: The reply.
    """
    if reply.passage.fate == Fate.ADDED:
        return True
    edge, first = stream.descents[reply.upstream, reply.position], reply.passage.first
    came = {chunk.channel for chunk in edge.upstream.chunks if chunk.kind == CONTENT and chunk.seq >= first}
    made = {edge.downstream.by_seq[p.seq].channel for p in edge.flow.passages if p.last >= first}
    return bool(came - made)
