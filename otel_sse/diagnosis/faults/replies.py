"""Replies of a rewriting stage: which stage made a chunk itself, and which part of the answer it replaces."""

from __future__ import annotations

from typing import NamedTuple

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Passage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CONTENT


class Reply(NamedTuple):
    """A chunk that a stage made itself, and where.

    Args:
        position: Position of the stage.
        upstream: Position of a stage before it.
        passage: The chunk's passage over this edge.
    """

    position: int
    upstream: int
    passage: Passage


def reply_of(stream: TraceStream, position: int, seq: int) -> Reply | None:
    """Return the reply that a chunk is: a rewriting stage made it, and all stages after that handed it on; else None.

    Args:
        stream: The stream.
        position: Position of the chunk's stage.
        seq: The chunk's number there.
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
    """Return whether a reply replaces the answer, and not only a piece of its own channel.

    An added chunk replaces no piece. Any other reply replaces the answer if a channel of the model ends with it: no
    later chunk was made from that channel.

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
