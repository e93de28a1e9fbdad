"""Chunks that came to a stage and did not leave it: which of these are lost, and how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from otel_sse.diagnosis.faults.comments import Comments
from otel_sse.diagnosis.faults.omissions import LeftOut
from otel_sse.diagnosis.faults.replies import reply_of
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.kinds import COLON_CONTENT, LOST, REPLY_LOST


class Losses:
    """The content that an edge lost.

    Args:
        stream: The stream.
        up: Position of the stage before.
        down: Position of the stage after, which may not rewrite.
        missing: Numbers at the stage before of content that should have come and did not, rising.
    """

    def __init__(self, stream: TraceStream, up: int, down: int, missing: Sequence[int]) -> None:
        self._stream, self._up = stream, up
        comments = Comments(stream.descents[up, down], missing)
        meant = LeftOut(stream, up, down, missing)
        lost = meant.rest(comments.at_once)
        flow = stream.descents[up, down].flow
        # Where text is cut anew, a chunk that is missing may be part of another one.
        self._doubtful = meant.doubtful | flow.doubtful | (set(lost) if flow.is_cut_anew else set())
        self.notes = meant.notes
        """What was left out on purpose and is not lost, one line each."""
        self.by_kind = _by_kind(lost, {seq for seq in lost if self.made_by(seq)}, comments.instead)
        """The numbers of the lost chunks at the stage before, by the kind of the fault."""

    def are_sure(self, seqs: Iterable[int]) -> bool:
        """Return whether lost chunks can't be left out on purpose.

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


def _by_kind(lost: Iterable[int], replies: set[int], comments: set[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for seq in lost:
        kind = REPLY_LOST if seq in replies else COLON_CONTENT if seq in comments else LOST
        found.setdefault(kind, []).append(seq)
    return found
