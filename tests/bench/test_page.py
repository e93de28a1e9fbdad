"""A run's tables take the place of the last run's in a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.page import BEGINS, ENDS, fill, filled


def test_text_between_the_marks_is_replaced(tmp_path: Path) -> None:
    """What stands before and after them stays; spaces at line ends and repeated blank lines go."""
    path = tmp_path / "page.md"
    path.write_text(f"before\n{BEGINS}\nold\n{ENDS}\nafter\n", encoding="utf-8")
    fill(path, "\nnew   \n \n\n| row |  \n")
    assert path.read_text(encoding="utf-8") == f"before\n{BEGINS}\n\nnew\n\n| row |\n\n{ENDS}\nafter\n"


def test_filling_twice_changes_nothing_more() -> None:
    """The same run gives the same page."""
    once = filled(f"{BEGINS}\n{ENDS}", "tables")
    assert filled(once, "tables") == once


@pytest.mark.parametrize("page", ["", BEGINS, ENDS, f"{ENDS}{BEGINS}"])
def test_page_without_marks_is_refused(page: str) -> None:
    """The message says which lines are missing."""
    with pytest.raises(ValueError, match="bench: begins"):
        filled(page, "tables")
