from __future__ import annotations

import pytest

from otel_sse.demo.chunk_rows import ChunkRow, chunk_rows, excerpt
from otel_sse.demo.trace_tree import Happening, Node
from otel_sse.stream.chunk import Chunk
from otel_sse.telemetry.attributes import chunk_attributes, pack_attributes
from tests.demo.sdk_spans import finding


def node(*events: Happening) -> Node:
    return Node("stream socket_write", 0, 1, {"sse.stage": "socket_write"}, list(events))


def a_chunk(seq: int, kind: str = "content") -> Chunk:
    return Chunk(seq, seq * 2_000, kind, f"{seq:012x}", seq * 4, 200 + seq, kind == "complete")


def rows(count: int) -> list[ChunkRow]:
    return [ChunkRow(seq, seq, "content", "", 0, 0) for seq in range(1, count + 1)]


def test_each_chunk_event_is_a_row() -> None:
    """A row says what the recorder wrote of a chunk, and findings make none."""
    name, time_ns, says = finding("protocol/x", 1, "e")
    events = [
        Happening("sse.chunk", 5, dict(chunk_attributes(a_chunk(1)))),
        Happening(name, time_ns, says),
        Happening("sse.chunk", 9, dict(chunk_attributes(a_chunk(2, "complete")))),
    ]
    assert chunk_rows(node(*events)) == [
        ChunkRow(1, 5, "content", "000000000001", 4, 201),
        ChunkRow(2, 9, "complete", "000000000002", 8, 202),
    ]


def test_a_pack_is_taken_apart() -> None:
    """A pack gives a row for each of its chunks, at the times that its offsets say."""
    packed = Happening("sse.chunks", 7_000, dict(pack_attributes([a_chunk(3), a_chunk(4)])))
    assert chunk_rows(node(packed)) == [
        ChunkRow(3, 7_000, "content", "000000000003", 12, 203),
        ChunkRow(4, 9_000, "content", "000000000004", 16, 204),
    ]


def test_what_the_sdk_cut_off_is_left_open() -> None:
    """Events that lost attributes to the SDK's limits still make rows, or none."""
    assert chunk_rows(node(Happening("sse.chunk", 5, {}))) == [ChunkRow(0, 5, "content", "", 0, 0)]
    assert chunk_rows(node(Happening("sse.chunks", 5, {"sse.chunks.digest": "0"}))) == []


@pytest.mark.parametrize(
    ("count", "marked", "shown"),
    [
        (0, set(), []),
        (1, set(), [1]),
        (5, set(), [1, 2, 3, 4, 5]),
        (6, set(), [1, 2, 3, "1 more", 5, 6]),
        (100, set(), [1, 2, 3, "95 more", 99, 100]),
        (100, {50}, [1, 2, 3, "46 more", 50, "48 more", 99, 100]),
        (100, {1, 100}, [1, 2, 3, "95 more", 99, 100]),
        (100, set(range(20, 60)), [1, 2, 3, "16 more", 20, 21, 22, "76 more", 99, 100]),
        (3, {9}, [1, 2, 3]),
    ],
)
def test_an_excerpt_shows_ends_and_marks(count: int, marked: set[int], shown: list[int | str]) -> None:
    """The first three rows, the last two and at most three marked ones are shown; the rest is counted."""
    found = excerpt(rows(count), marked)
    assert [f"{row} more" if isinstance(row, int) else row.seq for row in found] == shown
