"""Matches both sides of a stretch: which chunks were handed on, and what the others are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from otel_sse import limits
from otel_sse.lineage.lcs import Pairs
from otel_sse.lineage.pending import Passed
from otel_sse.lineage.shares import Shares, matches
from otel_sse.stream.chunk import Chunk

Pair = tuple[Chunk, Chunk]

Moved = tuple[Chunk, Chunk, Chunk]
"""An upstream chunk; the chunk made from it, which came behind a later one; the chunk before that."""

_CONTENTS: Final = 2
"""Different contents of a run of copies."""


class Matching:
    """Both sides of a stretch, matched so that as many chunks as can be were handed on in their order.

    A chunk without a match is

    - moved, if an equal chunk upstream has no match either;
    - a copy, if it repeats a chunk before it, and belongs to a run of copies whose originals follow one another;
    - a twin, if it repeats the chunk beside it. It is a copy if the stage adds nothing, up to its end;
    - else added: a word of the stage's own, and no fault. If such a word equals no chunk upstream, it is foreign, and
      nothing about its neighbours is sure but a long run of copies.

    Args:
        before: Chunks upstream that were claimed before the stretch, and those that were skipped and may come late.
        ups: Content upstream in the stretch, in order.
        downs: Content downstream in the stretch, in order.
        shares: What goes on of each channel.
        told: Numbers of chunks that are known as copies.
    """

    # A worked example. Upstream `a b c d e f g h`; the stage sends ten chunks: 1 a, 2 e, 3 b, 4 b, 5 c, 6 d, 7 e, 8 g,
    # 9 f, 10 h.
    #
    #   matched   1 a, 3 b, 5 c, 6 d, 7 e, 8 g, 10 h
    #   9 f       is moved: `f` has no match either. It came behind 8.
    #   4 b       is a twin of 3.
    #   2 e       equals 7, but 7 comes behind it. It is added.

    def __init__(
        self,
        before: Sequence[Passed],
        ups: Sequence[Chunk],
        downs: Sequence[Chunk],
        shares: Shares,
        told: Collection[int] = (),
    ) -> None:
        every = [*(up for up, _ in before), *ups]
        self._told = told
        self._all_downs = all_downs = [*(down for _, down in before if down is not None), *downs]
        self._downs = [each for each in all_downs if each.seq not in told]
        named = {each.channel for each in every}
        keyed = len(named) > 1 and named.issuperset(each.channel for each in downs)
        self._ups = shares.handed_on(every, self._downs, keyed)
        self._in_time = sorted(all_downs, key=_seq)
        # Where tokens repeat, there are several ways to match. The recorded one is better known, if it is as good.
        self._pairs = min(self._recorded(), matches(self._ups, self._downs, keyed), key=self._damage)
        matched_up, matched_down = {i for i, _ in self._pairs}, {j for _, j in self._pairs}
        self._left_up = [i for i in range(len(self._ups)) if i not in matched_up]
        self._left_down = [j for j in range(len(self._downs)) if j not in matched_down]
        known = {each.digest for each in every}
        self.has_foreign = any(self._downs[j].digest not in known for j in self._left_down)
        """Whether a chunk equals none upstream."""
        self._moved = self._take_moved()
        self.copies: list[Pair] = []
        """Chunks of a run of copies, each with the chunk that it repeats."""
        self.twins: list[Pair] = []
        """Other copies, each with the chunk beside it that it repeats."""
        self.apart: list[Pair] = []
        """Other chunks that equal an earlier one."""
        self._judge_copies()
        sure = {chunk.seq for chunk, _ in (*self.copies, *self.twins)}
        self.added = [self._downs[j].seq for j in self._left_down if self._downs[j].seq not in sure]
        """Numbers of the chunks of the stage's own."""

    def _recorded(self) -> Pairs:
        """Return the matches that the chunks name, as far as they are in order."""
        places: dict[int, list[int]] = {}
        for i, up in enumerate(self._ups):
            places.setdefault(up.seq, []).append(i)
        found: Pairs = []
        latest = -1
        for j, down in enumerate(self._downs):
            at = (i for i in places.get(down.upstream_first, ()) if self._ups[i].digest == down.digest and i > latest)
            if (i := next(at, -1)) >= 0:
                found.append((i, j))
                latest = i
        return found

    def _damage(self, found: Pairs) -> tuple[int, int]:
        """Return how many chunks have no match, and in how many places: copies with the same lag are in one."""
        matched = {j for _, j in found}
        latest: dict[str, int] = {}
        lag, places = 0, 0
        for j, down in enumerate(self._downs):
            if j not in matched:
                before, lag = lag, j - latest.get(down.digest, j)
                places += lag != before
            latest[down.digest] = j
        return -len(found), places

    def _take_moved(self) -> list[tuple[int, int]]:
        found = []
        for j in list(self._left_down):
            equal = (i for i in self._left_up if self._ups[i].digest == self._downs[j].digest)
            if (i := next(equal, None)) is not None:
                self._left_up.remove(i)
                self._left_down.remove(j)
                found.append((i, j))
        return found

    @property
    def moved(self) -> list[Moved]:
        """The chunks that came behind later ones."""
        return [(self._ups[i], self._downs[j], self._beside(self._downs[j])) for i, j in self._moved]

    def _beside(self, chunk: Chunk) -> Chunk:
        """The chunk before this one; the one after it for the first."""
        at = self._in_time.index(chunk)
        return self._in_time[at - 1] if at else self._in_time[min(1, len(self._in_time) - 1)]

    def _judge_copies(self) -> None:
        left = {self._downs[j].seq for j in self._left_down}
        chunks = [each for each in self._all_downs if each.seq in left or each.seq in self._told]
        origins = [(each, self._origins(each)) for each in chunks]
        least = limits.COPIED_RUN if self.has_foreign else limits.LAGGED_TWINS
        n = 0
        while n < len(origins):
            run = max((self._run(origins[n:], at) for at in origins[n][1]), key=len, default=[])
            pairs = [(chunk, self._latest_before(chunk)) for (chunk, _), _ in zip(origins[n:], run, strict=False)]
            if len(set(run)) >= least and len({chunk.digest for chunk, _ in pairs}) >= _CONTENTS:
                self.copies += pairs
            elif not self.has_foreign:
                self.twins += [(chunk, of) for chunk, of in pairs if self._beside(chunk) is of]
                self.apart += [(chunk, of) for chunk, of in pairs if self._beside(chunk) is not of]
            n += max(len(run), 1)
        for pairs in (self.copies, self.twins, self.apart):
            pairs[:] = [pair for pair in pairs if pair[0].seq not in self._told]

    def _origins(self, chunk: Chunk) -> list[int]:
        """Return the positions of chunks upstream that this one may be a copy of; first the one that it names."""
        places = [i for i, j in self._pairs if self._downs[j].digest == chunk.digest and self._downs[j].seq < chunk.seq]
        return sorted(places, key=lambda i: (self._ups[i].seq != chunk.upstream_first, -i))

    @staticmethod
    def _run(origins: Sequence[tuple[Chunk, list[int]]], at: int) -> list[int]:
        """Return the positions of origins that follow one another, from `at` on; one chunk may have several copies."""
        run = [at]
        for _, places in origins[1:]:
            following = [place for place in (run[-1] + 1, run[-1]) if place in places]
            if not following:
                break
            run.append(following[0])
        return run

    def _latest_before(self, chunk: Chunk) -> Chunk:
        """The latest earlier chunk with the same content."""
        return next(each for each in reversed(self._in_time) if each.seq < chunk.seq and each.digest == chunk.digest)

    def missing(self, last: int) -> list[tuple[Chunk, int]]:
        """Return the upstream chunks that did not go on, each with the number of the chunk that came instead.

        Args:
            last: Number of the stretch's last chunk, which came instead of those that no match follows.
        """
        return [
            (self._ups[i], next((self._downs[b].seq for a, b in self._pairs if a > i), last)) for i in self._left_up
        ]

    @property
    def head(self) -> int:
        """How many chunks upstream are missing before the first match."""
        first = self._pairs[0][0] if self._pairs else len(self._ups)
        return sum(i < first for i in self._left_up)

    @property
    def cut(self) -> Pair | None:
        """The last match in the first half that no moved chunk crosses; None where there is none."""
        half = len(self._downs) // 2
        for i, j in reversed(self._pairs):
            if j <= half and not any((a < i) != (b < j) for a, b in self._moved):
                return self._ups[i], self._downs[j]
        return None

    def before(self, cut: Pair) -> list[Passed]:
        """Return the latest matches up to a cut."""
        found = [(self._ups[i], self._downs[j]) for i, j in self._pairs if self._downs[j].seq <= cut[1].seq]
        return list(found[-limits.MAX_RECENT_CROSSINGS :])


def _seq(chunk: Chunk) -> int:
    return chunk.seq
