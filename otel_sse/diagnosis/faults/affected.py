"""Which chunks a stage's findings affect: one finding may affect many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CONTENT, Finding
from otel_sse.stream.kinds import DOUBLED, LOST, REASSERTED, REPLAYED, RESTARTED

_PASSAGES: Final = frozenset({RESTARTED, REPLAYED, REASSERTED})
"""Kinds whose first finding is about a whole passage that begins with its chunk."""


def concerned(stream: TraceStream, position: int, findings: Iterable[Finding]) -> dict[int, int]:
    """Return the numbers of the chunks that findings of one kind affect, each with the number of the chunk it repeats.

    Lost chunks have their numbers at the stage before, as far as its chunks are in the trace.

    Args:
        stream: The stream.
        position: Position of the findings' stage.
        findings: The findings. One about the whole stream affects no chunk.
    """
    found: dict[int, int] = {}
    for finding in findings:
        if finding.seq:
            for seq, of in _pairs(stream, position, finding):
                found.setdefault(seq, of)
    return found


def _pairs(stream: TraceStream, position: int, finding: Finding) -> Sequence[tuple[int, int]]:
    stage, pairs = stream.stages[position], [(finding.seq, finding.of)]
    if finding.kind == LOST:
        return _lost(stream, position, finding) or pairs
    if finding.amount <= 1 or not finding.of:
        return pairs
    if finding.kind in _PASSAGES:
        return _passage(stage, finding) or pairs
    return _twins(stage, finding) if finding.kind == DOUBLED else pairs


def _passage(stage: TraceStage, finding: Finding) -> list[tuple[int, int]]:
    """The content chunks from a finding's chunk on, each paired with the chunk that it repeats."""
    content = [chunk.seq for chunk in stage.chunks if chunk.kind == CONTENT]
    again = [seq for seq in content if seq >= finding.seq][: finding.amount]
    before = [seq for seq in content if seq >= finding.of][: finding.amount]
    return list(zip(again, before, strict=True)) if len(again) == len(before) == finding.amount else []


def _twins(stage: TraceStage, finding: Finding) -> list[tuple[int, int]]:
    """The pairs that lead up to a finding, which was held back until it was certain that all came twice."""
    content = [chunk for chunk in stage.chunks if chunk.kind == CONTENT and chunk.seq <= finding.seq]
    lag = sum(finding.of <= chunk.seq < finding.seq for chunk in content)
    pairs: list[tuple[int, int]] = []
    used: set[int] = set()
    for n in range(len(content) - 1, lag - 1, -1):
        one, other = content[n], content[n - lag]
        if one.digest == other.digest and one.seq not in used and len(pairs) < finding.amount:
            pairs.append((one.seq, other.seq))
            used.add(other.seq)
    return pairs[::-1]


def _lost(stream: TraceStream, position: int, finding: Finding) -> list[tuple[int, int]]:
    """The upstream chunks that are missing between a finding's chunk and the one before it."""
    ups = stream.upstream[position]
    if len(ups) != 1:
        return []
    edge = stream.descents[ups[0], position]
    until = edge.ranges.get(finding.seq, (0, 0))[0]
    since = max((last for seq, (_, last) in edge.ranges.items() if seq < finding.seq and last < until), default=0)
    content = [c.seq for c in edge.upstream.chunks if c.kind == CONTENT and since < c.seq < until]
    return [(seq, 0) for seq in content] if len(content) == finding.amount else []
