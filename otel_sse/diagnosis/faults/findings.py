"""Detectors' findings as faults: each is reported once, at the first stage that has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.faults.affected import concerned
from otel_sse.diagnosis.faults.edge_fates import edge_fates
from otel_sse.diagnosis.faults.fault import Fault, fault_at
from otel_sse.diagnosis.trace.edge import Descent
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CERTAIN, Chunk, Finding
from otel_sse.stream.kinds import (
    ACCUMULATED,
    CHANGED,
    DOUBLED,
    GAP_SEQUENCE,
    LOST,
    MOVED,
    REASSERTED,
    REORDER_SEQUENCE,
    REPLAYED,
    RESTARTED,
    STALL,
)

_OF_CONTENT: Final = frozenset({DOUBLED, REPLAYED, RESTARTED, ACCUMULATED, REASSERTED})
"""Kinds that every later stage sees in the content too: a stage that only handed on its chunks did not cause it."""

Seen = list[tuple[int, Finding]]
"""Findings, each with the position of its stage."""


def reported(stream: TraceStream) -> list[Fault]:
    """Return the detectors' findings, without silence, as faults: each kind at the first stage that has it.

    Every stage after that one sees the same fault again. A later finding is another fault only if its chunk was made
    from a chunk that is in order at the first stage.
    """
    by_kind: dict[str, Seen] = {}
    for n, stage in enumerate(stream.stages):
        refuted = {LOST} if _none_is_lost(stream, n) else set[str]()
        for finding in stage.findings:
            if finding.family != STALL and finding.kind not in refuted and not _is_refuted(stream, n, finding):
                by_kind.setdefault(finding.kind, []).append((n, finding))
    faults = [fault for kind, seen in by_kind.items() for fault in _of_kind(stream, kind, seen)]
    # A policy may leave chunks out. Then the numbers skip at its stage and at every later one.
    return [fault for fault in faults if fault.kind != GAP_SEQUENCE or not stream.stages[fault.position].rewrites]


def _none_is_lost(stream: TraceStream, position: int) -> bool:
    """Whether a stage reported losses that the chunks of both sides refute: none was lost, or all on purpose."""
    ups, stage = stream.upstream[position], stream.stages[position]
    if len(ups) != 1 or not any(finding.kind == LOST for finding in stage.findings):
        return False
    if not (stage.is_whole and stream.stages[ups[0]].is_whole):
        return False
    fates = edge_fates(stream, ups[0], position)
    return fates.is_comparable and not fates.losses.by_kind


def _is_refuted(stream: TraceStream, position: int, finding: Finding) -> bool:
    """Whether a stage reported one chunk twice, and the chunks of both sides show that there were two.

    While a stream runs, a stage can only guess which of several identical chunks it has got; afterwards more is known.
    And where ids go wrong, two identical chunks can get the same id.
    """
    ups = stream.upstream[position]
    if _is_of_lineage(finding) and _contradicts(stream, position, finding):
        return True
    if finding.kind not in (DOUBLED, REPLAYED) or len(ups) != 1:
        return False
    edge, pair = stream.descents[ups[0], position], (finding.seq, finding.of)
    was = {p.seq: p.first for p in edge.flow.passages if p.fate in (Fate.SAME, Fate.MOVED) and p.seq in pair}
    if len(set(was.values())) != 2:
        return False
    if finding.kind == DOUBLED:
        said = [edge.carried.get(seq) for seq in pair]
        return said[0] is not None and said[0] == said[1]
    if all(_has_own_id(edge.downstream.by_seq[seq], edge.upstream.by_seq[was[seq]]) for seq in pair):
        return any(each.kind == REORDER_SEQUENCE for each in edge.downstream.findings)
    before = msgspec.structs.replace(finding, seq=was[finding.seq], of=was[finding.of])
    return _is_refuted(stream, ups[0], before)


def _is_of_lineage(finding: Finding) -> bool:
    """Whether a stage found it by its own lineage, and not by an id or number that the chunk carries."""
    return finding.kind in _FATES and finding.evidence.startswith("upstream chunk ")


def _contradicts(stream: TraceStream, position: int, finding: Finding) -> bool:
    """Whether both sides, seen whole, show that a chunk is something else than its stage took it for."""
    ups, stage = stream.upstream[position], stream.stages[position]
    if len(ups) != 1 or not (stage.is_whole and stream.stages[ups[0]].is_whole):
        return False
    passage = stream.descents[ups[0], position].passage_of.get(finding.seq)
    return passage is not None and passage.fate not in _FATES[finding.kind]


_FATES: Final = {
    DOUBLED: (Fate.DOUBLED, Fate.MOVED),
    MOVED: (Fate.MOVED, Fate.DOUBLED),
    CHANGED: (Fate.CHANGED, Fate.REPLACED),
}
"""What the chunk of a finding is, if the finding is right. Of identical chunks, one that moved looks like one again."""


def _has_own_id(chunk: Chunk, made_from: Chunk) -> bool:
    return bool(chunk.id) and chunk.id != made_from.id


def _of_kind(stream: TraceStream, kind: str, seen: Seen) -> list[Fault]:
    faults: list[Fault] = []
    while seen:
        first = seen[0][0]
        own = [finding for n, finding in seen if n == first]
        later = [(n, finding) for n, finding in seen if n != first]
        others = [(n, finding) for n, finding in later if _is_another(stream, n, finding, first, own)]
        also = [stream.stages[n].label for n, finding in later if (n, finding) not in others]
        faults.append(_fault(stream, kind, first, own, list(dict.fromkeys(also))))
        seen = others
    return faults


def _is_another(stream: TraceStream, n: int, finding: Finding, first: int, own: Iterable[Finding]) -> bool:
    """Whether a finding's chunk was in order at the first stage that has such a finding."""
    before, told = back_to(stream, n, finding.seq, first), {each.seq for each in own}
    if stream.stages[first].is_cut and before and min(before) > max(told):
        # Past their cap, findings are counted and have no event.
        return False
    ups = stream.upstream[first]
    if finding.kind == DOUBLED and len(ups) == 1:
        doubled = [p for p in stream.descents[ups[0], first].flow.passages if p.fate == Fate.DOUBLED]
        if not before.isdisjoint({seq for passage in doubled for seq in (passage.seq, passage.of)}):
            # The first stage made the copy, whether or not its finding has an event.
            return False
    return bool(before) and not before & told


