"""How much of each channel a stage hands on: of a channel that it leaves out nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from otel_sse import limits
from otel_sse.lineage.lcs import Pairs, pairs
from otel_sse.stream.channels import is_beside
from otel_sse.stream.chunk import Chunk

_ON: Final = 0
_OFF: Final = 1

_LEFT_OUT: Final = 3
"""Chunks that did not go on for each that did, from which a channel is left out: the few that did equal chunks of
another channel by chance."""

_FEW: Final = 2
"""Chunks of a channel that can all equal chunks of another one by chance."""

_ALIKE: Final = 1.25
"""How often chunks downstream are explained, on average, from which two channels explain the same ones."""


class Shares:
    """Counts, for each channel upstream, the chunks that went on and those that did not.

    Chunks are counted where something is unusual and in the chunks around it, so the counts are samples.
    """

    __slots__ = ("_counts", "are_alike")

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self.are_alike = False
        """Whether two channels say the same, so that nobody knows which of them goes on."""

    def is_left_out(self, channel: str) -> bool:
        """Whether nothing or almost nothing of a channel goes on. If text is an answer's only channel, it never is."""
        counts = self._counts.get(channel)
        return counts is not None and counts[_OFF] >= _LEFT_OUT * counts[_ON]

    def count(self, channel: str, on: int, off: int) -> None:
        """Count chunks of a channel that went on, and chunks that did not; `limits.MAX_CHANNELS` channels at most."""
        if channel in self._counts or len(self._counts) < limits.MAX_CHANNELS:
            counts = self._counts.setdefault(channel, [0, 0])
            counts[_ON] += on
            counts[_OFF] += off

    # A worked example. Upstream there are `Say Yes politely .` on the channel `0/reasoning` and `Yes sure !` on `0`;
    # downstream are `Yes sure !`, on a channel of the stage's own, "".
    #
    #   with both          3 of 3 are matched
    #   without reasoning  3 of 3 still are: it went on 0 times, and 4 times not. It is left out.
    #   the text alone     is the only channel that is left, so it goes on.

    def handed_on(self, ups: Sequence[Chunk], downs: Sequence[Chunk], keyed: bool) -> list[Chunk]:
        """Return the chunks upstream without those of channels that are left out, and count them.

        A channel goes on if, without it, chunks downstream would have no origin, and more so than chunks of it are
        missing.

        Args:
            ups: Content upstream, in order.
            downs: Content downstream, in order.
            keyed: Whether both sides name channels alike, so that only chunks of one channel can be the same.
        """
        sizes = Counter(each.channel for each in ups)
        if len(sizes) == 1:
            (channel,) = sizes
            if is_beside(channel):
                # Whoever hands on nothing of an answer's text has lost it; nothing of a tool's call is on purpose.
                on = len(matches(ups, downs, keyed))
                self.count(channel, on, len(ups) - on)
            return list(ups)
        kept, matched = list(ups), len(matches(ups, downs, keyed))
        self.are_alike |= not keyed and self._says_the_same(ups, downs, sizes, matched)
        named = {each.channel for each in downs}
        for channel in sorted(sizes, key=lambda name: (name in named, not is_beside(name), sizes[name])):
            rest = [each for each in kept if each.channel != channel]
            without = len(matches(rest, downs, keyed))
            on, size = matched - without, sizes[channel]
            self.count(channel, on, size - on)
            if rest and self.is_left_out(channel):
                kept, matched = rest, without
        return kept

    @staticmethod
    def _says_the_same(ups: Sequence[Chunk], downs: Sequence[Chunk], sizes: Counter[str], matched: int) -> bool:
        """Whether two channels each explain most of their chunks by the same chunks downstream."""
        alone = {
            channel: len(matches([each for each in ups if each.channel == channel], downs, keyed=False))
            for channel in sizes
        }
        explained = [count for channel, count in alone.items() if 2 * count > max(sizes[channel], _FEW)]
        return sum(explained) > _ALIKE * matched


def matches(ups: Sequence[Chunk], downs: Sequence[Chunk], keyed: bool) -> Pairs:
    """Return the positions of chunks that are the same on both sides, as many as there can be in order."""
    if keyed:
        return pairs(*([f"{each.digest} {each.channel}" for each in side] for side in (ups, downs)))
    return pairs([each.digest for each in ups], [each.digest for each in downs])
