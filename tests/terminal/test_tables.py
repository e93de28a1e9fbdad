from __future__ import annotations

from otel_sse.terminal.tables import cell, table_of
from tests.cli.rendered import text_of


def test_columns_are_aligned_and_folded_as_their_names_say() -> None:
    """`>` puts a column to the right, `~` lets its words stand below each other; the others are left and whole."""
    table = table_of("stage", ">chunks", "~what it became")
    table.add_row("emit", "7", "replaced, with 1-17")
    assert text_of(table, width=30) == (
        "stage  chunks  what it became\n"
        "──────────────────────────────\n"
        "emit        7  replaced, with\n"
        "               1-17"
    )


def test_a_cell_is_text_and_no_markup() -> None:
    """What a peer wrote is shown as it is, without what can't be seen."""
    table = table_of("stage")
    table.add_row(cell("[red]x[/red]\x1b[2J"))
    assert text_of(table).splitlines()[-1] == "[red]x[/red] [2J"
