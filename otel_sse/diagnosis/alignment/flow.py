"""The flow of content between two stages: what each chunk downstream is, and which chunks upstream are missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from otel_sse.diagnosis.alignment.fates import Fate
from otel_sse.stream.chunk import Chunk


class Piece(NamedTuple):
    """A chunk with content: its number, its digest, its bytes of content (None where not known) and its channel."""

    seq: int
    digest: str
    size: int | None
    channel: str = ""


class Passage(NamedTuple):
    """What one chunk downstream is.

    Args:
        seq: Its number.
        fate: `SAME`, `DOUBLED`, `MOVED`, `CHANGED`, `REFRAMED`, `REPLACED`, `ADDED` or `UNKNOWN`.
        first: First number upstream; 0 where it was made from nothing.
        last: Last number upstream; 0 likewise.
        of: For a repetition, the number downstream that it repeats. For a moved chunk, the number downstream of the
            chunk that came too early. Else 0.
    """

    seq: int
    fate: Fate
    first: int = 0
    last: int = 0
    of: int = 0


class Flow(msgspec.Struct):
    """All content between two stages.

    Args:
        passages: The chunks downstream, in order.
        lost: Numbers upstream from which no chunk downstream was made, rising.
        recorded: Whether the chunks carried their lineage and it fits; else contents were aligned.
        doubtful: Those of `lost` that only sums of bytes show.
        left_out: Those of `lost` that are of a channel of which nothing was handed on.
        unsure: Numbers downstream of repetitions that may be the stage's own text.
    """

    passages: list[Passage]
    lost: list[int]
    recorded: bool
    doubtful: frozenset[int] = frozenset()
    left_out: frozenset[int] = frozenset()
    unsure: frozenset[int] = frozenset()

    @property
    def is_cut_anew(self) -> bool:
        """Whether some chunks are pieces of others, or several in one."""
        return any(passage.fate == Fate.REFRAMED for passage in self.passages)

    @property
    def damage(self) -> int:
        """How many chunks are not as they were. Of two explanations, the one with less damage is likelier."""
        fates = [passage.fate for passage in self.passages]
        rewritten = {(p.first, p.last) for p in self.passages if p.fate == Fate.REPLACED}
        harmless = fates.count(Fate.SAME) + fates.count(Fate.REFRAMED)
        return len(self.lost) + len(fates) - harmless + sum(last - first + 1 for first, last in rewritten)


def pieces_of(chunks: Iterable[Chunk], sizes: dict[int, int]) -> list[Piece]:
    """Return chunks as pieces.

    Args:
        chunks: Chunks with content, in order.
        sizes: Bytes of content by number, where they are known.
    """
    return [Piece(chunk.seq, chunk.digest, sizes.get(chunk.seq), chunk.channel) for chunk in chunks]
