"""Tables and colours of the commands, all of one look."""

from __future__ import annotations

from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from otel_sse.terminal.escaping import escaped

GOOD: Final = "green"
BAD: Final = "bold red"
NOTED: Final = "yellow"
DIM: Final = "dim"


def table_of(*columns: str) -> Table:
    """A table; `>` before a column's name aligns it to the right, `~` lets it be folded."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        right, folded = ">" in name, "~" in name
        table.add_column(name.lstrip(">~"), justify="right" if right else "left", no_wrap=not folded, overflow="fold")
    return table


def cell(text: str, style: str = "") -> Text:
    """A cell with just this text, escaped: a plain string would be read for rich's markup, and `[red]` swallowed."""
    return Text(escaped(text), style)
