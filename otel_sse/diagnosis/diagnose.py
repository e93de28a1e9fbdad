"""The diagnosis of one stream: what went wrong, and at which stage it began."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from otel_sse.diagnosis.faults.consequences import without_consequences
from otel_sse.diagnosis.faults.delays import coalesced, delayed, silence
from otel_sse.diagnosis.faults.edge_faults import report_edge
from otel_sse.diagnosis.faults.endings import BENIGN, ending
from otel_sse.diagnosis.faults.fault import Fault
from otel_sse.diagnosis.faults.findings import back_to, reported
from otel_sse.diagnosis.faults.gathering import gathered, held_unread
from otel_sse.diagnosis.faults.joins import doubled_by_two_ways, ends_sent_twice
from otel_sse.diagnosis.faults.resumes import resumes
from otel_sse.diagnosis.no_request import no_request
from otel_sse.diagnosis.read_on import read_on
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.diagnosis.unread import Unread, unread_of
from otel_sse.diagnosis.verdict import answers_stages, verdict_of
from otel_sse.limits import BURST_CHUNKS
from otel_sse.stream import kinds
from otel_sse.stream.chunk import CERTAIN, CONTENT

_RANKS: Final = (
    kinds.DUPLICATE,
    kinds.REORDER,
    kinds.GAP,
    kinds.CORRUPTION,
    kinds.PROTOCOL,
    kinds.OUTCOME,
    kinds.COALESCING,
    kinds.STALL,
    kinds.CHECK,
)
"""Families of faults in the order in which those of one stage are reported."""

_FRAMING: Final = frozenset({kinds.DOUBLE_FRAMING, kinds.NESTED_JSON, kinds.UNFRAMED})
"""Faults of a frame that change the text in it."""


class Diagnosis(msgspec.Struct, frozen=True):
    """The diagnosis of one stream.

    Args:
        verdict: One sentence.
        faults: What went wrong. The culprit is the first: the fault at the first stage in the order of the data.
        notes: Remarks that are no faults, one line each.
        unread: What could not be read, so that nothing is known of it.
    """

    verdict: str
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    unread: tuple[Unread, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found that went wrong."""
        return not self.faults

    @property
    def in_order(self) -> bool:
        """Whether nothing went wrong, and all could be read, so that it can be said."""
        return not self.faults and not self.unread

    @property
    def culprit(self) -> Fault | None:
        """The fault to look at first, or None."""
        return self.faults[0] if self.faults else None


def diagnose(stream: TraceStream) -> Diagnosis:
    """Return what went wrong with a stream, judged by all of its stages together.

    Args:
        stream: The stream, from `trace_of`.
    """
    reports = [report_edge(stream, *edge) for edge in stream.descents]
    found = [fault for report in reports for fault in report.faults]
    found += doubled_by_two_ways(stream)
    found = without_consequences(stream, _merged(stream, found, [*ends_sent_twice(stream), *reported(stream)]))
    late = _late(stream)
    found = [each for each in found if not any(_is_release(each, stall) for stall in late)] + late
    end = ending(stream)
    faults = sorted([*found, *([end] if end is not None else [])], key=_rank)
    notes = [note for report in reports for note in report.notes]
    notes += [
        f"{stream.stages[n].label}: the stage that its chunks came from is not in the trace"
        for n in sorted(stream.orphans)
    ]
    notes += [*_resumed(stream), *_beside(stream), *read_on(stream), *no_request(stream)]
    unread = unread_of(stream)
    return Diagnosis(verdict_of(stream, faults, unread), tuple(faults), tuple(notes), unread)


def _resumed(stream: TraceStream) -> list[str]:
    """A note for each answer that broke off and was resumed."""
    return [
        f"{stream.stages[each.first].label} broke off and was asked again: {stream.stages[each.down].label} went on "
        f"where it had stopped, and skipped {len(each.skipped)} chunks of the second answer"
        for each in resumes(stream)
    ]


