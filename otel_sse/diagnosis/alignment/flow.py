"""What one piece of content became between two stages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from otel_sse.stream.chunk import Chunk

SAME: Final = "same"
AGAIN: Final = "again"
MOVED: Final = "moved"
CHANGED: Final = "changed"
REFRAMED: Final = "reframed"
REPLACED: Final = "replaced"
ADDED: Final = "added"


class Piece(NamedTuple):
    """A chunk with content: its number, its digest, its bytes of content (None where not known) and its channel."""

    seq: int
    digest: str
    size: int | None
    channel: str = ""


class Passage(NamedTuple):
    """What one downstream chunk is.

    Args:
        seq: Its number.
        what: `same`; `again`: the same chunk once more; `moved`: the same, out of order; `changed`: other content in
            its place; `reframed`: cut anew, none of the bytes more or less; `replaced`: something that is not the sum
            of what it was made from; `added`: made from nothing upstream.
        first: First number upstream; 0 where it was made from nothing.
        last: Last number upstream.
        of: Of a repetition the number downstream that it repeats; of a moved chunk that of the one which came too
            early; else 0.
    """

    seq: int
    what: str
    first: int = 0
    last: int = 0
    of: int = 0


class Flow(msgspec.Struct):
    """All content between two stages.

    Args:
        passages: The downstream chunks, in order.
        lost: Numbers upstream that nothing downstream was made from.
        recorded: Whether lineage was carried and fits; else contents were aligned.
    """

    passages: list[Passage]
    lost: list[int]
    recorded: bool

    @property
    def damage(self) -> int:
        """How many chunks are not as they were; of two explanations the one with less is likelier."""
        fates = [passage.what for passage in self.passages]
        rewritten = {(p.first, p.last) for p in self.passages if p.what == REPLACED}
        harmless = fates.count(SAME) + fates.count(REFRAMED)
        return len(self.lost) + len(fates) - harmless + sum(last - first + 1 for first, last in rewritten)


def pieces_of(chunks: Iterable[Chunk], sizes: dict[int, int]) -> list[Piece]:
    """Return chunks as pieces.

    Args:
        chunks: Chunks with content, in order.
        sizes: Bytes of content by number, where they are known.
    """
    return [Piece(chunk.seq, chunk.digest, sizes.get(chunk.seq), chunk.channel) for chunk in chunks]
