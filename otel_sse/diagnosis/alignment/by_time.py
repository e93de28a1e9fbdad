"""Which of several equal chunks went on, told by time: the one that had just come."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from otel_sse.diagnosis.alignment.flow import SAME, Flow, Passage
from otel_sse.stream.chunk import Chunk


def in_step(found: Flow, up: Sequence[Chunk], down: Mapping[int, Chunk]) -> Flow:
    """Return a flow in which, of equal chunks of which all but one were lost, the one went on that time speaks for.

    As it happens, and by content alone, the first of them is taken. Where the chunk before went on before the next one
    came, the stage holds nothing back, and what goes on next is what came last.

    Args:
        found: The flow.
        up: The content upstream, in order, on the same clock as that downstream.
        down: The content downstream by its numbers.
    """
    passages, lost, came = list(found.passages), set(found.lost), [chunk.time_ns for chunk in up]
    places = {chunk.seq: n for n, chunk in enumerate(up)}
    for n in range(1, len(passages)) if lost else ():
        before, passage = passages[n - 1], passages[n]
        if passage.what != SAME or not _holds_nothing_back(before, places, up, down):
            continue
        latest = up[bisect_right(came, down[passage.seq].time_ns) - 1]
        if latest.seq in lost and latest.digest == down[passage.seq].digest and latest.seq > passage.first:
            passages[n] = passage._replace(first=latest.seq, last=latest.seq)
            lost.remove(latest.seq)
            lost.add(passage.first)
    return Flow(passages, sorted(lost), found.recorded)


def _holds_nothing_back(
    passage: Passage, places: Mapping[int, int], up: Sequence[Chunk], down: Mapping[int, Chunk]
) -> bool:
    following = places.get(passage.last, len(up)) + 1
    return following < len(up) and down[passage.seq].time_ns <= up[following].time_ns
