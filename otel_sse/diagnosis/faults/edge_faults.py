"""The faults of one edge, as its flow shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

import msgspec

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Passage
from otel_sse.diagnosis.faults.edge_fates import edge_fates
from otel_sse.diagnosis.faults.fault import Fault, fault_at, ranges
from otel_sse.diagnosis.faults.glued import glued
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.kinds import (
    ACCUMULATED,
    CHANGED,
    COLON_CONTENT,
    DOUBLED,
    DUPLICATE,
    JSON_ERROR,
    MOVED,
    REPLACED,
    REPLY_LOST,
    RESTARTED,
)
from otel_sse.stream.stages import ADDING_NOTHING


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


_LONG_TEXT: Final = 128
"""Bytes from which it is no coincidence that added chunks together are as long as all text before them, or nearly."""

_LONGISH_TEXT: Final = 64
"""The same where it is then only suspected."""

_STRIPPED: Final = 2
"""Bytes by which a long text may differ that comes again: a line end more, or white space less."""


def _is_again(said: _Said, size: int, chunks: int, *, is_last: bool) -> bool | None:
    """Return whether added text is sure to be all that was said, by its size; None where it is not."""
    if chunks == 1 and size == said.size:
        if said.reaches(_WHOLE_TEXT):
            return True
        return False if is_last and said.reaches(_SHORT_TEXT) else None
    if said.chunks < _WHOLE_TEXT.chunks or abs(size - said.size) > _STRIPPED:
        return None
    if size >= _LONG_TEXT:
        return True
    return False if size == said.size >= _LONGISH_TEXT else None


_LINE_ENDS_BYTES: Final = 4
"""Bytes of the line ends that a chunk may have: two, with a carriage return each."""

_LINE_ENDS: Final = (
    "Each is shorter by a byte or a few: line ends in the text were lost, because only its first line got a `data:` "
    "field or the text was split at them, or white space was stripped. otel_sse.wire.encode frames every line."
)


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


def _times(passages: Sequence[Passage]) -> int:
    """Return how often each chunk was handed on, if all were handed on alike; else 2."""
    often = {count + 1 for count in Counter(passage.first for passage in passages).values()}
    return often.pop() if len(often) == 1 else 2


class _Edge:
    def __init__(self, stream: TraceStream, up: int, down: int) -> None:
        self._stream, self._up, self._down = stream, up, down
        self._fates = edge_fates(stream, up, down)
        self._edge = self._fates.edge
        self._before, self._after = stream.stages[up], stream.stages[down]
        self._notes: list[str] = []
        self._in_glue: set[int] = set()

    def report(self) -> EdgeReport:
        if self._fates.is_unreadable and self._after.chunks:
            self._notes.append(
                f"{self._after.label}: no content can be read in its chunks, so that they can't be compared with those "
                f"of {self._before.label}. The option content_of says where it is."
            )
        if not self._fates.is_comparable:
            return EdgeReport([], self._notes)
        faults = [*self._glued(), *self._repeated(), *self._accumulated(), *self._misplaced(), *self._missing()]
        self._note_added({seq for fault in faults for seq in fault.seqs if fault.family == DUPLICATE})
        return EdgeReport(faults, self._notes)

    def _glued(self) -> Iterator[Fault]:
        """Yield the fault that frames were glued together. What is missing or replaced there follows from it."""
        found = glued(self._edge)
        self._in_glue = {seq for each in found for seq in each.frames}
        if found:
            seq, frames = found[0]
            told = (
                f"{seq} has the bytes of {ranges(frames)} of {self._before.label} in one event: no blank line ends them"
            )
            yield self._fault(JSON_ERROR, [each.seq for each in found], told)

    def _note_added(self, told: Container[int]) -> None:
        """Say which chunks the stage added, but for those that a fault is about."""
        added = [p.seq for p in self._edge.flow.passages if p.fate == Fate.ADDED and p.seq not in told]
        if added:
            may = ", which may rewrite" if self._after.rewrites else ""
            were = "1 chunk was" if len(added) == 1 else f"{len(added)} chunks were"
            self._notes.append(
                f"{self._after.label}{may}: {were} {Fate.ADDED}, {ranges(added)}; {self._before.label} had no such"
            )

    def _fault(
        self,
        kind: str,
        seqs: Sequence[int],
        evidence: str,
        *,
        sure: bool = True,
        of: Sequence[int] = (),
        origin: str = "",
        times: int = 2,
    ) -> Fault:
        told = evidence + ("" if self._edge.recorded else ", by digest")
        certain = sure and not self._fates.is_bridge
        if kind in (MOVED, CHANGED, REPLACED):
            # Which piece is which is a guess, once text is cut anew.
            certain = certain and not self._edge.flow.is_cut_anew
        found = fault_at(
            self._stream, self._down, kind, told, upstream=self._up, certain=certain, seqs=seqs, of=of, origin=origin
        )
        return found if times == found.times else msgspec.structs.replace(found, times=times)

    def _repeated(self) -> Iterator[Fault]:
        digests = {chunk.seq: chunk.digest for chunk in self._before.chunks}
        for each in self._fates.repetitions:
            seqs = [passage.seq for passage in each.passages]
            if self._after.rewrites and each.is_allowed:
                self._notes.append(
                    f"{self._after.label}, which may rewrite, made {ranges(seqs)} equal to a chunk before"
                )
                continue
            yield self._fault(
                each.kind,
                seqs,
                self._repetition(each.kind, each.passages, digests),
                sure=not self._edge.flow.unsure.intersection(seqs)
                and (each.is_sure or self._after.name in ADDING_NOTHING),
                of=[passage.of for passage in each.passages],
                origin=self._sources(each.passages),
                times=_times(each.passages) if each.kind == DOUBLED else 2,
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
        """Yield the faults that text was added which is as long as all before it, in one chunk or in several."""
        if self._after.rewrites:
            return
        sizes, said = self._after.content_bytes, _Said(0, 0)
        made_from = {p.seq: p.fate for p in self._edge.flow.passages}
        content = [chunk for chunk in self._edge.chunks if chunk.seq in made_from]
        events: set[str] = set()
        was_handed_on = False
        for own, run in groupby(content, key=lambda chunk: made_from[chunk.seq] in (Fate.ADDED, Fate.REPLACED)):
            chunks = list(run)
            parts = [chunks] if own and len(chunks) > 1 else []
            # What a stage says first is no repetition, however long it is.
            again = [*([one] for one in chunks), *parts] if own and was_handed_on else []
            was_handed_on = was_handed_on or not own
            for part in again:
                size = sum(sizes.get(chunk.seq, 0) for chunk in part)
                is_last = part[-1].seq == content[-1].seq
                sure = _is_again(said, size, len(part), is_last=is_last)
                if sure is None or (len(part) < len(chunks) and size < _LONGISH_TEXT):
                    # Among other words of the stage's own, one is soon as long as a short answer.
                    continue
                seqs = [chunk.seq for chunk in part]
                told = f"{ranges(seqs)} was made from nothing upstream, and has {size} bytes: all text before it has"
                told += "" if size == said.size else f" {said.size}"
                if events and not events & {chunk.event for chunk in part}:
                    self._notes.append(f"{self._after.label}: {told}, and is an event of its own")
                else:
                    yield self._fault(ACCUMULATED, seqs, told, sure=sure)
                break
            said = _Said(said.size + sum(sizes.get(chunk.seq, 0) for chunk in chunks), said.chunks + len(chunks))
            events.update(chunk.event for chunk in chunks)

    def _misplaced(self) -> Iterator[Fault]:
        name = self._before.label
        if moved := self._faulty(Fate.MOVED):
            first = moved[0]
            evidence = f"{first.seq} is {first.first} of {name}, and came after {first.of}"
            yield self._fault(MOVED, [p.seq for p in moved], evidence, of=[p.of for p in moved])
        if changed := self._faulty(Fate.CHANGED):
            first = changed[0]
            before, after = self._before.by_seq[first.first].digest, self._after.by_seq[first.seq].digest
            evidence = f"{first.seq} was made from {first.first} of {name}: digest {before}, then {after}"
            fault = self._fault(CHANGED, [p.seq for p in changed], evidence)
            yield msgspec.structs.replace(fault, reason=_LINE_ENDS) if self._lack_line_ends(changed) else fault
        if replaced := self._faulty(Fate.REPLACED):
            start, end = min(p.first for p in replaced), max(p.last for p in replaced)
            seqs = [p.seq for p in replaced]
            evidence = f"{ranges(seqs)} is made from {start} to {end} of {name}, and is not the sum of them"
            yield self._fault(REPLACED, seqs, evidence)

    def _lack_line_ends(self, changed: Sequence[Passage]) -> bool:
        """Whether each changed chunk is shorter by a line end or a few."""
        before, after = self._before.content_bytes, self._after.content_bytes
        fewer = [before.get(p.first, 0) - after.get(p.seq, 0) for p in changed]
        return all(1 <= count <= _LINE_ENDS_BYTES for count in fewer)

    def _faulty(self, fate: Fate) -> list[Passage]:
        passages = (p for p in self._edge.flow.passages if p.fate == fate and p.first not in self._in_glue)
        return [passage for passage in passages if not self._fates.is_allowed(passage)]

    def _missing(self) -> Iterator[Fault]:
        losses = self._fates.losses
        by_kind = {k: [seq for seq in seqs if seq not in self._in_glue] for k, seqs in losses.by_kind.items()}
        for kind, seqs in ((kind, seqs) for kind, seqs in by_kind.items() if seqs):
            origin = f"made by {losses.made_by(seqs[0])}" if kind == REPLY_LOST else ""
            yield self._fault(kind, seqs, self._loss(kind, seqs), sure=losses.are_sure(seqs), origin=origin)
        self._notes += losses.notes

    def _loss(self, kind: str, seqs: Sequence[int]) -> str:
        digest = self._before.by_seq[seqs[0]].digest
        told = f"{ranges(seqs)} of {self._before.label} did not come, digest {digest}"
        if len(seqs) > 1:
            told += f" and {len(seqs) - 1} more"
        return told + ("; a comment came in its place" if kind == COLON_CONTENT else "")
