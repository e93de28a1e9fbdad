"""The matrix as text: its legend, and rows folded into lines."""

from __future__ import annotations

from otel_sse.diagnosis.matrix import Matrix, matrix_of
from otel_sse.diagnosis.matrix_text import grid, matrix_text
from tests.diagnosis.made_pipeline import (
    doubled,
    once_more,
    stream_of,
    whole,
)

WORDS = [f" word{n}" for n in range(12)]


def lines(matrix: Matrix, width: int = 100) -> list[str]:
    """The lines below the legend."""
    return matrix_text(matrix, width).partition("\n\n")[2].splitlines()


def test_the_legend_names_stages_and_counts() -> None:
    """Above the lines stand number, process, stage and chunks of each column."""
    text = matrix_text(matrix_of(stream_of(WORDS, doubled, services=2)))
    assert text.splitlines()[:2] == ["  1 process-0 stage0  12 chunks", "  2 process-1 stage1  24 chunks"]


def test_names_cannot_steer_a_terminal() -> None:
    """A peer's text is shown without control characters."""
    stream = stream_of(WORDS, whole)
    stream.stages[1].service = "\x1b[31mred\n"
    assert "\x1b" not in matrix_text(matrix_of(stream))
    assert len(matrix_text(matrix_of(stream)).splitlines()) == 5


def test_a_long_stretch_of_one_damage_is_folded() -> None:
    """Two rows of it are shown, and the rest as one line."""
    matrix = matrix_of(stream_of(WORDS, doubled))
    assert [line.split()[:2] for line in lines(matrix)[1:]] == [["1", "1-2"], ["2", "3-4"], ["3-12", "5-24"]]
    assert [row.rows for row in grid(matrix, 80)] == [1, 1, 10]


def test_fourteen_stages_fit_eighty_columns() -> None:
    """Where numbers do not fit, a sign stands for what is the same; damage keeps its numbers."""
    texts = [f"w{n}" for n in range(1_200)]
    matrix = matrix_of(stream_of(texts, *[whole] * 5, once_more(600), *[whole] * 7))
    shown = lines(matrix, 80)
    assert max(map(len, shown)) <= 80
    assert shown[2].split() == ["601", *"=====", "601-602", "x2", *"=======", "!"]
