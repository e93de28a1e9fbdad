"""A question, and a model's answer as it arrives, on a terminal or in a file."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

INDENT: Final = 5
"""Columns before an answer: the width of its number."""


def question_title(label: str, question: str, fault: str) -> Text:
    """Return the line above an answer.

    Args:
        label: What tells it from the others: its number, or how it was asked.
        question: What was asked.
        fault: The fault that was ordered with it, or "".
    """
    ordered = (f"  fault: {fault}", "bold red") if fault else ""
    return Text.assemble((label, "cyan"), "  ", (question, "bold"), ordered)


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
