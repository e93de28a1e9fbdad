"""Chunk by stage: what each cell says, and how rows are folded into lines."""

from __future__ import annotations

from otel_sse.diagnosis.diagnose import diagnose, late_places
from otel_sse.diagnosis.matrix import Matrix, matrix_of
from otel_sse.diagnosis.matrix_text import matrix_text
from otel_sse.stream.chunk import CERTAIN, Finding
from tests.diagnosis.made_pipeline import (
    accumulated,
    changed,
    doubled,
    framed,
    merged,
    once_more,
    replying,
    stream_of,
    swapped,
    whole,
    without,
)

WORDS = [f" word{n}" for n in range(12)]


def marks(matrix: Matrix) -> dict[int, list[str]]:
    """The marks of the rows that are not the same all along, by their place."""
    rows = {n: [str(cell.mark) for cell in row.cells] for n, row in enumerate(matrix.rows, 1)}
    return {n: row for n, row in rows.items() if set(row) != {"same"}}


def lines(matrix: Matrix, width: int = 100) -> list[str]:
    """The lines below the legend."""
    return matrix_text(matrix, width).partition("\n\n")[2].splitlines()


def test_a_clean_stream_is_one_line() -> None:
    """One row for each chunk, with its number at every stage; shown, they are one stretch."""
    matrix = matrix_of(stream_of(WORDS, whole, whole))
    assert [[cell.seqs for cell in row.cells] for row in matrix.rows] == [[(n,)] * 3 for n in range(1, 13)]
    assert not matrix.damaged
    assert lines(matrix) == ["   1     2     3", "1-12  1-12  1-12"]


def test_a_repetition_stands_in_the_row_of_its_chunk() -> None:
    """Both emissions are of one chunk, and every stage behind has both."""
    matrix = matrix_of(stream_of(WORDS, once_more(3), whole))
    assert [cell.seqs for cell in matrix.rows[3].cells] == [(4,), (4, 5), (4, 5)]
    assert marks(matrix) == {4: ["same", "doubled", "same"]}
    assert lines(matrix) == ["   1       2     3", " 1-3     1-3   1-3", "   4  4-5 x2   4-5  !", "5-12    6-13  6-13"]


def test_a_lost_chunk_ends_where_it_was_lost() -> None:
    """Its row is empty from there on."""
    matrix = matrix_of(stream_of(WORDS, without(3), whole))
    assert marks(matrix) == {4: ["same", "lost", "absent"]}
    assert lines(matrix)[2].split() == ["4", "lost", "!"]


def test_other_damage_is_marked_at_its_stage() -> None:
    """Changed, moved, added and held back."""
    assert marks(matrix_of(stream_of(WORDS, changed(3, "X")))) == {4: ["same", "changed"]}
    assert marks(matrix_of(stream_of(WORDS, swapped(3)))) == {4: ["same", "moved"]}
    assert marks(matrix_of(stream_of(WORDS, accumulated))) == {13: ["absent", "added"]}
    assert marks(matrix_of(stream_of(WORDS, whole), [(1, 5)])) == {5: ["same", "late"]}


def test_what_a_stage_may_do_is_marked_and_is_no_damage() -> None:
    """Rewritten, cut anew, left out: shown, and not highlighted."""
    matrix = matrix_of(stream_of(WORDS, replying("[no]"), merged(2), rewrites=[1]))
    assert not matrix.damaged
    found = {cell.mark for row in matrix.rows for cell in row.cells}
    assert {"left out", "reframed", "added"} <= found


def test_merged_chunks_are_one_row() -> None:
    """A chunk that was made from several stands beside all of them."""
    matrix = matrix_of(stream_of(WORDS, merged(4), lineage=False))
    assert [[cell.seqs for cell in row.cells] for row in matrix.rows] == [
        [(1, 2, 3, 4), (1,)],
        [(5, 6, 7, 8), (2,)],
        [(9, 10, 11, 12), (3,)],
    ]


def test_a_doubled_end_is_shown_and_a_good_one_is_not() -> None:
    """An end has a row of its own, and a line only where it came twice."""
    clean = matrix_of(stream_of(WORDS, framed, whole))
    assert [row.kind for row in clean.rows].count("complete") == 1
    assert len(lines(clean)) == 2
    twice = matrix_of(stream_of(WORDS, framed, doubled))
    assert twice.rows[-1].kind == "complete"
    assert twice.rows[-1].cells[-1].mark == "doubled"
    assert lines(twice)[-1].split() == ["16", "new", "31-32", "x2", "!"]


def test_late_chunks_come_from_the_faults() -> None:
    """Silence and bursts mark the chunks that they are about."""
    stream = stream_of(WORDS, whole, findings=[(0, Finding("stall/content", CERTAIN, "any", 5))])
    assert late_places(stream, diagnose(stream).faults) == {(0, 5)}


def test_a_stream_without_content_has_no_line() -> None:
    """Nothing to show is nothing shown."""
    assert matrix_of(stream_of([], whole)).rows == ()
    assert len(lines(matrix_of(stream_of([], whole)))) == 1
