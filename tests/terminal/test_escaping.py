"""Text that others wrote, made safe to show."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import limits
from otel_sse.terminal.escaping import escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("policy.judge.out", "policy.judge.out"),
        ("Übersicht 词 😀", "Übersicht 词 😀"),
        ("a\nb\rc\td", "a b c d"),
        ("\x1b[31mred\x9b5m\x00", " [31mred 5m "),
        ("a\u00a0b\u3000c", "a b c"),
        ("\u202eevil\u2066\u200f", "\\u202eevil\\u2066\\u200f"),
        ("a\u2028b\u2029c\x85d", "a\\u2028b\\u2029c d"),
        ("a\u200bb\u200dc\ufeffd\u00ade", "a\\u200bb\\u200dc\\ufeffd\\xade"),
        ("a\u3164b\ufe0fc\u2800d", "a\\u3164b\\ufe0fc\\u2800d"),
        ("\ud800\U000e0041", "\\ud800\\U000e0041"),
        ("[red]x[/red]", "[red]x[/red]"),
    ],
)
def test_nothing_is_hidden(text: str, shown: str) -> None:
    """What can be seen stays; blanks are a space; the rest stands there by its number."""
    assert escaped(text) == shown


@pytest.mark.parametrize("more", [0, 1])
def test_text_is_cut_off(more: int) -> None:
    """Of what is longer than MAX_SHOWN_CHARS the beginning is shown, and a sign that there is more."""
    text = "x" * (limits.MAX_SHOWN_CHARS + more)
    assert escaped(text) == "x" * limits.MAX_SHOWN_CHARS + "…" * more
    assert escaped("abc", 2) == "ab…"


@pytest.mark.parametrize(("value", "shown"), [(7, "7"), (None, "None"), (1.5, "1.5"), (("a\n",), "('a\\n',)")])
def test_what_is_no_text_is_shown_as_python_writes_it(value: object, shown: str) -> None:
    """An attribute may be of any type."""
    assert escaped(value) == shown


@given(st.text(st.characters()))
def test_one_line_of_visible_characters(text: str) -> None:
    """Whatever the text, what is shown is one line that any terminal can encode, and shows nothing that hides."""
    shown = escaped(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    assert shown.encode().decode() == shown
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
