"""What went wrong on one edge: what its flow shows, put into faults."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from otel_sse.lineage import passages as flows
from otel_sse.lineage.descent import Descent
from otel_sse.lineage.faults import (
    ACCUMULATED,
    CHANGED,
    COLON,
    DOUBLED,
    LOST,
    MOVED,
    REPLACED,
    REPLY_LOST,
    RESTARTED,
    Fault,
    ranges,
)
from otel_sse.lineage.passages import ADDED, AGAIN, SAME, Passage
from otel_sse.lineage.repeats import Repeats
from otel_sse.lineage.stages import TraceStage
from otel_sse.lineage.trace import ORIGINS, TraceStream
from otel_sse.stream.chunk import CERTAIN, COMMENT, CONTENT, CONTROL, SUSPECTED, Chunk
from otel_sse.stream.outcome import ABANDONED, CANCELLED, COMPLETED

_SURE_AT_REWRITING: Final = 3
"""Repetitions from which a stage that may rewrite is held to have doubled, and not to have made an equal chunk."""

_WHOLE_TEXT_BYTES: Final = 16
"""Bytes from which it is no coincidence that a chunk made from nothing is as long as all text before it."""

_WHOLE_TEXT_CHUNKS: Final = 3
"""Chunks before it, likewise."""

_LEFT_OUT: Final = 8
"""Chunks at the beginning of a stage's content that are taken for something left out on purpose (a model's
reasoning, the arguments of a tool call) where none of them was handed on."""


class EdgeReport(msgspec.Struct):
    """What there is to say of one edge.

    Args:
        faults: What went wrong.
        notes: What is worth saying and nothing wrong, one line each.
    """

    faults: list[Fault]
    notes: list[str]


def report_edge(stream: TraceStream, up: int, down: int) -> EdgeReport:
    """Return what went wrong with the content between two neighbours of a stream.

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
        """Whether other chunks came in the place of content, so that it may be in them, in a form nobody knows."""
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
        if not again or (_has_holes(self._before) and not self._edge.flow.recorded):
            return
        digests = {chunk.seq: chunk.digest for chunk in self._before.chunks}
        content = [chunk.seq for chunk in self._before.chunks if chunk.kind == CONTENT]
        sure = not self._after.rewrites or _is_many(again, digests)
        if not sure:
            seqs = ranges([passage.seq for passage in again])
            self._notes.append(f"{self._after.label}, which may rewrite, made {seqs} equal to a chunk before")
            return
        for kind, passages in Repeats(self._edge.flow.passages, content, digests).by_kind().items():
            yield self._fault(
                kind,
                [passage.seq for passage in passages],
                self._repetition(kind, passages, digests),
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
        """Both sources, where two adapters or paths emitted the chunk and its repetition."""
        chunks = self._after.by_seq
        pairs = ((chunks[p.of], chunks[p.seq]) for p in passages if p.of in chunks and p.seq in chunks)
        both = next(((a.source, b.source) for a, b in pairs if a.source != b.source), None)
        own = self._after.source
        return "" if both is None else f"emitted by {both[0] or own or 'one path'} and by {both[1] or own or 'another'}"

    def _accumulated(self) -> Iterator[Fault]:
        if self._after.rewrites:
            return
        sizes, total, count = self._after.content_bytes, 0, 0
        made_from = {p.seq: p for p in self._edge.flow.passages}
        for chunk in self._edge.chunks:
            size = sizes.get(chunk.seq, 0)
            passage = made_from.get(chunk.seq)
            long_enough = size >= _WHOLE_TEXT_BYTES and count >= _WHOLE_TEXT_CHUNKS
            if passage and passage.what in (ADDED, flows.REPLACED) and long_enough and size == total:
                evidence = f"{chunk.seq} was made from nothing upstream, and has {size} bytes: all text before it has"
                yield self._fault(ACCUMULATED, [chunk.seq], evidence)
            elif passage:
                total, count = total + size, count + 1

    def _misplaced(self) -> Iterator[Fault]:
        if self._after.rewrites:
            return
        passages = self._edge.flow.passages
        if moved := [p for p in passages if p.what == flows.MOVED]:
            first = moved[0]
            evidence = f"{first.seq} is {first.first} of {self._before.label}, and came after {first.of}"
            yield self._fault(MOVED, [p.seq for p in moved], evidence, of=tuple(p.of for p in moved))
        if self._bridges:
            # Whatever is in the hole may have been allowed to rewrite.
            return
        if changed := [p for p in passages if p.what == flows.CHANGED]:
            first = changed[0]
            before, after = self._before.by_seq[first.first].digest, self._after.by_seq[first.seq].digest
            evidence = f"{first.seq} was made from {first.first} of {self._before.label}: digest {before}, then {after}"
            yield self._fault(CHANGED, [p.seq for p in changed], evidence, of=())
        replaced = [p for p in passages if p.what == flows.REPLACED]
        if replaced:
            start, end = min(p.first for p in replaced), max(p.last for p in replaced)
            seqs = ranges([p.seq for p in replaced])
            evidence = f"{seqs} is made from {start} to {end} of {self._before.label}, and is not the sum of them"
            yield self._fault(REPLACED, [p.seq for p in replaced], evidence)

    def _missing(self) -> Iterator[Fault]:
        if self._after.rewrites:
            return
        lost = [seq for seq in self._edge.flow.lost if is_lost(self._edge, seq)]
        lost = self._without_left_out([seq for seq in lost if not self._went_another_way(seq)])
        replies = {seq: maker for seq in lost if (maker := self._made_by(seq))}
        comments = self._comments(lost)
        for kind, seqs in _by_kind(lost, replies, comments).items():
            origin = f"made by {replies[seqs[0]]}" if kind == REPLY_LOST else ""
            yield self._fault(kind, seqs, self._loss(kind, seqs), origin=origin)

    def _loss(self, kind: str, seqs: Sequence[int]) -> str:
        digest = self._before.by_seq[seqs[0]].digest
        told = f"{ranges(seqs)} of {self._before.label} did not come, digest {digest}"
        if len(seqs) > 1:
            told += f" and {len(seqs) - 1} more"
        return told + ("; a comment came in its place" if kind == COLON else "")

    def _went_another_way(self, seq: int) -> bool:
        """Whether another path took the chunk, and both paths come together again further on."""
        stream, joined = self._stream, _behind(self._stream, self._down)
        others = [down for up, down in stream.descents if up == self._up and down != self._down]
        return any(
            any(passage.first <= seq <= passage.last for passage in stream.descents[self._up, other].flow.passages)
            for other in others
            if joined & _behind(stream, other)
        )

    def _without_left_out(self, lost: list[int]) -> list[int]:
        """Take away what the application seems to leave out on purpose.

        That is a long block at the beginning, a model's reasoning; and the end of an answer after which a model was
        asked again: the call of a tool.
        """
        content = [chunk.seq for chunk in self._before.chunks if chunk.kind == CONTENT]
        head, tail = _common(content, lost), _common(content[::-1], lost[::-1])
        if _LEFT_OUT <= head < len(content):
            self._note_left_out(lost[:head], "beginning", "a model's reasoning?")
            lost = lost[head:]
        if lost and 0 < tail < len(content) and self._asked_again():
            self._note_left_out(lost[-tail:], "end", "a model was asked again after it: the call of a tool?")
            lost = lost[:-tail]
        return lost

    def _note_left_out(self, seqs: Sequence[int], what: str, guess: str) -> None:
        self._notes.append(
            f"{self._after.label}: {ranges(seqs)} of {self._before.label}, its {what}, was not handed on: {guess}"
        )

    def _asked_again(self) -> bool:
        end_ns = self._before.chunks[-1].time_ns
        others = [stage for stage in self._stream.stages if stage is not self._before and stage.name in ORIGINS]
        return any(each.service == self._before.service and each.first_ns > end_ns for each in others)

    def _made_by(self, seq: int) -> str:
        """The stage that may rewrite and made a chunk of its own, which came as far as the stage before this edge."""
        position = self._up
        while True:
            stage = self._stream.stages[position]
            ups = self._stream.upstream[position]
            found = [p for up in ups for p in self._stream.descents[up, position].flow.passages if p.seq == seq]
            if stage.rewrites:
                return stage.label if found and all(p.what != SAME for p in found) else ""
            if len(ups) != 1 or not found or found[0].what != SAME:
                return ""
            position, seq = ups[0], found[0].first

    def _comments(self, lost: Sequence[int]) -> set[int]:
        """Lost chunks in whose place a comment came that was not there before."""
        if not lost or any(chunk.kind == COMMENT for chunk in self._before.chunks):
            return set()
        comments = [chunk.seq for chunk in self._edge.chunks if chunk.kind == COMMENT]
        same = [(p.first, p.seq) for p in self._edge.flow.passages if p.what == SAME]
        found = set()
        for seq in lost if comments else ():
            low = max((down for up, down in same if up < seq), default=0)
            high = min((down for up, down in same if up > seq), default=1 << 62)
            if any(low < comment < high for comment in comments):
                found.add(seq)
        return found


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many numbers both begin with."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _behind(stream: TraceStream, position: int) -> set[int]:
    """A stage and all that its chunks went on to."""
    found = {position}
    for n in range(position + 1, len(stream.stages)):
        if found & set(stream.upstream[n]):
            found.add(n)
    return found


def is_lost(edge: Descent, seq: int) -> bool:
    """Return whether a chunk that nothing was made from was lost, and not cut off or outside of the trace.

    Args:
        edge: The edge; its flow names the chunk as lost.
        seq: Its number upstream.
    """
    if _has_holes(edge.downstream):
        return False
    if seq < edge.handed_on:
        return True
    # What comes last is cut off, and not lost, where either stage ended before its turn.
    whole = edge.downstream.outcome == COMPLETED and edge.downstream.is_whole
    return whole and edge.upstream.outcome not in (ABANDONED, CANCELLED)


def _has_holes(stage: TraceStage) -> bool:
    """Whether chunks are missing in the trace before the last one that it has."""
    return bool(stage.chunks) and max(stage.by_seq) != len(stage.by_seq)


def _is_many(again: Sequence[Passage], digests: dict[int, str]) -> bool:
    return len(again) >= _SURE_AT_REWRITING and len({digests[passage.first] for passage in again}) > 1


def _by_kind(lost: Iterable[int], replies: dict[int, str], comments: set[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for seq in lost:
        kind = REPLY_LOST if seq in replies else COLON if seq in comments else LOST
        found.setdefault(kind, []).append(seq)
    return found