def _beside(stream: TraceStream) -> list[str]:
    """A note for each call beside the answer: a judge's, a title's."""
    own = answers_stages(stream)
    others = [stage for n, stage in enumerate(stream.stages) if n not in own]
    counts = [(stage, sum(chunk.kind == CONTENT for chunk in stage.chunks)) for stage in others]
    return [
        f"{stage.label}: stands beside the answer; its {n} chunks with content are no part of it" for stage, n in counts
    ]


def _rank(fault: Fault) -> tuple[bool, bool, int, int]:
    rank = _RANKS.index(fault.family) if fault.family in _RANKS else len(_RANKS)
    return fault.kind in BENIGN, not fault.certain, fault.position, rank


def _late(stream: TraceStream) -> list[Fault]:
    found: dict[tuple[str, int], Fault] = {}
    heartbeats: dict[tuple[str, int], int] = {}
    silences = [
        (n, each) for n, stage in enumerate(stream.stages) for each in stage.findings if each.family == kinds.STALL
    ]
    for n, finding in silences:
        fault = silence(stream, n, finding)
        key = fault.kind, fault.position
        known = found.setdefault(key, fault)
        if fault.seqs == known.seqs and finding.heartbeats > heartbeats.setdefault(key, finding.heartbeats):
            # A stage that saw heartbeats says more about the silence than one before it.
            found[key], heartbeats[key] = fault, finding.heartbeats
        if not set(fault.seqs) <= set(known.seqs):
            seqs = tuple(sorted({*known.seqs, *fault.seqs}))
            found[key] = msgspec.structs.replace(known, seqs=seqs, count=len(seqs))
    for position in [position for kind, position in found if kind == kinds.FIRST_BYTE]:
        # A stage that waits for its first byte has no content either, and for no longer.
        content = found.get((kinds.STALL_CONTENT, position))
        if content is not None and set(content.seqs) <= set(found[kinds.FIRST_BYTE, position].seqs):
            del found[kinds.STALL_CONTENT, position]
    silent = {position for _, position in found}
    held = [delayed(stream, up, down) for up, down in stream.descents if down not in silent]
    held += [gathered(stream, up, down) for up, down in stream.descents if down not in silent]
    bursts = [look(stream, up, down) for look in (coalesced, held_unread) for up, down in stream.descents]
    return [*found.values(), *(each for each in (*held, *bursts) if each is not None)]


def _merged(stream: TraceStream, edges: Sequence[Fault], told: Sequence[Fault]) -> list[Fault]:
    """Merge the faults that edges show with those that detectors found, where they are the same."""
    faults = list(edges)
    # A stage that saw the tool's step knows that a passage was repeated after it; others see a second beginning.
    for fault in sorted(told, key=lambda each: (each.position, each.kind != kinds.REASSERTED)):
        faults = [each for each in faults if not _follows_from(stream, each, fault)]
        same = [n for n, known in enumerate(faults) if _is_same(stream, known, fault)]
        # Of several matches take the one at the fault's own stage, else the nearest before it.
        at = max(same, key=lambda n: faults[n].position, default=None)
        if at is None:
            faults.append(fault)
        else:
            faults[at] = _both(faults[at], fault)
    return [fault for fault in faults if fault.count]


def _is_same(stream: TraceStream, known: Fault, fault: Fault) -> bool:
    """Whether a detector's fault is a known one, seen at its own stage or further on."""
    if known.position > fault.position:
        return False
    if fault.family != known.family:
        if known.family == kinds.REORDER and fault.kind == kinds.LOST:
            # A chunk that an identical one overtook seemed to be lost until it came.
            return known.position == fault.position
        late = (
            known.family in (kinds.DUPLICATE, kinds.REORDER)
            and fault.kind == kinds.AFTER_DONE
            and not _was_in_time(stream, known, fault)
        )
        behind_a_step = known.kind == kinds.REASSERTED and fault.family == kinds.DUPLICATE and not fault.certain
        return (late or behind_a_step) and _touches(stream, known, fault)
    if known.family in (kinds.PROTOCOL, kinds.CHECK) and fault.kind not in (known.kind, kinds.UNKNOWN_FIELD):
        return False
    if known.family == kinds.DUPLICATE and fault.kind == kinds.TERMINAL != known.kind:
        return known.position == fault.position and known.count > 1
    return known.family in (kinds.GAP, kinds.REORDER) or _touches(stream, known, fault)


