"""The two streams of the demo: stdout gets what was found, stderr what is going on."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Final, NoReturn

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

INDENT: Final = 5
"""Columns before an answer: the width of its number."""

_LEAST_PLAIN_WIDTH: Final = 100
"""Columns of a line that goes into a file or a pipe, which has no width."""


EXIT_PIPE: Final = 141
"""Exit code where nobody reads stdout any more: what the shell says of a program that SIGPIPE ended."""


class _PipeConsole(Console):
    """A console that ends the program in silence where its reader has left."""

    def on_broken_pipe(self) -> NoReturn:
        # What is still in the buffers has to go somewhere when the interpreter flushes them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(EXIT_PIPE)


class Screen:
    """Where the demo writes.

    Args:
        environ: `NO_COLOR`, `COLUMNS` and their like.
        color: Whether colours may be used where the terminal has them.
        quiet: Whether stdout is kept for something else (JSON), so that `out` writes nothing.
    """

    def __init__(self, environ: Mapping[str, str], *, color: bool = True, quiet: bool = False) -> None:
        system = "auto" if color and not environ.get("NO_COLOR") else None
        plain_width = None if environ.get("COLUMNS") else _LEAST_PLAIN_WIDTH
        self.out = _PipeConsole(color_system=system, highlight=False, quiet=quiet)  # type: ignore[arg-type]
        self.talk = Console(color_system=system, highlight=False, stderr=True)  # type: ignore[arg-type]
        for console in (self.out, self.talk):
            if not console.is_terminal and plain_width is not None:
                console.width = plain_width

    def data(self, text: str) -> None:
        """Write a result to stdout as it is, also where it is kept quiet."""
        try:
            print(text, flush=True)
        except BrokenPipeError:
            self.out.on_broken_pipe()

    def say(self, text: str) -> None:
        """Tell on stderr what is going on."""
        self.talk.print(Text(text, "dim"), soft_wrap=True)


def clean(text: str) -> str:
    """Return a peer's text with control characters replaced by spaces, so that it can't steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


class AnswerWriter:
    """Writes an answer as it arrives: piece by piece on a terminal, line by line elsewhere.

    Args:
        console: Where to.
        indent: Columns left of it.
    """

    def __init__(self, console: Console, indent: int = INDENT) -> None:
        self._console = console
        self._margin = " " * indent
        self._width = console.width - 1
        self._column = 0
        self._line = ""

    def show(self, piece: str) -> None:
        """Write a piece of the answer."""
        first, *others = clean(piece).split("\n")
        self._part(first)
        for part in others:
            self._line_end()
            self._part(part)

    def end(self) -> None:
        """Write what is left, and end the last line."""
        if self._column:
            self._line_end()

    def _part(self, text: str) -> None:
        if not text:
            return
        if self._console.is_terminal:
            self._flow(text)
        else:
            self._line += text
            self._column = len(self._line)

    def _flow(self, text: str) -> None:
        if self._column + cell_len(text) > self._width:
            self._write("\n")
            self._column, text = 0, text.lstrip(" ")
        if not self._column:
            text = self._margin + text
        self._column += cell_len(text)
        self._write(text)

    def _line_end(self) -> None:
        self._write(f"{self._margin}{self._line}\n" if self._line else "\n")
        self._line, self._column = "", 0

    def _write(self, text: str) -> None:
        self._console.print(Text(text), end="", soft_wrap=True)
