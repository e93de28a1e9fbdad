"""The matrix as plain text of a given width. A long stretch of equal rows is folded into one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from otel_sse.diagnosis.alignment.fates import DAMAGE, GONE, Fate
from otel_sse.diagnosis.matrix import Cell, Column, Matrix, Row
from otel_sse.stream.chunk import CONTENT
from otel_sse.terminal.escaping import escaped

_WORDS: Final[dict[Fate, str]] = {
    **dict.fromkeys(GONE, "-"),
    **{fate: fate.value for fate in (*DAMAGE, Fate.REWRITTEN)},
    Fate.UNKNOWN: "?",
    Fate.REFRAMED: "cut",
    Fate.ADDED: "new",
}
"""The word behind a cell's numbers, or in their place."""

_SHOWN: Final = 2
"""Rows of a folded stretch that are shown; the rest is one line."""

_SHORTEST_FOLD: Final = 3
"""Rows of the shortest stretch that is folded."""

_GAP: Final = "  "


class GridCell(NamedTuple):
    """A cell as shown: its text and its mark."""

    text: str
    mark: Fate


class GridRow(NamedTuple):
    """A line: its cells, and the number of rows that it shows."""

    cells: tuple[GridCell, ...]
    rows: int


def matrix_text(matrix: Matrix, width: int = 100) -> str:
    """Return the matrix as lines of text: its stages with their numbers, then a line for each row or stretch of rows.

    Args:
        matrix: The matrix.
        width: Characters that a line may have. Where the numbers do not fit, `=` stands for a chunk that is the same as
            at the stage before.
    """
    legend = [f"{column.number:>3} {name_of(column)}  {column.chunks} chunks" for column in matrix.columns]
    lines = grid(matrix, width)
    head = GridRow(tuple(GridCell(str(column.number), Fate.SAME) for column in matrix.columns), 0)
    every = [head, *lines]
    widths = [max(len(line.cells[n].text) for line in every) for n in range(len(matrix.columns))]
    body = [
        _GAP.join(cell.text.rjust(size) for cell, size in zip(line.cells, widths, strict=True)).rstrip()
        + ("  !" if any(cell.mark in DAMAGE for cell in line.cells) else "")
        for line in every
    ]
    return "\n".join([*legend, "", *body])


def name_of(column: Column) -> str:
    """Return a stage's name with its process before it."""
    name = f"{column.service} {column.stage}" if column.service else column.stage
    return escaped(name)


def grid(matrix: Matrix, width: int) -> list[GridRow]:
    """Return the lines of a matrix, folded, with cells that fit into a width.

    Args:
        matrix: The matrix.
        width: Characters for all cells, with two between each two.
    """
    stretches = list(_stretches(matrix.rows))
    wide = [GridRow(tuple(_wide(cells) for cells in zip(*_cells(rows), strict=True)), len(rows)) for rows in stretches]
    if _width(wide, matrix) <= width:
        return wide
    short = [
        GridRow(tuple(_short(n, cells) for n, cells in enumerate(zip(*_cells(rows), strict=True))), len(rows))
        for rows in stretches
    ]
    if _width(short, matrix) <= width:
        return short
    return [
        GridRow(tuple(_shortest(cell) if n else cell for n, cell in enumerate(row.cells)), row.rows) for row in short
    ]


def _cells(rows: Sequence[Row]) -> list[tuple[Cell, ...]]:
    return [row.cells for row in rows]


def _width(lines: Sequence[GridRow], matrix: Matrix) -> int:
    columns = len(matrix.columns)
    return sum(max((len(line.cells[n].text) for line in lines), default=0) + len(_GAP) for n in range(columns)) + 1


def _stretches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    # An end that is in order says nothing of the chunks.
    shown = [row for row in rows if row.kind == CONTENT or row.damaged]
    start = 0
    for n in range(1, len(shown) + 1):
        if n == len(shown) or not _follows(shown[n - 1], shown[n]):
            yield from _folded(shown[start:n])
            start = n


def _folded(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    shown = _SHOWN if rows[0].damaged else 0
    if len(rows) - shown < _SHORTEST_FOLD:
        yield from ([row] for row in rows)
        return
    yield from ([row] for row in rows[:shown])
    yield rows[shown:]


def _follows(one: Row, other: Row) -> bool:
    """Whether a row continues the one before it: the next numbers, and the same damage, if any."""
    if one.damaged or other.damaged:
        return one.kind == other.kind and all(
            a.mark == b.mark and len(a.seqs) == len(b.seqs) and _is_next(a, b)
            for a, b in zip(one.cells, other.cells, strict=True)
        )
    return all(not a.seqs or not b.seqs or a.seqs[-1] < b.seqs[0] for a, b in zip(one.cells, other.cells, strict=True))


def _is_next(one: Cell, other: Cell) -> bool:
    return not one.seqs or not other.seqs or one.seqs[-1] + 1 == other.seqs[0]


def _telling(cells: Sequence[Cell]) -> Cell:
    """Return the cell with the most important mark of those that are folded into one."""
    return min(cells, key=lambda cell: _TELLING.get(cell.mark, 0))


_TELLING: Final = {
    fate: rank
    for rank, fate in enumerate((Fate.REWRITTEN, Fate.REFRAMED, Fate.ADDED, Fate.SAME, *GONE, Fate.ABSENT), 1)
    if fate not in DAMAGE
}


def _wide(cells: Sequence[Cell]) -> GridCell:
    first = _telling(cells)
    return GridCell(_joined(_numbers(cells), _word(first)), first.mark)


def _short(n: int, cells: Sequence[Cell]) -> GridCell:
    first = _telling(cells)
    if n and first.mark == Fate.SAME:
        return GridCell("=", Fate.SAME)
    if n and first.mark not in DAMAGE:
        return GridCell(_SIGNS.get(first.mark, ""), first.mark)
    return _wide(cells)


_SIGNS: Final = {Fate.REFRAMED: "%", Fate.REWRITTEN: "~", Fate.ADDED: "+", Fate.UNKNOWN: "?"} | dict.fromkeys(
    (Fate.LEFT_OUT, Fate.CUT_OFF, Fate.ELSEWHERE), "-"
)


def _shortest(cell: GridCell) -> GridCell:
    return cell._replace(text=cell.text.rpartition(" ")[2]) if cell.mark in DAMAGE else cell


def _joined(numbers: str, word: str) -> str:
    return f"{numbers} {word}" if numbers and word else numbers or word


def _word(cell: Cell) -> str:
    return f"x{len(cell.seqs)}" if cell.mark == Fate.DOUBLED else _WORDS.get(cell.mark, "")


def _is_run(seqs: Sequence[int]) -> bool:
    return all(after == before + 1 for before, after in pairwise(seqs))


def _numbers(cells: Sequence[Cell]) -> str:
    seqs = [seq for cell in cells for seq in cell.seqs]
    if not seqs:
        return ""
    if len(cells) > 1 or _is_run(seqs):
        # Of a stretch the first and the last say enough: what lies between without content has no row.
        return str(seqs[0]) if len(seqs) == 1 else f"{seqs[0]}-{seqs[-1]}"
    return ",".join(map(str, seqs)) if len(seqs) <= 3 else f"{seqs[0]},{seqs[1]},..{seqs[-1]}"
