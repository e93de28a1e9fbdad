"""Events that were glued together: a line end too few, so that frames are one event that no reader can parse."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, NamedTuple

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.trace.edge import Descent

_SHORTER: Final = 2
"""Bytes that each frame may lack: its blank line, and a carriage return."""

_SHORTEST: Final = 24
"""Bytes of a frame, on average, from which it is no coincidence that one event has those of several."""

_END: Final = 1 << 62
"""A number behind that of any chunk."""


class Glued(NamedTuple):
    """One event that holds several frames.

    Args:
        seq: Its number downstream.
        frames: The numbers upstream of the frames in it.
    """

    seq: int
    frames: tuple[int, ...]


# Worked example. Upstream 5, 6, 7, 8 have 170 bytes each; downstream 5 is 5, 6 is new and has 339 bytes, 7 is 8.
# Between 5 and 8 upstream lie 6 and 7, 340 bytes together. As 6 has all but one of these, it is both in one event.


def glued(edge: Descent) -> list[Glued]:
    """Return the events downstream that have the bytes of several frames upstream, which stand in their place.

    Args:
        edge: The edge.
    """
    same = sorted((p.seq, p.first) for p in edge.passage_of.values() if p.fate == Fate.SAME)
    seqs = [seq for seq, _ in same]
    others: dict[int, list[int]] = {}
    for chunk in edge.chunks:
        passage = edge.passage_of.get(chunk.seq)
        if passage is None or passage.fate not in (Fate.SAME, Fate.DOUBLED):
            others.setdefault(bisect_left(seqs, chunk.seq), []).append(chunk.seq)
    found: list[Glued] = []
    for at, new in others.items():
        low = same[at - 1][1] if at else 0
        high = same[at][1] if at < len(same) else _END
        frames = edge.upstream.between(low + 1, high - 1)
        if len(new) == 1 and len(frames) > 1 and _holds(edge, new[0], frames):
            found.append(Glued(new[0], tuple(frames)))
    return found


def _holds(edge: Descent, seq: int, frames: list[int]) -> bool:
    size = edge.downstream.by_seq[seq].raw_len
    together = sum(edge.upstream.by_seq[each].raw_len for each in frames)
    return together >= _SHORTEST * len(frames) and together - _SHORTER * len(frames) <= size < together
