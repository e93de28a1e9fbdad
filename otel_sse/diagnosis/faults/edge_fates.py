"""The fate of each chunk on one edge. `trace`, the path of a chunk, the matrix and `diagnose` all use it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import Final

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.diagnosis.alignment.flow import Passage
from otel_sse.diagnosis.alignment.ranges import Intervals
from otel_sse.diagnosis.faults.losses import Losses
from otel_sse.diagnosis.faults.repeats import Repeats, Repetition
from otel_sse.diagnosis.faults.resumes import resumes
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.channels import is_beside
from otel_sse.stream.chunk import CONTENT, CONTROL, KINDS, Chunk
from otel_sse.stream.outcome import ABANDONED, CANCELLED, COMPLETED, UNPARSED

_OTHERS: Final = frozenset(KINDS) - {CONTENT}


def edge_fates(stream: TraceStream, up: int, down: int) -> EdgeFates:
    """Return the fates of the chunks between two neighbours of a stream. They are worked out once.

    Args:
        stream: The stream.
        up: Position of the stage before.
        down: Position of the stage after.
    """
    # Kept with the stream, which lies in a room below and can't know this class.
    kept: dict[tuple[int, int], EdgeFates] = stream.__dict__.setdefault("edge_fates", {})
    if (up, down) not in kept:
        kept[up, down] = EdgeFates(stream, up, down)
    return kept[up, down]


class EdgeFates:
    """The fate of each chunk between two neighbours, and whether it is a fault.

    Args:
        stream: The stream.
        up: Position of the stage before.
        down: Position of the stage after.
    """

    def __init__(self, stream: TraceStream, up: int, down: int) -> None:
        self._stream, self._up, self._down = stream, up, down
        self.edge = stream.descents[up, down]
        self._before, self._after = self.edge.upstream, self.edge.downstream
        self.is_bridge = down in stream.orphans
        """Whether a stage that is not in the trace lies between the two. That stage may be one that may rewrite."""

    # Whether there is anything to compare

    @cached_property
    def is_comparable(self) -> bool:
        """Whether the content of both stages can be compared."""
        before, after = (self._content(chunks) for chunks in (self._before.chunks, self.edge.chunks))
        if not before or (not after and self.is_unreadable):
            return False
        is_linked = bool(self._after.upstream_ids or self._after.upstream_name)
        return bool(after) or is_linked or len(self._stream.upstream[self._down]) == 1

    @cached_property
    def is_unreadable(self) -> bool:
        """Whether other chunks came in the place of content, so that they may hold it in an unknown form."""
        before = self._content(self._before.chunks)
        if not before or self._content(self.edge.chunks):
            return False
        if self._after.outcome == UNPARSED:
            return True
        known = {chunk.digest for chunk in self._before.chunks}
        since_ns = before[0].time_ns
        others = [c for c in self.edge.chunks if c.kind == CONTROL and c.digest not in known and c.time_ns >= since_ns]
        return len(others) * 2 >= len(before)

    def _content(self, chunks: Iterable[Chunk]) -> list[Chunk]:
        return [chunk for chunk in chunks if chunk.kind == CONTENT]

    # What became of the chunks upstream

    def of(self, seq: int) -> Fate:
        """Return the fate of an upstream chunk.

        Args:
            seq: Its number.
        """
        made = self.edge.made_of.get(seq, [])
        if seq in self._lost:
            return self._gone[seq] if self.is_comparable or not made else Fate.CHANGED
        if made:
            return _of_made(made)
        is_content = self._before.by_seq[seq].kind == CONTENT
        return Fate.UNKNOWN if is_content else self._missing(seq) or Fate.LEFT_OUT

    @cached_property
    def _lost(self) -> frozenset[int]:
        return frozenset(self.edge.flow.lost)

    @cached_property
    def _gone(self) -> dict[int, Fate]:
        """The content chunks from which nothing was made, with their fates."""
        gone = {seq: self._missing(seq) for seq in self.edge.flow.lost}
        lost = {seq for seqs in self.losses.by_kind.values() for seq in seqs}
        return {seq: fate or (Fate.LOST if seq in lost else Fate.LEFT_OUT) for seq, fate in gone.items()}

    @cached_property
    def losses(self) -> Losses:
        """The losses among the missing content."""
        rewrites = self._after.rewrites
        missing = [seq for seq in self.edge.flow.lost if not rewrites and self._missing(seq) is None]
        return Losses(self._stream, self._up, self._down, missing)

    def _missing(self, seq: int) -> Fate | None:
        """The fate of a chunk from which nothing was made, if that is no fault of the stage; else None."""
        if seq in self.edge.taken_elsewhere or seq in self._taken_another_way or seq in self._skipped:
            return Fate.ELSEWHERE
        if not self.is_comparable or self._after.has_holes:
            return Fate.UNKNOWN
        if seq < self.edge.handed_on:
            return None
        if not self._after.is_whole:
            return Fate.UNKNOWN
        # What comes last is cut off, and not lost, where either stage ended before its turn.
        ended = self._after.outcome != COMPLETED or self._before.outcome in (ABANDONED, CANCELLED)
        return Fate.CUT_OFF if ended else None

    @cached_property
    def _skipped(self) -> frozenset[int]:
        """The chunks that the stage had from another stage already, which had broken off."""
        found = (each.skipped for each in resumes(self._stream) if (each.second, each.down) == (self._up, self._down))
        return next(found, frozenset())

    @cached_property
    def _taken_another_way(self) -> Intervals:
        """The chunks that another path handed on, if both paths join again further on."""
        stream, joined = self._stream, _behind(self._stream, self._down)
        others = [down for up, down in stream.descents if up == self._up and down != self._down]
        joining = [stream.descents[self._up, other] for other in others if joined & _behind(stream, other)]
        return Intervals((p.first, p.last) for edge in joining for p in edge.flow.passages if p.first)

    @cached_property
    def by_fate(self) -> dict[Fate, list[int]]:
        """The upstream numbers of the content with each fate; of added chunks the downstream numbers."""
        return self._by_fate({CONTENT})

    @cached_property
    def counts(self) -> Counter[Fate]:
        """How many content chunks have each fate."""
        return _counted(self.by_fate)

    @cached_property
    def other_counts(self) -> Counter[Fate]:
        """The same of the chunks without content: comments, heartbeats, ends, errors, control."""
        return _counted(self._by_fate(_OTHERS))

    def _by_fate(self, kinds: Collection[str]) -> dict[Fate, list[int]]:
        found: dict[Fate, list[int]] = {}
        for chunk in self._before.chunks:
            if chunk.kind in kinds:
                found.setdefault(self.of(chunk.seq), []).append(chunk.seq)
        if added := [chunk.seq for chunk in self.edge.added if chunk.kind in kinds]:
            found[Fate.ADDED] = added
        return found

    # What the chunks downstream are

    @cached_property
    def repetitions(self) -> list[Repetition]:
        """The content that was handed on again, by kind."""
        digests = {chunk.seq: chunk.digest for chunk in self._before.chunks}
        content = [chunk.seq for chunk in self._content(self._before.chunks)]
        return Repeats(self.edge.flow.passages, content, digests).by_kind()

    def is_allowed(self, passage: Passage) -> bool:
        """Return whether a stage had the right to a change: it may rewrite, or it leaves a channel out.

        Args:
            passage: What the content is downstream.
        """
        if not self.is_comparable:
            return True
        if passage.fate == Fate.DOUBLED:
            return self._after.rewrites and passage.seq in self._allowed_repeats
        if passage.fate == Fate.REPLACED and self._stands_beside(passage):
            return True
        if passage.fate == Fate.CHANGED and self._has_one_field(passage):
            return True
        return self._after.rewrites or (self.is_bridge and passage.fate != Fate.MOVED)

    @cached_property
    def _allowed_repeats(self) -> frozenset[int]:
        return frozenset(p.seq for each in self.repetitions if each.is_allowed for p in each.passages)

    def mark(self, seq: int) -> Fate:
        """Return the mark of a downstream chunk in the matrix.

        Args:
            seq: Its number.
        """
        passage = self.edge.passage_of.get(seq, Passage(seq, Fate.ADDED))
        if self._after.by_seq[seq].kind != CONTENT:
            # What is put round content may be written anew by every stage.
            return Fate.REWRITTEN if passage.fate in (Fate.CHANGED, Fate.REFRAMED) else passage.fate
        if passage.fate == Fate.REFRAMED:
            return Fate.REWRITTEN if self._after.rewrites else Fate.REFRAMED
        is_told = passage.fate in (Fate.SAME, Fate.ADDED, Fate.UNKNOWN)
        return passage.fate if is_told or not self.is_allowed(passage) else Fate.REWRITTEN

    def _stands_beside(self, passage: Passage) -> bool:
        """Whether a chunk replaces only chunks of other channels, of which nothing was handed on.

        An application that does not show a tool's call, or a model's reasoning, may say that there was one.
        """
        before = self._before.by_seq
        covered = (before[seq] for seq in self._before.between(passage.first, passage.last))
        channels = {chunk.channel for chunk in covered if chunk.kind == CONTENT}
        return all(map(is_beside, channels)) and not channels & self._channels_handed_on

    def _has_one_field(self, passage: Passage) -> bool:
        """Whether a chunk held a piece of reasoning or of a call beside text, and the text alone was handed on."""
        before, after = self._before.by_seq.get(passage.first), self._after.by_seq[passage.seq]
        sizes = self._before.content_bytes.get(passage.first, 0), self._after.content_bytes.get(passage.seq, 0)
        if before is None or not is_beside(before.channel) or is_beside(after.channel):
            return False
        return 0 < sizes[1] < sizes[0] and before.channel not in self._channels_handed_on

    @cached_property
    def _channels_handed_on(self) -> frozenset[str]:
        before, passages = self._before.by_seq, self.edge.flow.passages
        kept = (before[p.first] for p in passages if p.fate in (Fate.SAME, Fate.MOVED) and p.first in before)
        return frozenset(chunk.channel for chunk in kept)


def _of_made(made: Sequence[Passage]) -> Fate:
    """The fate of a chunk, by the chunks that were made from it."""
    fates = {passage.fate for passage in made}
    for fate in (Fate.DOUBLED, Fate.MOVED, Fate.REPLACED, Fate.CHANGED):
        if fate in fates:
            return fate
    if Fate.REFRAMED in fates:
        return Fate.MERGED if any(passage.first != passage.last for passage in made) else Fate.SPLIT
    # Content that was read from a chunk without any is added, and yet made from it.
    return Fate.CHANGED if Fate.ADDED in fates else Fate.SAME


def _counted(found: dict[Fate, list[int]]) -> Counter[Fate]:
    return Counter({fate: len(seqs) for fate, seqs in found.items()})


def _behind(stream: TraceStream, position: int) -> set[int]:
    """A stage and all stages that got its chunks."""
    found = {position}
    for n in range(position + 1, len(stream.stages)):
        if found & set(stream.upstream[n]):
            found.add(n)
    return found
