"""A passage that is repeated: the opening of the answer, or a long run of chunks from anywhere in it."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Collection, Sequence
from typing import Final

from otel_sse import limits
from otel_sse.stream import kinds
from otel_sse.stream.chunk import SUSPECTED, Finding
from otel_sse.stream.latest import Latest

_SIZE: Final = limits.MAX_HISTORY_CHUNKS
_OPENING: Final = limits.OPENING_CHUNKS
_GRAM_CHUNKS: Final = 4
"""Chunks by which a passage is looked up; one chunk in sixteen is looked up on average."""

_MAX_GRAMS: Final = _SIZE // 4

_ANCHOR: Final = "0"
"""A chunk whose digest ends with this is an anchor: one in sixteen, and the same ones when a passage is repeated."""

_STRIDE: Final = 16
"""Characters from one digest to the next in the joined digests of a look: twelve, and four that separate them."""

_LAST: Final = 11
"""Where a digest's last character stands."""


class AgainDetector:
    """Finds where a stream repeats itself, by content alone, so its findings are suspected.

    The opening is matched chunk by chunk, by the algorithm of Knuth, Morris and Pratt. Any other passage is looked up
    at its anchors, and is reported only once it is long: models do repeat a sentence.

    Args:
        stage: The stage's name, for findings.
        told: Numbers of chunks that are reported as duplicates already. They are not reported again.
    """

    # A worked example, an answer of 40 different chunks whose first 18 come again:
    #
    #   1 to 40     `_learn` keeps the keys of chunks 1 to 16, the opening, and their borders for the search
    #   41 to 55    `_opening_again` matches 15 chunks of the opening; nothing is reported yet
    #   56          the 16th: duplicate/restarted at 41 of 1, amount 16; `_source` is now the position of chunk 17
    #   57, 58      `_follow` compares with 17 and 18: duplicate/restarted at 57 of 17, at 58 of 18
    #   59          is another chunk, or none comes: `_stop`
    #
    # Any other passage has no opening to match. A chunk whose digest ends with 0 is an anchor; the four chunks that end
    # there are a gram. `_looked_up` finds the gram's earlier position and counts backwards how many chunks before both
    # are equal. From 24 on it is reported, and followed like the opening.

    __slots__ = (
        "_borders", "_boundary", "_count", "_done", "_grams", "_keys", "_kind", "_matched", "_opening", "_opens_with",
        "_run_from", "_shifts", "_source", "_stage", "_told", "_turns", "_untold",
    )  # fmt: skip

    def __init__(self, stage: str, told: Collection[int] = ()) -> None:
        self._stage = stage
        self._told = told
        self._count = 0
        # A ring: the key of the chunk at a position stands at the position modulo its size.
        self._keys = array("Q")
        # A chunk's number is its position plus a shift, which grows where chunks without content stand between.
        self._shifts: list[tuple[int, int]] = []
        self._opens_with = ""
        self._opening: list[int] = []
        self._borders: list[int] = []
        self._matched = 0
        self._grams: dict[int, int] = {}
        self._source = -1
        self._kind = ""
        self._run_from = (0, 0)
        self._untold = 0
        self._boundary = 0
        self._done = 0
        self._turns = Latest(limits.MAX_TURNS)

    @property
    def active(self) -> bool:
        """Whether a repeated passage is being followed, so that the next chunk may belong to it."""
        return self._source >= 0

    def turned(self, offset: int) -> None:
        """The channel changes behind the first `offset` chunks of the next look."""
        self._turns.keep(self._count + offset)

    def close(self) -> list[Finding]:
        """Return the finding that was held back, now that the stream has ended."""
        found: list[Finding] = []
        self._stop(found)
        return found

    def look(self, keys: array[int], seqs: Sequence[int], ended: bool, joined: str) -> list[Finding]:
        """Return findings about chunks that repeat earlier ones.

        Args:
            keys: A key of each chunk since the last look; equal contents have equal keys.
            seqs: The chunks' numbers.
            ended: Whether the answer had ended before them, so that a repeated opening is a replay of the whole.
            joined: Their digests, twelve hex digits each, with four characters behind each as a separator.
        """
        base = self._count
        self._remember(keys, seqs)
        if len(self._opening) < _OPENING:
            self._learn(keys, joined)
        found: list[Finding] = []
        at = 0
        while at < len(keys):
            if self._source >= 0:
                at = self._follow(base, keys, seqs, at, found)
            else:
                at = self._search(base, keys, at, ended, joined, found)
        return found

    def _remember(self, keys: array[int], seqs: Sequence[int]) -> None:
        base = self._count
        self._count = base + len(keys)
        self._shift(base, seqs)
        if self._count <= _SIZE:
            self._keys.extend(keys)
            return
        for position, key in enumerate(keys, base):
            if position < _SIZE:
                self._keys.append(key)
            else:
                self._keys[position % _SIZE] = key

    def _shift(self, base: int, seqs: Sequence[int]) -> None:
        shifts = self._shifts
        known = shifts[-1][1] if shifts else -1
        if type(seqs) is range and seqs[0] - base == known:
            return
        for position, seq in enumerate(seqs, base):
            if seq - position != known:
                known = seq - position
                shifts.append((position, known))
        if len(shifts) > limits.MAX_SHIFTS:
            del shifts[: len(shifts) - limits.MAX_SHIFTS]

    def _learn(self, keys: array[int], joined: str) -> None:
        opening = self._opening
        if not opening:
            self._opens_with = joined[: _LAST + 1]
        opening += keys[: _OPENING - len(opening)]
        if len(opening) == _OPENING and len(set(opening)) >= limits.OPENING_CONTENTS:
            self._borders = _borders(opening)

    def _search(self, base: int, keys: array[int], start: int, ended: bool, joined: str, found: list[Finding]) -> int:
        """Search for a repeated passage; return the index behind the last chunk that was searched."""
        opened = self._opening_again(keys, max(start, _OPENING - base), joined) if self._borders else -1
        end = len(keys) if opened < 0 else opened + 1
        lasts = joined[_LAST::_STRIDE]
        # The first three chunks of a look have no whole gram before them here, so they are never looked up.
        at = lasts.find(_ANCHOR, max(start, _GRAM_CHUNKS - 1), end)
        while at >= 0:
            gram = joined[_STRIDE * (at - _GRAM_CHUNKS + 1) : _STRIDE * at + _LAST + 1]
            if self._looked_up(hash(gram), base + at, ended, found):
                self._matched = 0
                return at + 1
            at = lasts.find(_ANCHOR, at + 1, end)
        if opened < 0:
            return len(keys)
        self._begin(_kind(ended), _OPENING - 1, base + opened, _OPENING, found)
        return opened + 1

    def _opening_again(self, keys: array[int], start: int, joined: str) -> int:
        """Return the index at which the opening is complete again, or -1."""
        opening, borders, matched = self._opening, self._borders, self._matched
        at = start
        while at < len(keys):
            if not matched:
                at = self._next_opening(joined, at)
                if at < 0:
                    break
            key = keys[at]
            while matched and opening[matched] != key:
                matched = borders[matched - 1]
            matched += opening[matched] == key
            if matched == _OPENING:
                self._matched = 0
                return at
            at += 1
        self._matched = matched
        return -1

    def _next_opening(self, joined: str, start: int) -> int:
        """Return the index of the next chunk that equals the first one of the opening, or -1."""
        found = joined.find(self._opens_with, start * _STRIDE)
        while found >= 0 and found % _STRIDE:
            found = joined.find(self._opens_with, found + 1)
        return found // _STRIDE if found >= 0 else -1

    def _looked_up(self, gram: int, position: int, ended: bool, found: list[Finding]) -> bool:
        """Remember the position of a gram; return whether a long passage that ends here stands earlier too."""
        earlier = self._grams.get(gram)
        self._grams[gram] = position
        if len(self._grams) > _MAX_GRAMS:
            del self._grams[next(iter(self._grams))]
        if earlier is None:
            return False
        run = self._run(earlier, position)
        if run < limits.REASSERTED_CHUNKS or self._contents(position, run) < limits.PASSAGE_CONTENTS:
            return False
        if run < limits.REPLAYED_CHUNKS and self._turn_between(earlier - run, position - run) <= earlier:
            return False
        opens = earlier - run < 0
        self._begin(_kind(ended or not opens), earlier, position, run, found)
        return True

    def _turn_between(self, earlier: int, before: int) -> int:
        """Return where the channel first changed between the starts of two passages; 0 where it did not."""
        return next((turn for turn in self._turns if earlier + 1 < turn <= before + 1), 0)

    def _key(self, position: int) -> int:
        return self._keys[position % _SIZE]

    def _seq(self, position: int) -> int:
        at = bisect_right(self._shifts, position, key=_position) - 1
        return position + self._shifts[at][1] if at >= 0 else 0

    def _run(self, earlier: int, position: int) -> int:
        """Return how many chunks up to `position` equal those up to `earlier`, at most `REPLAYED_CHUNKS`."""
        known = earlier + 1 - max(self._count - _SIZE, 0)
        most = min(position - earlier, known, limits.REPLAYED_CHUNKS)
        run = 0
        while run < most and self._key(earlier - run) == self._key(position - run):
            run += 1
        return run

    def _contents(self, position: int, run: int) -> int:
        return len({self._key(position - back) for back in range(run)})

    def _begin(self, kind: str, earlier: int, position: int, run: int, found: list[Finding]) -> None:
        """Follow a passage from here on; report it, unless it may be a model that repeats a sentence."""
        # Chunks that were reported with an earlier passage are not reported again with this one.
        run = min(run, position + 1 - self._done)
        self._source, self._kind, self._untold = earlier + 1, kind, run
        self._run_from = (self._seq(position - run + 1), self._seq(earlier - run + 1))
        self._boundary = self._turn_between(earlier - run, position - run)
        self._done = position + 1
        if self._boundary <= earlier:
            self._tell(kind, found)

    def _tell(self, kind: str, found: list[Finding]) -> None:
        (seq, of), run, self._untold = self._run_from, self._untold, 0
        amount = run - sum(seq <= each for each in self._told)
        if amount <= 0:
            return
        evidence = f"{run} chunks from chunk {seq} on equal those from chunk {of} on"
        found.append(Finding(kind, SUSPECTED, self._stage, seq, of, evidence, amount))

    def _follow(self, base: int, keys: array[int], seqs: Sequence[int], start: int, found: list[Finding]) -> int:
        """Compare with the earlier passage, chunk by chunk; return the index of the first chunk that differs."""
        for at in range(start, len(keys)):
            if keys[at] != self._key(self._source):
                self._stop(found)
                return at
            self._source += 1
            self._done = base + at + 1
            if self._untold:
                self._hold(found)
            elif seqs[at] not in self._told:
                of = self._seq(self._source - 1)
                evidence = f"equals chunk {of}, as the chunks before it equal those before that"
                found.append(Finding(self._kind, SUSPECTED, self._stage, seqs[at], of, evidence))
        return len(keys)

    def _hold(self, found: list[Finding]) -> None:
        # After a tool's step a model may repeat its sentence. A passage that repeats the step as well is no model's.
        self._untold += 1
        if self._source > self._boundary:
            self._tell(self._kind, found)

    def _stop(self, found: list[Finding]) -> None:
        self._source = -1
        if self._untold:
            self._tell(kinds.REASSERTED, found)


def _position(shift: tuple[int, int]) -> int:
    return shift[0]


def _kind(ended: bool) -> str:
    return kinds.REPLAYED if ended else kinds.RESTARTED


def _borders(pattern: Sequence[int]) -> list[int]:
    """For each prefix of the pattern, return the length of its longest proper suffix that is a prefix as well.

    For example 1 2 1 3 1 2 gives 0 0 1 0 1 2: the whole pattern ends with 1 2, with which it begins.
    """
    borders = [0] * len(pattern)
    for at in range(1, len(pattern)):
        length = borders[at - 1]
        while length and pattern[at] != pattern[length]:
            length = borders[length - 1]
        borders[at] = length + (pattern[at] == pattern[length])
    return borders
