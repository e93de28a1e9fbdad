"""The fault: one thing that went wrong at one stage, reported once."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from otel_sse.diagnosis.faults.causes import CAUSES, UNKNOWN_CAUSE, Cause
from otel_sse.diagnosis.faults.sentences import sentence_of
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CERTAIN, SUSPECTED
from otel_sse.stream.kinds import detail_of, family_of


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that went wrong, at the first stage at which it shows. Made by `fault_at`.

    Args:
        kind: Family and detail, e.g. `duplicate/doubled`, `gap/lost`, `stall/content`, `outcome/failed`.
        certainty: `certain` or `suspected`, as in `otel_sse.stream.chunk.Finding`.
        stage: Label of the stage, e.g. `policy.judge.out`.
        service: `service.name` of its process, or "".
        position: Its position in the stream's stages.
        upstream: Position of the stage before it, which still had it right; None if the first stage had it wrong.
        seqs: Numbers of the affected chunks, at this stage. Missing chunks have no number here, so a gap has their
            numbers at the stage before.
        of: For each of `seqs` the chunk of this stage that it repeats or contradicts, 0 for none; () if none does.
        count: How many chunks are affected, including those without a number in `seqs`.
        evidence: What was compared with what, in one line. Never content.
        origin: Where the fault comes from, as far as that is known; else "".
        times: Of a repetition, how often each chunk was handed on in all.
        reason: What caused it, where the chunks themselves show more than the kind does; else "".
    """

    kind: str
    certainty: str
    stage: str
    service: str
    position: int
    upstream: int | None
    seqs: tuple[int, ...] = ()
    of: tuple[int, ...] = ()
    count: int = 1
    evidence: str = ""
    origin: str = ""
    times: int = 2
    reason: str = ""

    @property
    def family(self) -> str:
        """The part before the slash: `duplicate`, `gap`, `reorder`, `corruption`, `stall`, `protocol` …"""
        return family_of(self.kind)

    @property
    def detail(self) -> str:
        """The part after the slash; "" where there is none."""
        return detail_of(self.kind)

    @property
    def certain(self) -> bool:
        """Whether lineage, identity or the protocol proves it."""
        return self.certainty == CERTAIN

    @property
    def seen(self) -> str:
        """What was seen, as one sentence for a person; `evidence` has all facts."""
        return sentence_of(self.evidence)

    @property
    def cause(self) -> str:
        """What causes it, or else what usually does."""
        return self.reason or self._known.cause

    @property
    def where_to_look(self) -> str:
        """Where to look."""
        return self._known.where_to_look

    @property
    def _known(self) -> Cause:
        return CAUSES.get(self.kind) or CAUSES.get(self.family) or UNKNOWN_CAUSE


def fault_at(
    stream: TraceStream,
    position: int,
    kind: str,
    evidence: str,
    *,
    upstream: int | None,
    certain: bool = True,
    seqs: Iterable[int] = (),
    of: Iterable[int] = (),
    count: int | None = None,
    origin: str = "",
) -> Fault:
    """Return a fault of one stage of a stream.

    Args:
        stream: The stream.
        position: Position of the stage.
        kind: Family and detail, e.g. `duplicate/doubled`.
        evidence: What was compared with what, in one line. Never content.
        upstream: Position of the stage before it that still had it right; None where it was so at the first stage.
        certain: Whether lineage, identity or the protocol proves it; else it is suspected.
        seqs: Numbers of the chunks that it is about.
        of: As many numbers of the chunks that these repeat or contradict; () where that says nothing.
        count: How many chunks are concerned; as many as `seqs` where None, and 1 where these are none.
        origin: What is to be said of where it comes from, or "".
    """
    stage, numbers = stream.stages[position], tuple(seqs)
    return Fault(
        kind=kind,
        certainty=CERTAIN if certain else SUSPECTED,
        stage=stage.label,
        service=stage.service,
        position=position,
        upstream=upstream,
        seqs=numbers,
        of=tuple(of),
        count=max(len(numbers), 1) if count is None else count,
        evidence=evidence,
        origin=origin,
    )


def ranges(seqs: Iterable[int], most: int = 4) -> str:
    """Return numbers as ranges: `1-3, 7`.

    Args:
        seqs: The numbers, rising.
        most: Ranges that are written out; further ones are only counted.
    """
    found: list[list[int]] = []
    for seq in sorted(seqs):
        if found and seq == found[-1][1] + 1:
            found[-1][1] = seq
        else:
            found.append([seq, seq])
    more = f" and {len(found) - most} more places" if len(found) > most else ""
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in found[:most]) + more
