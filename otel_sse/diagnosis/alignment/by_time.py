"""Which of several identical chunks was handed on: the one whose arrival time fits."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

import msgspec

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Flow, Passage
from otel_sse.stream.chunk import Chunk


def in_step(found: Flow, up: Sequence[Chunk], down: Mapping[int, Chunk]) -> Flow:
    """Where all but one of several identical chunks were lost, keep the one whose arrival time fits.

    Lineage and digests both pick the first of them. If the stage handed on the chunk before it prior to the arrival of
    the next one, the stage buffers nothing. Then the chunk that it hands on next is the latest that arrived.

    Args:
        found: The flow, by lineage or by digests.
        up: The content upstream, in order. Its times are of the same clock as those downstream.
        down: The chunks downstream by number.
    """
    passages, lost, arrived = list(found.passages), set(found.lost), [chunk.time_ns for chunk in up]
    places = {chunk.seq: n for n, chunk in enumerate(up)}
    for n in range(1, len(passages)) if lost else ():
        before, passage = passages[n - 1], passages[n]
        if passage.fate != Fate.SAME or not _buffers_nothing(before, places, up, down):
            continue
        latest = up[bisect_right(arrived, down[passage.seq].time_ns) - 1]
        if latest.seq in lost and latest.digest == down[passage.seq].digest and latest.seq > passage.first:
            passages[n] = passage._replace(first=latest.seq, last=latest.seq)
            lost.remove(latest.seq)
            lost.add(passage.first)
    return msgspec.structs.replace(found, passages=passages, lost=sorted(lost))


def _buffers_nothing(
    passage: Passage, places: Mapping[int, int], up: Sequence[Chunk], down: Mapping[int, Chunk]
) -> bool:
    following = places.get(passage.last, len(up)) + 1
    return following < len(up) and down[passage.seq].time_ns <= up[following].time_ns
