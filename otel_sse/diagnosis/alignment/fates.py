"""What can become of a chunk between two neighbouring stages: the one list of words for it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Fate(StrEnum):
    """What became of a chunk on one edge. The value is the word that users see.

    Some fates are told of a chunk downstream (what was it?), some of a chunk upstream (what became of it?), most of
    both. The matrix has three more: `REWRITTEN`, `LATE` and `ABSENT`.
    """

    SAME = "same"
    """Both: the same content, in its place."""

    DOUBLED = "doubled"
    """Downstream: a chunk that the stage has handed on before. Upstream: a chunk that was handed on more than once."""

    MOVED = "moved"
    """Both: the same content, out of order."""

    CHANGED = "changed"
    """Both: one chunk with other content in its place."""

    REFRAMED = "reframed"
    """Downstream: content that was cut anew, with no byte more or less. Upstream this is `MERGED` or `SPLIT`."""

    MERGED = "merged"
    """Upstream: cut anew, together with its neighbours."""

    SPLIT = "split"
    """Upstream: cut anew, into several chunks."""

    REPLACED = "replaced"
    """Both: something that is not the sum of what it was made from."""

    ADDED = "added"
    """Downstream: made by the stage, from nothing upstream."""

    LOST = "lost"
    """Upstream: nothing was made from it, and something should have been."""

    LEFT_OUT = "left out"
    """Upstream: nothing was made from it, and that is no loss. The stage may rewrite, it leaves out a whole channel, or
    the chunk has no content."""

    CUT_OFF = "cut off"
    """Upstream: nothing was made from it, because the stream ended before its turn."""

    ELSEWHERE = "elsewhere"
    """Upstream: another stage took it: a further round of this one, or a second path."""

    UNKNOWN = "unknown"
    """Both: it can't be said. The trace has not all chunks, or no content can be read in them."""

    REWRITTEN = "rewritten"
    """Matrix: moved, doubled, changed, replaced or cut anew by a stage that may."""

    LATE = "late"
    """Matrix: the same content, held back."""

    ABSENT = "absent"
    """Matrix: nothing to say, because the chunk had not come as far."""


HANDED_ON: Final = (
    Fate.SAME,
    Fate.MOVED,
    Fate.CHANGED,
    Fate.MERGED,
    Fate.REPLACED,
    Fate.SPLIT,
    Fate.DOUBLED,
    Fate.LOST,
    Fate.LEFT_OUT,
    Fate.CUT_OFF,
    Fate.ELSEWHERE,
    Fate.UNKNOWN,
    Fate.ADDED,
)
"""What an edge counts, in the order in which it is told: each chunk upstream, and what was added downstream."""

GONE: Final = (Fate.LOST, Fate.LEFT_OUT, Fate.CUT_OFF, Fate.ELSEWHERE, Fate.UNKNOWN)
"""What becomes of a chunk upstream from which nothing was made; of several, the first is told."""

DAMAGE: Final = frozenset({Fate.DOUBLED, Fate.LOST, Fate.MOVED, Fate.CHANGED, Fate.REPLACED, Fate.LATE})
"""The fates that are faults, unless the stage may do so."""