def back_to(stream: TraceStream, position: int, seq: int, target: int) -> set[int]:
    """Return the numbers of the chunks at an earlier stage from which a chunk was made, as far as they are known.

    Args:
        stream: The stream.
        position: Position of the chunk's stage.
        seq: The chunk's number there.
        target: Position of the earlier stage.
    """
    found = {position: {seq}}
    for n in range(position, target, -1):
        for up in stream.upstream[n] if n in found else ():
            origins = [stream.descents[up, n].ranges.get(each) for each in found[n]]
            for first, last in filter(None, origins):
                found.setdefault(up, set()).update(stream.stages[up].between(first, last)[:_MOST])
    return found.get(target, set())


_MOST: Final = 1_024
"""Chunks of one stage that a chunk is traced back to, at most."""


def _fault(stream: TraceStream, kind: str, position: int, own: list[Finding], also: list[str]) -> Fault:
    certain = any(finding.certainty == CERTAIN for finding in own)
    finding = own[0]
    if kind in _OF_CONTENT:
        position, own = _pushed_back(stream, position, own)
    stage = stream.stages[position]
    ups = stream.upstream[position]
    numbered = concerned(stream, position, own)
    more = f"; seen at {', '.join(also)} too" if also else ""
    most = Counter(each.kind for each in stage.findings).most_common(1)
    if stage.is_cut and most and kind == most[0][0]:
        more += f"; {stage.findings_total - len(stage.findings)} more findings were counted and have no event"
    return fault_at(
        stream,
        position,
        kind,
        finding.evidence + more,
        upstream=ups[0] if ups else None,
        certain=certain,
        seqs=numbered,
        of=numbered.values(),
        count=max(len(own), sum(each.amount for each in own)),
    )


def _pushed_back(stream: TraceStream, position: int, own: list[Finding]) -> tuple[int, list[Finding]]:
    """Move a repetition to the first stage that had both chunks of each pair, whichever stage reported it."""
    while len(stream.upstream[position]) == 1:
        up = stream.upstream[position][0]
        edge = stream.descents[up, position]
        moved = []
        for each in own:
            if _is_doubled(edge, each.seq):
                return position, own
            (a, b), (c, d) = edge.ranges.get(each.seq, (0, -1)), edge.ranges.get(each.of, (0, 0))
            if a != b or c != d or (each.of and a == c) or not _is_same(stream, (position, each.seq), (up, a)):
                return position, own
            moved.append(msgspec.structs.replace(each, seq=a, of=c))
        position, own = up, moved
    return position, own


def _is_doubled(edge: Descent, seq: int) -> bool:
    passage = edge.passage_of.get(seq)
    return passage is not None and passage.fate == Fate.DOUBLED


def _is_same(stream: TraceStream, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two chunks, each given by stage and number, have the same content, and the later one no new id."""
    after, before = (stream.stages[n].by_seq.get(seq) for n, seq in (one, other))
    if after is None or before is None:
        return False
    return after.digest == before.digest and not _has_own_id(after, before)
