"""What a view looks like in a plain terminal."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType


def text_of(view: RenderableType, width: int = 80) -> str:
    """The lines of a view; spaces at their ends are cut."""
    out = io.StringIO()
    Console(file=out, width=width, color_system=None, highlight=False).print(view)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())
