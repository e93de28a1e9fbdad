"""The faults of one edge, as its flow shows them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Final, NamedTuple

import msgspec

from otel_sse.diagnosis.alignment import flow as flows
from otel_sse.diagnosis.alignment.flow import ADDED, AGAIN, Passage
from otel_sse.diagnosis.faults.fault import Fault, ranges
from otel_sse.diagnosis.faults.losses import Losses, has_holes
from otel_sse.diagnosis.faults.repeats import Repeats
from otel_sse.diagnosis.trace.edge import Descent
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import CERTAIN, CONTENT, CONTROL, SUSPECTED, Chunk
from otel_sse.stream.kinds import ACCUMULATED, CHANGED, COLON_CONTENT, DOUBLED, MOVED, REPLACED, REPLY_LOST, RESTARTED
from otel_sse.stream.stages import ADDING_NOTHING

_SURE_AT_REWRITING: Final = 3
"""Repetitions from which a rewriting stage has doubled chunks, and not made equal ones by chance."""

_NEAR: Final = 4
"""Distance within which a chunk that equals an earlier one repeats it. Further off, it may be a footer or a line end
that the stage adds and that happens to be equal."""

_SHARE: Final = 3
"""If one chunk in so many came again, that is no chance, at whatever distance."""


class _Said(NamedTuple):
    """How much text came before a chunk: its bytes, and its number of chunks."""

    size: int
    chunks: int

    def reaches(self, least: _Said) -> bool:
        return self.size >= least.size and self.chunks >= least.chunks


_WHOLE_TEXT: Final = _Said(16, 3)
"""From here on it is no coincidence that an added chunk is as long as all text before it."""

_SHORT_TEXT: Final = _Said(4, 2)
"""The same for the very last chunk, which is then only suspected."""

_BESIDE: Final = "/"
"""What the channels of reasoning, tool calls and the like have in their names, and those of an answer have not."""


class EdgeReport(msgspec.Struct):
    """The report on one edge.

    Args:
        faults: What went wrong.
        notes: Remarks that are no faults, one line each.
    """

    faults: list[Fault]
    notes: list[str]


def report_edge(stream: TraceStream, up: int, down: int) -> EdgeReport:
    """Return the report on the content between two neighbouring stages.

    Args:
        stream: The stream.
        up: Position of the stage before.
        down: Position of the stage after.
    """
    return _Edge(stream, up, down).report()


class _Edge:
    def __init__(self, stream: TraceStream, up: int, down: int) -> None:
        self._stream, self._up, self._down = stream, up, down
        self._edge: Descent = stream.descents[up, down]
        self._bridges = down in stream.orphans
        self._before, self._after = stream.stages[up], stream.stages[down]
        self._notes: list[str] = []

    def report(self) -> EdgeReport:
        if not self._comparable():
            return EdgeReport([], self._notes)
        return EdgeReport([*self._repeated(), *self._accumulated(), *self._misplaced(), *self._missing()], self._notes)

    # Whether there is anything to compare

    def _comparable(self) -> bool:
        before = [chunk for chunk in self._before.chunks if chunk.kind == CONTENT]
        after = [chunk for chunk in self._edge.chunks if chunk.kind == CONTENT]
        if not before:
            return False
        if not after and self._carriers(before):
            self._notes.append(
                f"{self._after.label}: no content can be read in its chunks, so that they can't be compared with those "
                f"of {self._before.label}. The option content_of says where it is."
            )
            return False
        return bool(after) or self._is_linked or len(self._stream.upstream[self._down]) == 1

    def _carriers(self, before: Sequence[Chunk]) -> bool:
        """Whether other chunks came in the place of content, so that they may hold it in an unknown form."""
        known = {chunk.digest for chunk in self._before.chunks}
        since_ns = before[0].time_ns
        others = [c for c in self._edge.chunks if c.kind == CONTROL and c.digest not in known and c.time_ns >= since_ns]
        return len(others) * 2 >= len(before)

    @property
    def _is_linked(self) -> bool:
        return bool(self._after.upstream_ids or self._after.upstream_name)

    # Faults

    def _fault(self, kind: str, seqs: Sequence[int], evidence: str, *, sure: bool = True, **says: object) -> Fault:
        certain = sure and not self._bridges
        fault = Fault(
            kind=kind,
            certainty=CERTAIN if certain else SUSPECTED,
            stage=self._after.label,
            service=self._after.service,
            position=self._down,
            upstream=self._up,
            seqs=tuple(seqs),
            count=len(seqs),
            evidence=evidence + ("" if self._edge.flow.recorded else ", by digest"),
        )
        return msgspec.structs.replace(fault, **says) if says else fault

    def _repeated(self) -> Iterator[Fault]:
        again = [passage for passage in self._edge.flow.passages if passage.what == AGAIN]
        if not again or (has_holes(self._before) and not self._edge.flow.recorded):
            return
        digests = {chunk.seq: chunk.digest for chunk in self._before.chunks}
        content = [chunk.seq for chunk in self._before.chunks if chunk.kind == CONTENT]
        for kind, passages in Repeats(self._edge.flow.passages, content, digests).by_kind().items():
            seqs = [passage.seq for passage in passages]
            sure = _is_sure(kind, passages, digests, len(content))
            if self._after.rewrites and not (sure and _is_many(passages, digests)):
                self._notes.append(
                    f"{self._after.label}, which may rewrite, made {ranges(seqs)} equal to a chunk before"
                )
                continue
            yield self._fault(
                kind,
                seqs,
                self._repetition(kind, passages, digests),
                sure=sure or self._after.name in ADDING_NOTHING,
                of=tuple(passage.of for passage in passages),
                origin=self._sources(passages),
            )

    def _repetition(self, kind: str, passages: Sequence[Passage], digests: dict[int, str]) -> str:
        first, many = passages[0], len(passages)
        name = self._before.label
        what = f"{first.seq} is {first.of} again: both are {first.first} of {name}, digest {digests[first.first]}"
        if kind == DOUBLED:
            return what + (f"; {many} chunks so" if many > 1 else "")
        word = "the beginning" if kind == RESTARTED else "a run"
        return (
            f"{ranges([p.seq for p in passages])} is {word} of the answer again, {ranges([p.first for p in passages])} "
            f"of {name}, digests {digests[first.first]} to {digests[passages[-1].first]}"
        )

    def _sources(self, passages: Sequence[Passage]) -> str:
        """The two sources, if two adapters or paths emitted the chunk and its repetition; else ""."""
        chunks = self._after.by_seq
        pairs = ((chunks[p.of], chunks[p.seq]) for p in passages if p.of in chunks and p.seq in chunks)
        both = next(((a.source, b.source) for a, b in pairs if a.source != b.source), None)
        own = self._after.source
        return "" if both is None else f"emitted by {both[0] or own or 'one path'} and by {both[1] or own or 'another'}"

    def _accumulated(self) -> Iterator[Fault]:
        if self._after.rewrites:
            return
        sizes, said = self._after.content_bytes, _Said(0, 0)
        made_from = {p.seq: p for p in self._edge.flow.passages}
        last = max(made_from, default=0)
        for chunk in self._edge.chunks:
            size, passage = sizes.get(chunk.seq, 0), made_from.get(chunk.seq)
            own = passage is not None and passage.what in (ADDED, flows.REPLACED) and size == said.size
            sure = said.reaches(_WHOLE_TEXT)
            if own and (sure or (chunk.seq == last and said.reaches(_SHORT_TEXT))):
                evidence = f"{chunk.seq} was made from nothing upstream, and has {size} bytes: all text before it has"
                yield self._fault(ACCUMULATED, [chunk.seq], evidence, sure=sure)
            elif passage:
                said = _Said(said.size + size, said.chunks + 1)

    def _misplaced(self) -> Iterator[Fault]:
        if self._after.rewrites:
            return
        passages = self._edge.flow.passages
        if moved := [p for p in passages if p.what == flows.MOVED]:
            first = moved[0]
            evidence = f"{first.seq} is {first.first} of {self._before.label}, and came after {first.of}"
            yield self._fault(MOVED, [p.seq for p in moved], evidence, of=tuple(p.of for p in moved))
        if self._bridges:
            # A stage that is not in the trace may be one that may rewrite.
            return
        if changed := [p for p in passages if p.what == flows.CHANGED]:
            first = changed[0]
            before, after = self._before.by_seq[first.first].digest, self._after.by_seq[first.seq].digest
            evidence = f"{first.seq} was made from {first.first} of {self._before.label}: digest {before}, then {after}"
            yield self._fault(CHANGED, [p.seq for p in changed], evidence, of=())
        replaced = [p for p in passages if p.what == flows.REPLACED and not self._stands_beside(p)]
        if replaced:
            start, end = min(p.first for p in replaced), max(p.last for p in replaced)
            seqs = ranges([p.seq for p in replaced])
            evidence = f"{seqs} is made from {start} to {end} of {self._before.label}, and is not the sum of them"
            yield self._fault(REPLACED, [p.seq for p in replaced], evidence)

    def _stands_beside(self, passage: Passage) -> bool:
        """Whether a chunk replaces only chunks of other channels, of which nothing was handed on.

        An application that does not show a tool's call, or a model's reasoning, may say that there was one.
        """
        before = self._before.by_seq
        covered = (before[seq] for seq in self._before.between(passage.first, passage.last))
        channels = {chunk.channel for chunk in covered if chunk.kind == CONTENT}
        return all(_BESIDE in channel for channel in channels) and not channels & self._channels_handed_on

    @cached_property
    def _channels_handed_on(self) -> frozenset[str]:
        before, passages = self._before.by_seq, self._edge.flow.passages
        kept = (before[p.first] for p in passages if p.what in (flows.SAME, flows.MOVED) and p.first in before)
        return frozenset(chunk.channel for chunk in kept)

    def _missing(self) -> Iterator[Fault]:
        losses = Losses(self._stream, self._up, self._down)
        for kind, seqs in losses.by_kind().items():
            origin = f"made by {losses.made_by(seqs[0])}" if kind == REPLY_LOST else ""
            yield self._fault(kind, seqs, self._loss(kind, seqs), sure=losses.are_sure(seqs), origin=origin)
        self._notes += losses.notes

    def _loss(self, kind: str, seqs: Sequence[int]) -> str:
        digest = self._before.by_seq[seqs[0]].digest
        told = f"{ranges(seqs)} of {self._before.label} did not come, digest {digest}"
        if len(seqs) > 1:
            told += f" and {len(seqs) - 1} more"
        return told + ("; a comment came in its place" if kind == COLON_CONTENT else "")


def _is_sure(kind: str, passages: Sequence[Passage], digests: dict[int, str], count: int) -> bool:
    """Whether repetitions can't be text of the stage's own that equals earlier chunks by chance."""
    if kind != DOUBLED or len(passages) * _SHARE >= count:
        return True
    near = [passage for passage in passages if passage.seq - passage.of <= _NEAR]
    return len(near) == len(passages) or _is_many(near, digests)


def _is_many(again: Sequence[Passage], digests: dict[int, str]) -> bool:
    return len(again) >= _SURE_AT_REWRITING and len({digests[passage.first] for passage in again}) > 1