def _was_in_time(stream: TraceStream, known: Fault, fault: Fault) -> bool:
    """Whether content behind an end came before that end at the stage of a known fault."""
    ends = [chunk.seq for chunk in stream.stages[known.position].chunks if chunk.done]
    if fault.position == known.position:
        # It may be behind the finish of its choice, and before the end of all.
        ends = sorted(filter(None, fault.of)) or ends
    came = set().union(*(back_to(stream, fault.position, seq, known.position) for seq in fault.seqs))
    return bool(ends and came) and max(came) < ends[0]


def _is_release(fault: Fault, stall: Fault) -> bool:
    """Whether a burst consists of the chunks that waited behind a silence of the same stage."""
    behind = range(stall.seqs[0], stall.seqs[0] + 2 * BURST_CHUNKS + 1) if stall.kind == kinds.STALL_CONTENT else ()
    return fault.kind == kinds.BURST and fault.position == stall.position and all(seq in behind for seq in fault.seqs)


def _follows_from(stream: TraceStream, known: Fault, fault: Fault) -> bool:
    """Whether an edge's fault follows from another one: a broken frame, or all of the text in each chunk.

    Both make other content of chunks.
    """
    if fault.kind == kinds.CUMULATIVE:
        return known.family == kinds.CORRUPTION and known.position == fault.position
    if known.family != kinds.CORRUPTION or fault.kind not in _FRAMING or known.position != fault.position:
        return False
    stage = stream.stages[fault.position]
    # Past their cap, findings are counted and have no event.
    untold = stage.is_cut and min(known.seqs) > min(fault.seqs)
    return untold or bool(set(known.seqs) & set(fault.seqs))


def _touches(stream: TraceStream, known: Fault, fault: Fault) -> bool:
    seqs = set(known.seqs) | set(known.of)
    return any(back_to(stream, fault.position, seq, known.position) & seqs for seq in fault.seqs)


def _both(known: Fault, fault: Fault) -> Fault:
    """Merge two faults: the edge's numbers, with the kind that says more."""
    certainty = CERTAIN if CERTAIN in (known.certainty, fault.certainty) else known.certainty
    if fault.kind == kinds.AFTER_DONE and known.kind == kinds.DOUBLED and known.count <= fault.count:
        # A late chunk that equals an earlier one: its fault is that it is late.
        return msgspec.structs.replace(fault, evidence=f"{fault.evidence}; {known.evidence}")
    if fault.kind in (kinds.TERMINAL, kinds.AFTER_DONE) and known.kind != fault.kind:
        return msgspec.structs.replace(known, evidence=f"{known.evidence}; {fault.evidence}")
    # One stage alone can't tell a second path that lags from a replay; both sides of an edge can.
    vague = fault.kind in (kinds.DOUBLED, kinds.REPLAYED) or not fault.certain
    says_more = fault.kind == kinds.RESENT or (known.kind == kinds.DOUBLED and not vague)
    kind = fault.kind if says_more else known.kind
    return msgspec.structs.replace(
        known, kind=kind, certainty=certainty, evidence=f"{known.evidence}; {fault.evidence}"
    )


def late_places(stream: TraceStream, faults: Iterable[Fault]) -> set[tuple[int, int]]:
    """Return the chunks that were held back, for the matrix: each by its stage's position and its number there.

    Args:
        stream: The stream.
        faults: Its faults.
    """
    late = (kinds.STALL, kinds.COALESCING)
    return {(fault.position, seq) for fault in faults if fault.family in late for seq in fault.seqs}
