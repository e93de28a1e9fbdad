"""Chunks of two neighbouring stages, and made-up stages that know what they made each chunk of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from otel_sse.lineage import Crossings, claim
from otel_sse.stream.chunk import CONTENT, Chunk

MS = 1_000_000


class Piece(NamedTuple):
    """What a made-up stage hands on, and the upstream chunks that it truly made it of."""

    text: str
    first: int
    last: int


Stage = Callable[[Iterator[Piece]], Iterator[Piece]]


def chunk(seq: int, text: str, kind: str = CONTENT) -> Chunk:
    """A chunk with that text for a digest; it crossed `seq` milliseconds after the beginning."""
    return Chunk(seq, seq * MS, kind, text, 0, len(text), False)


def crossed(*texts: str, source: str = "") -> Crossings:
    """A stage that these texts have crossed, none of them claimed."""
    crossings = Crossings(source)
    for seq, text in enumerate(texts, 1):
        crossings.add(chunk(seq, text))
    return crossings


def claimed(upstream: Crossings, *texts: str, rewrites: bool = False, kind: str = CONTENT) -> list[tuple[int, int]]:
    """Claim texts one after the other; return the ranges they were said to be made of."""
    found: list[tuple[int, int]] = []
    for seq, text in enumerate(texts, 1):
        one = chunk(seq, text, kind)
        if not upstream.claim_next(one):
            claim(one, upstream, (), rewrites)
        found.append((one.upstream_first, one.upstream_last))
    return found


def run(tokens: Iterable[str], stage: Stage, *, rewrites: bool = False) -> list[tuple[Piece, tuple[int, int]]]:
    """Pull tokens through a stage; return what it handed on, each with the range that lineage claimed for it."""
    upstream = Crossings()

    def pulled() -> Iterator[Piece]:
        for seq, text in enumerate(tokens, 1):
            upstream.add(chunk(seq, text))
            yield Piece(text, seq, seq)

    return [(piece, claimed(upstream, piece.text, rewrites=rewrites)[0]) for piece in stage(pulled())]


def whole(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Hands on every chunk as it is."""
    yield from pieces


def without(every: int) -> Stage:
    """Leaves out every so manieth chunk."""

    def stage(pieces: Iterator[Piece]) -> Iterator[Piece]:
        return (piece for number, piece in enumerate(pieces, 1) if number % every)

    return stage


def doubled(every: int) -> Stage:
    """Hands on every so manieth chunk twice."""

    def stage(pieces: Iterator[Piece]) -> Iterator[Piece]:
        for number, piece in enumerate(pieces, 1):
            yield piece
            if not number % every:
                yield piece

    return stage


def lagging(behind: int) -> Stage:
    """Hands on every chunk, and each once more on a second path that lags so many chunks behind."""

    def stage(pieces: Iterator[Piece]) -> Iterator[Piece]:
        before: list[Piece] = []
        for piece in pieces:
            yield piece
            before.append(piece)
            if len(before) > behind:
                yield before[-1 - behind]

    return stage


def swapped(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Hands on each second chunk before the first of the two."""
    for piece in pieces:
        second = next(pieces, None)
        if second is not None:
            yield second
        yield piece


def merged(count: int) -> Stage:
    """Makes one chunk of each so many."""

    def stage(pieces: Iterator[Piece]) -> Iterator[Piece]:
        held: list[Piece] = []
        for piece in pieces:
            held.append(piece)
            if len(held) == count:
                yield _one(held)
                held = []
        if held:
            yield _one(held)

    return stage


def _one(held: list[Piece]) -> Piece:
    return Piece("".join(piece.text for piece in held), held[0].first, held[-1].last)


def split(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Makes one chunk of each character."""
    for piece in pieces:
        for character in piece.text:
            yield piece._replace(text=character)


def rewritten(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Replaces every text."""
    for piece in pieces:
        yield piece._replace(text=f"<{piece.text}>")


def annotated(every: int) -> Stage:
    """Adds a chunk of its own after every so manieth; it belongs to the one before it."""

    def stage(pieces: Iterator[Piece]) -> Iterator[Piece]:
        for number, piece in enumerate(pieces, 1):
            yield piece
            if not number % every:
                yield piece._replace(text="[note]")

    return stage
