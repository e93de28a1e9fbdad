"""Chunks that an application leaves out on purpose, told from lost ones as far as the trace shows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from otel_sse import limits
from otel_sse.diagnosis.faults.fault import ranges
from otel_sse.diagnosis.faults.replies import reply_of, stands_for_more
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.channels import is_beside
from otel_sse.stream.chunk import CONTENT
from otel_sse.stream.stages import ORIGINS

_ALIKE: Final = 3
"""Lost chunks from which it can't be chance that each equals its neighbour."""


class LeftOut:
    """Tells chunks that were left out on purpose from lost ones.

    Args:
        stream: The stream.
        up: Position of the stage before.
        down: Position of the stage after.
        lost: Numbers, at the stage before, of the content that was not handed on, in order.
    """

    def __init__(self, stream: TraceStream, up: int, down: int, lost: Sequence[int]) -> None:
        self._stream, self._up = stream, up
        self._edge = stream.descents[up, down]
        self._before, self._after = stream.stages[up], stream.stages[down]
        self._content = [chunk.seq for chunk in self._before.chunks if chunk.kind == CONTENT]
        self._lost = list(lost)
        self.notes: list[str] = []
        """What was left out on purpose, one line each."""
        self.doubtful: set[int] = set()
        """Chunks that count as lost, but may have been left out on purpose."""

    def rest(self, replaced: Collection[int]) -> list[int]:
        """Return the numbers of the lost chunks.

        Args:
            replaced: Numbers of chunks in whose place the stage sent something of its own.
        """
        channels = self._whole_channels()
        filtered = self._are_alike()
        for channel, seqs in channels.items():
            if any(self._is_reply(seq) for seq in seqs):
                continue
            if filtered or all(seq in replaced for seq in seqs) or self._has_sibling(channel):
                self.doubtful.update(seqs)
            else:
                self._leave_out(seqs, f"channel {channel}", "meant to be left out?")
        self._leave_out_ends()
        return self._lost

    def _leave_out(self, seqs: Sequence[int], what: str, guess: str) -> None:
        gone = set(seqs)
        self._lost = [seq for seq in self._lost if seq not in gone]
        self.notes.append(
            f"{self._after.label}: {ranges(seqs)} of {self._before.label}, its {what}, was not handed on: {guess}"
        )

    # Channels

    def _whole_channels(self) -> dict[str, list[int]]:
        """The lost chunks of channels of which nothing was handed on: a model's reasoning, a tool's call, a choice."""
        before = self._before.by_seq
        handed_on = self._handed_on()
        found: dict[str, list[int]] = {}
        for seq in self._lost:
            channel = before[seq].channel
            # Who hands on nothing at all does not choose among channels: the answer's text is missing.
            if channel and channel not in handed_on and (handed_on or is_beside(channel)):
                found.setdefault(channel, []).append(seq)
        return found

    def _handed_on(self) -> set[str]:
        """The channels of which something was handed on."""
        before, flow = self._before.by_seq, self._edge.flow
        some = {before[p.first].channel for p in flow.passages if p.first in before}
        return some - {before[seq].channel for seq in flow.left_out}

    def _is_reply(self, seq: int) -> bool:
        """Whether a policy put the chunk in the place of the answer, so that its channel is none of the model's."""
        reply = reply_of(self._stream, self._up, seq)
        if reply is None:
            return False
        return stands_for_more(self._stream, reply) or not is_beside(self._before.by_seq[seq].channel)

    def _has_sibling(self, channel: str) -> bool:
        """Whether a channel is the call of a tool, and another call was handed on."""
        # Where text is cut anew, the sums of bytes only suggest which call was handed on.
        alike = not self._edge.flow.is_cut_anew
        return alike and _is_call(channel) and any(map(_is_call, self._handed_on()))

    def _are_alike(self) -> bool:
        """Whether every lost chunk equals a neighbour: a filter of repetitions dropped them, whatever their channel."""
        digests = [self._before.by_seq[seq].digest for seq in self._content]
        lost = set(self._lost)
        alike = {
            seq: digest
            for n, (seq, digest) in enumerate(zip(self._content, digests, strict=True))
            if seq in lost and digest in (*digests[max(n - 1, 0) : n], *digests[n + 1 : n + 2])
        }
        return len(alike) == len(lost) >= _ALIKE and len(set(alike.values())) > 1

    # Beginning and end

    def _leave_out_ends(self) -> None:
        """Leave out a long block at the beginning, and the end of an answer after which a model was asked again."""
        content, head = self._content, _common(self._content, self._lost)
        if limits.LEFT_OUT_CHUNKS <= head < len(content):
            self._leave_out(self._lost[:head], "beginning", "a model's reasoning?")
        tail = _common(content[::-1], self._lost[::-1])
        if tail and self._asked_again():
            self._leave_out(self._lost[-tail:], "end", "a model was asked again after it: the call of a tool?")

    def _asked_again(self) -> bool:
        end_ns = self._before.chunks[-1].time_ns
        others = [stage for stage in self._stream.stages if stage is not self._before and stage.name in ORIGINS]
        return any(each.service == self._before.service and each.first_ns > end_ns for each in others)


def _is_call(channel: str) -> bool:
    """Whether a channel is the call of a tool: `0/tool:1`, `2/tool`."""
    return channel.rpartition("/")[2].partition(":")[0] == "tool"


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many numbers both begin with."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
