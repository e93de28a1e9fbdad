from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from otel_sse.terminal.answer import AnswerWriter, clean, question_title


def written(pieces: list[str], *, terminal: bool, width: int = 20) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None, highlight=False)
    writer = AnswerWriter(console, indent=2)
    for piece in pieces:
        writer.show(piece)
    writer.end()
    return out.getvalue()


@pytest.mark.parametrize(("fault", "shown"), [("", "1/3  why?"), ("doubled", "1/3  why?  fault: doubled")])
def test_a_question_has_a_title(fault: str, shown: str) -> None:
    """The line above an answer has its label and its question, and the fault that was ordered."""
    assert question_title("1/3", "why?", fault).plain == shown


def test_a_terminal_gets_each_piece_at_once() -> None:
    """On a terminal a piece is written as it arrives, indented where it begins a line."""
    out = io.StringIO()
    writer = AnswerWriter(Console(file=out, width=20, force_terminal=True, color_system=None), indent=2)
    seen = []
    for piece in ("One", " two", "\n", "three"):
        writer.show(piece)
        seen.append(out.getvalue())
    assert seen == ["  One", "  One two", "  One two\n", "  One two\n  three"]


def test_a_file_gets_whole_lines() -> None:
    """Where there is no terminal, a line is written when it is whole."""
    out = io.StringIO()
    writer = AnswerWriter(Console(file=out, width=20, force_terminal=False), indent=2)
    writer.show("One")
    writer.show(" two\nthr")
    assert out.getvalue() == "  One two\n"
    writer.end()
    assert out.getvalue() == "  One two\n  thr\n"


def test_a_long_line_goes_on_below() -> None:
    """On a terminal a piece that would not fit begins a new line, without the space before it."""
    assert written(["one", " two", " three", " four", " five"], terminal=True) == "  one two three\n  four five\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_blank_lines_stay_empty(terminal: bool) -> None:
    """A blank line has no spaces, and an answer that ends with its line gets no further one."""
    assert written(["a\n\nb", "\n"], terminal=terminal) == "  a\n\n  b\n"


@given(st.lists(st.text(alphabet="ab \n", max_size=5)))
def test_a_file_gets_all_that_was_said(pieces: list[str]) -> None:
    """Without the indent the lines are those of the answer."""
    lines = [line.removeprefix("  ") for line in written(pieces, terminal=False).split("\n")]
    assert "\n".join(lines).rstrip("\n") == "".join(pieces).rstrip("\n")


def test_control_characters_are_taken_out() -> None:
    """What could steer a terminal becomes a space; line ends and letters of any script stay."""
    assert clean("a\x1b[31mb\rc\x07\nd é 茶") == "a [31mb c \nd é 茶"
