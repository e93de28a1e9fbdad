"""Texts of which each may hold the whole of the one before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse.dialects.growth import Growth


def new(*texts: str) -> list[str]:
    """What is new in each text."""
    growth = Growth()
    return [growth.new_in(text) for text in texts]


def test_of_texts_that_grow_the_new_part_is_given() -> None:
    """All so far, with the last one twice as a finish does it."""
    assert new("The", "The fog", "The fog", "The fog.") == ["The", " fog", "", "."]


@pytest.mark.parametrize("texts", [("The", " fog", " fog"), ("ha", "ha", "ha", "!"), ("\n", "\n\n", "A", "An")])
def test_pieces_are_given_as_they_are(texts: tuple[str, ...]) -> None:
    """Also where the first ones are equal, or blank."""
    assert new(*texts) == list(texts)


def test_what_stops_growing_is_pieces_from_then_on() -> None:
    """The first text that does not hold the one before it decides."""
    assert new("1", "10", "ten", "ten more") == ["1", "0", "ten", "ten more"]


@given(st.lists(st.text(st.characters(exclude_categories=("Z", "C")), min_size=1), min_size=1))
def test_the_new_parts_are_the_whole(words: list[str]) -> None:
    """Put together they are the last text."""
    so_far = ["".join(words[: end + 1]) for end in range(len(words))]
    assert "".join(new(*so_far)) == so_far[-1]
