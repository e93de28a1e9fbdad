"""A run's tables in a page of the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from otel_sse.errors import must

BEGINS: Final = "<!-- bench: begins -->"
ENDS: Final = "<!-- bench: ends -->"

SPINE: Final = (BEGINS, ENDS)
STAGES: Final = ("<!-- bench stages: begins -->", "<!-- bench stages: ends -->")


def filled(page: str, tables: str, marks: tuple[str, str] = SPINE) -> str:
    """Return a page with new text between its two marks.

    Args:
        page: The page; has each mark once.
        tables: What goes there; spaces at the ends of its lines and repeated blank lines are left out.
        marks: The lines before and after them.

    Raises:
        ValueError: A mark is missing, or they stand in the wrong order.
    """
    first, last = marks
    before, begins, rest = page.partition(first)
    _, ends, after = rest.partition(last)
    if not (begins and ends):
        raise ValueError(must("page", f"have the lines {first} and {last}", page[:40], "Put them in."))
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in tables.strip().splitlines()))
    return f"{before}{first}\n\n{text}\n\n{last}{after}"


def fill(path: Path, tables: str, marks: tuple[str, str] = SPINE) -> None:
    """Put a run's tables between the marks of a page.

    Args:
        path: The page, in UTF-8.
        tables: The tables, as Markdown.
        marks: The lines before and after them.

    Raises:
        ValueError: The page has no marks.
    """
    path.write_text(filled(path.read_text(encoding="utf-8"), tables, marks), encoding="utf-8")
