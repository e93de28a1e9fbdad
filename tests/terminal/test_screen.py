from __future__ import annotations

import io

import pytest

from otel_sse.terminal.screen import Screen


@pytest.mark.parametrize(
    ("environ", "color", "colored"),
    [({}, True, True), ({"NO_COLOR": ""}, True, True), ({"NO_COLOR": "1"}, True, False), ({}, False, False)],
)
def test_colours_can_be_switched_off(
    environ: dict[str, str], color: bool, colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--no-color` and a NO_COLOR that is not empty leave no escape sequence, also on a terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Screen(environ, color=color)
    screen.out.file = io.StringIO()
    screen.out.print("[red]x[/red]")
    assert ("\x1b" in screen.out.file.getvalue()) is colored


def test_data_is_written_where_the_rest_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """With stdout kept for data, nothing else gets there."""
    screen = Screen({}, quiet=True)
    screen.out.print("an answer")
    screen.data("{}")
    screen.say("going on")
    assert capsys.readouterr() == ("{}\n", "going on\n")


def test_steps_stand_in_two_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """What to type is one column, as wide as its longest line, and what for the other."""
    Screen({}).steps("Next", [("one --two", "three"), ("four", "five")])
    assert capsys.readouterr().err == "\nNext:\n  one --two   three\n  four        five\n"
