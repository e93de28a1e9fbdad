"""The two streams of a command: stdout gets what was found, stderr what is going on."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from rich.console import Console
from rich.text import Text

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
    """Where a command writes.

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

    def steps(self, title: str, steps: Sequence[tuple[str, str]]) -> None:
        """Tell on stderr what can be done, one line a step, behind an empty line.

        Args:
            title: What they are.
            steps: What to type, and what for.
        """
        width = max(len(typed) for typed, _ in steps)
        self.say("\n".join([f"\n{title}:", *(f"  {typed:{width}}   {why}" for typed, why in steps)]))
