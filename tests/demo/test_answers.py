from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse.demo.answers import QUESTIONS, answer, tokens

TEXTS = [*map(answer, QUESTIONS), answer("?")]


@given(st.text())
def test_tokens_joined_are_the_text(text: str) -> None:
    """No character is lost, added or moved, whatever the text; and no token is empty."""
    pieces = tokens(text)
    assert "".join(pieces) == text
    assert all(pieces)


@pytest.mark.parametrize("text", TEXTS)
def test_answers_are_cut_like_a_model_cuts(text: str) -> None:
    """An answer has many small tokens, most words keep the space before them, and long words are cut."""
    pieces = tokens(text)
    assert "".join(pieces) == text
    assert len(pieces) >= 80
    assert sum(piece.startswith(" ") for piece in pieces) > len(pieces) / 3
    assert max(len(piece) for piece in pieces if piece.strip().isalpha()) <= 7


@pytest.mark.parametrize("text", TEXTS)
def test_answers_repeat_tokens(text: str) -> None:
    """Each answer says some token at least six times, as real answers do."""
    assert Counter(tokens(text)).most_common(1)[0][1] >= 6


def test_answers_hold_what_misleads_a_search_for_duplicates() -> None:
    """A table's rule, a numbered list, code with a blank line and laughter are among the answers."""
    together = "\n".join(TEXTS)
    for part in ("|-----------|------|", "\n2. Count", "count > 1:\n\n", "ha ha ha"):
        assert part in together


def test_each_question_has_its_own_answer() -> None:
    """The demo's questions get different answers, and a question that is not known gets one that says so."""
    assert len({*TEXTS}) == len(QUESTIONS) + 1
    assert "I am a demo" in answer("Who are you?")


def test_answers_fit_a_terminal() -> None:
    """No line is longer than 74 columns, so that it stands whole in a terminal of 80."""
    assert max(len(line) for text in TEXTS for line in text.splitlines()) <= 74
