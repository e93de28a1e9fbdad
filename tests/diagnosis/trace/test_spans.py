"""Attributes of spans, read as what they should be, whatever a source made of them."""

from __future__ import annotations

import pytest

from otel_sse.diagnosis.trace.spans import Attributes, count, flag, integer, text, time

SAYS: Attributes = {
    "text": "a",
    "yes": True,
    "no": False,
    "four": 4,
    "below": -4,
    "half": 0.5,
    "wide": 2**63,
    "none": None,
}


@pytest.mark.parametrize(("name", "value"), [("text", "a"), ("four", ""), ("none", ""), ("missing", "")])
def test_a_text_is_a_text_or_nothing(name: str, value: str) -> None:
    """Another type is passed over like a missing attribute."""
    assert text(SAYS, name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [("four", 4), ("below", -4), ("yes", 7), ("half", 7), ("text", 7), ("wide", 7), ("missing", 7)],
)
def test_a_number_is_whole_and_has_64_bits(name: str, value: int) -> None:
    """True is no number, and what OTLP can't hold is none of ours."""
    assert integer(SAYS, name, 7) == value


@pytest.mark.parametrize(("name", "value"), [("four", 4), ("below", 0), ("missing", 0)])
def test_a_count_is_never_below_zero(name: str, value: int) -> None:
    """A damaged trace can't make a sum smaller."""
    assert count(SAYS, name) == value


@pytest.mark.parametrize(("given", "kept"), [(-1, 0), (0, 0), (2**64 - 1, 2**64 - 1), (2**64, 2**64 - 1)])
def test_a_time_is_one_that_otlp_can_hold(given: int, kept: int) -> None:
    """At either end it is cut, and not refused."""
    assert time(given) == kept


@pytest.mark.parametrize(("name", "value"), [("yes", True), ("no", False), ("four", False), ("missing", False)])
def test_a_flag_is_set_by_true_alone(name: str, value: bool) -> None:
    """A number is no flag."""
    assert flag(SAYS, name) is value
