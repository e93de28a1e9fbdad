"""Chunks that came to a stage and did not leave it: which of these are lost, and how."""

from __future__ import annotations

from collections.abc import Iterable

from otel_sse.diagnosis.faults.comments import Comments
from otel_sse.diagnosis.faults.omissions import LeftOut
from otel_sse.diagnosis.faults.replies import reply_of
from otel_sse.diagnosis.trace.edge import Descent
from otel_sse.diagnosis.trace.stages import TraceStage
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.kinds import COLON_CONTENT, LOST, REPLY_LOST
from otel_sse.stream.outcome import ABANDONED, CANCELLED, COMPLETED


class Losses:
    """The content that an edge lost.

    Args:
        stream: The stream.
        up: Position of the stage before.
        down: Position of the stage after.
    """

    def __init__(self, stream: TraceStream, up: int, down: int) -> None:
        self._stream, self._up, self._down = stream, up, down
        self._edge: Descent = stream.descents[up, down]
        self._after = stream.stages[down]
        self._doubtful: set[int] = set()
        self.notes: list[str] = []
        """Chunks that were left out on purpose, one line each. Filled by `by_kind`."""

    def by_kind(self) -> dict[str, list[int]]:
        """Return the numbers of the lost chunks at the stage before, by the kind of the fault."""
        if self._after.rewrites:
            return {}
        lost = [seq for seq in self._edge.flow.lost if is_lost(self._edge, seq)]
        lost = [seq for seq in lost if not self._went_another_way(seq)]
        comments = Comments(self._edge, lost)
        meant = LeftOut(self._stream, self._up, self._down, lost)
        lost = meant.rest(comments.at_once)
        self.notes, self._doubtful = meant.notes, meant.doubtful
        return _by_kind(lost, {seq for seq in lost if self.made_by(seq)}, comments.instead)

    def are_sure(self, seqs: Iterable[int]) -> bool:
        """Return whether lost chunks can't have been left out on purpose. To be called after `by_kind`.

        Args:
            seqs: Their numbers at the stage before.
        """
        return not self._doubtful.issuperset(seqs)

    def made_by(self, seq: int) -> str:
        """Return the label of the rewriting stage that made a chunk itself; "" if the chunk is the model's.

        Args:
            seq: The chunk's number at the stage before.
        """
        reply = reply_of(self._stream, self._up, seq)
        return "" if reply is None else self._stream.stages[reply.position].label

    def _went_another_way(self, seq: int) -> bool:
        """Whether another path handed the chunk on, and both paths join again further on."""
        stream, joined = self._stream, _behind(self._stream, self._down)
        others = [down for up, down in stream.descents if up == self._up and down != self._down]
        return any(
            any(passage.first <= seq <= passage.last for passage in stream.descents[self._up, other].flow.passages)
            for other in others
            if joined & _behind(stream, other)
        )


def _behind(stream: TraceStream, position: int) -> set[int]:
    """A stage and all stages that got its chunks."""
    found = {position}
    for n in range(position + 1, len(stream.stages)):
        if found & set(stream.upstream[n]):
            found.add(n)
    return found


def is_lost(edge: Descent, seq: int) -> bool:
    """Return whether a chunk from which nothing was made was lost, and not cut off or outside of the trace.

    Args:
        edge: The edge, in whose flow the chunk is lost.
        seq: The chunk's number upstream.
    """
    if has_holes(edge.downstream):
        return False
    if seq < edge.handed_on:
        return True
    # If either stage ended early, the last chunks were cut off and not lost.
    whole = edge.downstream.outcome == COMPLETED and edge.downstream.is_whole
    return whole and edge.upstream.outcome not in (ABANDONED, CANCELLED)


def has_holes(stage: TraceStage) -> bool:
    """Return whether chunks are missing in the trace before the last one that it has."""
    return bool(stage.chunks) and max(stage.by_seq) != len(stage.by_seq)


def _by_kind(lost: Iterable[int], replies: set[int], comments: set[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for seq in lost:
        kind = REPLY_LOST if seq in replies else COLON_CONTENT if seq in comments else LOST
        found.setdefault(kind, []).append(seq)
    return found
