"""What came to a stage and did not leave it: what of that is lost, and in which way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from otel_sse.lineage.descent import Descent
from otel_sse.lineage.faults import COLON, LOST, REPLY_LOST, ranges
from otel_sse.lineage.passages import SAME
from otel_sse.lineage.stages import TraceStage
from otel_sse.lineage.trace import ORIGINS, TraceStream
from otel_sse.stream.chunk import COMMENT, CONTENT
from otel_sse.stream.outcome import ABANDONED, CANCELLED, COMPLETED

_LEFT_OUT: Final = 8
"""Chunks at the beginning of a stage's content that are taken for something left out on purpose (a model's
reasoning, the arguments of a tool call) where none of them was handed on."""


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
        self._before, self._after = stream.stages[up], stream.stages[down]
        self.notes: list[str] = []
        """What was left out and is not lost, one line each, once `by_kind` was asked."""

    def by_kind(self) -> dict[str, list[int]]:
        """Return the numbers of the lost chunks at the stage before, by the kind of the fault."""
        if self._after.rewrites:
            return {}
        lost = [seq for seq in self._edge.flow.lost if is_lost(self._edge, seq)]
        lost = self._without_channels([seq for seq in lost if not self._went_another_way(seq)])
        lost = self._without_left_out(lost)
        replies = {seq for seq in lost if self.made_by(seq)}
        return _by_kind(lost, replies, self._comments(lost))

    def made_by(self, seq: int) -> str:
        """Return the stage that may rewrite and made a chunk of its own, which came as far as this edge; or "".

        Args:
            seq: The chunk's number at the stage before.
        """
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

    def _went_another_way(self, seq: int) -> bool:
        """Whether another path took the chunk, and both paths come together again further on."""
        stream, joined = self._stream, _behind(self._stream, self._down)
        others = [down for up, down in stream.descents if up == self._up and down != self._down]
        return any(
            any(passage.first <= seq <= passage.last for passage in stream.descents[self._up, other].flow.passages)
            for other in others
            if joined & _behind(stream, other)
        )

    def _without_channels(self, lost: list[int]) -> list[int]:
        """Take away channels of which nothing was handed on: a model's reasoning, the arguments of a tool call."""
        before = self._before.by_seq
        handed_on = {before[p.first].channel for p in self._edge.flow.passages if p.first in before}
        left_out = [seq for seq in lost if before[seq].channel and before[seq].channel not in handed_on]
        for channel in dict.fromkeys(before[seq].channel for seq in left_out):
            seqs = [seq for seq in left_out if before[seq].channel == channel]
            self._note_left_out(seqs, f"channel {channel}", "meant to be left out?")
        return [seq for seq in lost if seq not in set(left_out)]

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
        self.notes.append(
            f"{self._after.label}: {ranges(seqs)} of {self._before.label}, its {what}, was not handed on: {guess}"
        )

    def _asked_again(self) -> bool:
        end_ns = self._before.chunks[-1].time_ns
        others = [stage for stage in self._stream.stages if stage is not self._before and stage.name in ORIGINS]
        return any(each.service == self._before.service and each.first_ns > end_ns for each in others)

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
    if has_holes(edge.downstream):
        return False
    if seq < edge.handed_on:
        return True
    # What comes last is cut off, and not lost, where either stage ended before its turn.
    whole = edge.downstream.outcome == COMPLETED and edge.downstream.is_whole
    return whole and edge.upstream.outcome not in (ABANDONED, CANCELLED)


def has_holes(stage: TraceStage) -> bool:
    """Return whether chunks are missing in the trace before the last one that it has."""
    return bool(stage.chunks) and max(stage.by_seq) != len(stage.by_seq)


def _by_kind(lost: Iterable[int], replies: set[int], comments: set[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for seq in lost:
        kind = REPLY_LOST if seq in replies else COLON if seq in comments else LOST
        found.setdefault(kind, []).append(seq)
    return found
