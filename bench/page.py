"""A run's tables in a page of the documentation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from otel_sse.errors import must

BEGINS: Final = "<!-- bench: begins -->"
ENDS: Final = "<!-- bench: ends -->"


def filled(page: str, tables: str) -> str:
    """Return a page with new text between its two marks.

    Args:
        page: The page; has each mark once.
        tables: What goes there; spaces at the ends of its lines and repeated blank lines are left out.

    Raises:
        ValueError: A mark is missing, or they stand in the wrong order.
    """
    before, begins, rest = page.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not (begins and ends):
        raise ValueError(must("page", f"have the lines {BEGINS} and {ENDS}", page[:40], "Put them in."))
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in tables.strip().splitlines()))
    return f"{before}{BEGINS}\n\n{text}\n\n{ENDS}{after}"


def fill(path: Path, tables: str) -> None:
    """Put a run's tables between the marks of a page.

    Args:
        path: The page, in UTF-8.
        tables: The tables, as Markdown.

    Raises:
        ValueError: The page has no marks.
    """
    path.write_text(filled(path.read_text(encoding="utf-8"), tables), encoding="utf-8")
