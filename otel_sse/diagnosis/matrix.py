"""The matrix, chunk by stage: the numbers of each chunk of an answer at each stage, and its fate there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from otel_sse import limits
from otel_sse.diagnosis.alignment.fates import DAMAGE, GONE, Fate
from otel_sse.diagnosis.faults.edge_fates import edge_fates
from otel_sse.diagnosis.trace.streams import TraceStream
from otel_sse.stream.chunk import COMPLETE, CONTENT, ERROR

_ROW_KINDS: Final = (CONTENT, COMPLETE, ERROR)


class Cell(msgspec.Struct, frozen=True):
    """The part of a row at one stage.

    Args:
        seqs: The chunks' numbers at the stage, rising; () if it had none.
        digest: Digest of the first chunk, or "".
        mark: The chunk's fate since the stage before.
    """

    seqs: tuple[int, ...]
    digest: str
    mark: Fate


class Row(msgspec.Struct, frozen=True):
    """One chunk of the answer at all stages; several chunks if a stage merged, split or replaced them.

    Args:
        cells: One for each stage.
        kind: `content`, `complete` or `error`.
    """

    cells: tuple[Cell, ...]
    kind: str

    @property
    def damaged(self) -> bool:
        """Whether any stage repeated, lost, moved, changed or held back the chunk."""
        return any(cell.mark in DAMAGE for cell in self.cells)


class Column(msgspec.Struct, frozen=True):
    """One stage.

    Args:
        number: 1, 2, 3 … in the order of the data.
        service: `service.name` of its process, or "".
        stage: Its label.
        chunks: How many chunks crossed it.
    """

    number: int
    service: str
    stage: str
    chunks: int


class Matrix(msgspec.Struct, frozen=True):
    """All rows of one stream.

    Args:
        columns: Its stages, in the order of the data.
        rows: Its chunks with content, ends and errors, in the order of the data.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def damaged(self) -> bool:
        """Whether any row is damaged."""
        return any(row.damaged for row in self.rows)


def matrix_of(stream: TraceStream, late: Iterable[tuple[int, int]] = ()) -> Matrix:
    """Return the matrix of a stream.

    Args:
        stream: The stream.
        late: The chunks that were held back: for each, the position of a stage and its number there.
    """
    columns = [Column(n, stage.service, stage.label, stage.total) for n, stage in enumerate(stream.stages, 1)]
    return Matrix(tuple(columns), tuple(_Rows(stream, frozenset(late)).rows()))


Place = tuple[int, int]
"""Position of a stage, and the number of a chunk there."""


class _Rows:
    def __init__(self, stream: TraceStream, late: frozenset[Place]) -> None:
        self._stream = stream
        self._late = late
        self._parent: dict[Place, Place] = {}
        self._marks: dict[Place, Fate] = {}
        for n, stage in enumerate(stream.stages):
            for chunk in stage.chunks:
                if chunk.kind in _ROW_KINDS:
                    self._parent[n, chunk.seq] = (n, chunk.seq)
        for up, down in stream.descents:
            self._join(up, down)

    def rows(self) -> Iterator[Row]:
        """Yield the rows, in the order of the data."""
        groups: dict[Place, dict[int, list[int]]] = {}
        for n, seq in self._parent:
            groups.setdefault(self._root((n, seq)), {}).setdefault(n, []).append(seq)
        for root in _ordered(groups, self._root):
            yield self._row(groups[root])

    def _join(self, up: int, down: int) -> None:
        fates = edge_fates(self._stream, up, down)
        left = limits.MAX_EDGE_PAIRS
        for passage in fates.edge.passage_of.values():
            if (down, passage.seq) not in self._parent:
                continue
            self._marks[down, passage.seq] = fates.mark(passage.seq)
            if passage.first:
                parents = fates.edge.upstream.between(passage.first, passage.last)[:left]
                left -= len(parents)
                self._unite((down, passage.seq), ((up, seq) for seq in parents))

    def _unite(self, place: Place, others: Iterable[Place]) -> None:
        for other in others:
            if other in self._parent:
                one, two = sorted((self._root(place), self._root(other)))
                self._parent[two] = one

    def _root(self, place: Place) -> Place:
        parent = self._parent
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    def _row(self, group: Mapping[int, Sequence[int]]) -> Row:
        cells = tuple(self._cell(n, group) for n in range(len(self._stream.stages)))
        first = min(group)
        return Row(cells, self._stream.stages[first].by_seq[group[first][0]].kind)

    def _cell(self, n: int, group: Mapping[int, Sequence[int]]) -> Cell:
        stage = self._stream.stages[n]
        if n not in group:
            return Cell((), "", self._gone(n, group))
        seqs = tuple(sorted(group[n]))
        marks = {self._marks.get((n, seq), Fate.ADDED if self._stream.upstream[n] else Fate.SAME) for seq in seqs}
        if any((n, seq) in self._late for seq in seqs):
            marks.add(Fate.LATE)
        mark = next(mark for mark in _FIRST if mark in marks)
        return Cell(seqs, stage.by_seq[seqs[0]].digest, mark)

    def _gone(self, n: int, group: Mapping[int, Sequence[int]]) -> Fate:
        up = next((up for up in self._stream.upstream[n] if up in group), None)
        if up is None:
            return Fate.ABSENT
        fates = edge_fates(self._stream, up, n)
        gone = {fates.of(seq) for seq in group[up]}
        return next((fate for fate in GONE if fate in gone), Fate.LEFT_OUT)


_FIRST: Final = (
    Fate.DOUBLED,
    Fate.MOVED,
    Fate.CHANGED,
    Fate.REPLACED,
    Fate.LATE,
    Fate.REWRITTEN,
    Fate.REFRAMED,
    Fate.SAME,
    Fate.ADDED,
    Fate.UNKNOWN,
)
"""Where several chunks stand in one cell, the first of these is told."""


def _ordered(groups: Mapping[Place, Mapping[int, Sequence[int]]], root: object) -> Iterator[Place]:
    """Rows as they begin at the first stage; one that begins further down stands behind what came before it there."""
    at: dict[Place, Place] = {
        (n, seq): key for key, group in groups.items() for n, seqs in group.items() for seq in seqs
    }
    seqs_at: dict[int, list[int]] = {}
    for n, seq in sorted(at):
        seqs_at.setdefault(n, []).append(seq)
    following: dict[Place | None, list[Place]] = {}
    for key, group in sorted(groups.items(), key=lambda each: (min(each[1]), min(each[1][min(each[1])]))):
        n = min(group)
        seq = min(group[n])
        before = None
        if n:
            earlier = seqs_at[n]
            places = (at[n, earlier[k]] for k in range(bisect_left(earlier, seq) - 1, -1, -1))
            before = next((place for place in places if place != key), None)
        following.setdefault(before, []).append(key)
    waiting = list(reversed(following.get(None, [])))
    while waiting:
        key = waiting.pop()
        yield key
        waiting += reversed(following.get(key, []))
