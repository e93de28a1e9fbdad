"""The chunks of a stage as rows: one a chunk, also where the trace holds them in packs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from otel_sse import semconv
from otel_sse.demo.trace_tree import Happening, Node
from otel_sse.stream.chunk import CONTENT


class ChunkRow(NamedTuple):
    """What the trace says of one chunk.

    Args:
        seq: Its number at the stage.
        time_ns: When it crossed, in nanoseconds since the epoch.
        kind: What it is.
        digest: 12 hex digits.
        acc_len: Bytes of content so far.
        raw_len: Its own bytes.
    """

    seq: int
    time_ns: int
    kind: str
    digest: str
    acc_len: int
    raw_len: int


def chunk_rows(stage: Node) -> list[ChunkRow]:
    """Return a row for each chunk that stands in the trace of `stage`, in order."""
    return [row for event in stage.events for row in _rows(event)]


def _rows(event: Happening) -> Iterator[ChunkRow]:
    if event.name == semconv.CHUNK_EVENT:
        yield _single(event)
    elif event.name == semconv.CHUNKS_EVENT:
        yield from _packed(event)


def _single(event: Happening) -> ChunkRow:
    says = event.attributes
    # The SDK can be told to cut attributes off, so none is sure to be there.
    return ChunkRow(
        says.get(semconv.CHUNK_SEQ, 0),
        event.time_ns,
        says.get(semconv.CHUNK_KIND, CONTENT),
        says.get(semconv.CHUNK_DIGEST, ""),
        says.get(semconv.CHUNK_ACC_LEN, 0),
        says.get(semconv.CHUNK_RAW_LEN, 0),
    )


def _packed(event: Happening) -> Iterator[ChunkRow]:
    says = event.attributes
    names = (semconv.PACK_OFFSETS, semconv.PACK_DIGESTS, semconv.PACK_ACC_LENS, semconv.PACK_RAW_LENS)
    chunks = zip(*(str(says.get(name, "")).split() for name in names), strict=False)
    for seq, (offset_us, digest, acc_len, raw_len) in enumerate(chunks, says.get(semconv.PACK_FIRST_SEQ, 1)):
        yield ChunkRow(seq, event.time_ns + int(offset_us) * 1000, CONTENT, digest, int(acc_len), int(raw_len))


def excerpt(rows: Sequence[ChunkRow], marked: set[int], head: int = 3, tail: int = 2) -> list[ChunkRow | int]:
    """Return the rows worth showing: the first, the last and the marked ones, and between them how many are left out.

    Args:
        rows: Rows in order.
        marked: Numbers of chunks that must be seen; the first three of them are.
        head: Rows from the start.
        tail: Rows from the end.
    """
    chosen = {row.seq for row in rows[:head]} | {row.seq for row in rows[max(len(rows) - tail, 0) :]}
    chosen |= set(sorted(marked)[:3])
    shown: list[ChunkRow | int] = []
    left_out = 0
    for row in rows:
        if row.seq in chosen:
            shown.extend([left_out, row] if left_out else [row])
            left_out = 0
        else:
            left_out += 1
    return [*shown, left_out] if left_out else shown
