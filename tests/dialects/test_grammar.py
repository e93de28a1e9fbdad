"""Parts that are opened, filled and closed."""

from __future__ import annotations

import pytest

from otel_sse.dialects.grammar import ANY, Parts
from otel_sse.limits import MAX_CHANNELS

TEXT = frozenset({"text"})


def test_a_part_that_is_open_takes_what_fits() -> None:
    """A delta of the part's type is in order, and any is where the type is not known."""
    parts = Parts("block")
    parts.open(0, "text")
    parts.open(1, ANY)
    assert [parts.fill("text_delta", key, TEXT) for key in (0, 1)] == [None, None]
    assert parts.fill("other", 0) is None


def test_what_breaks_the_grammar_is_said() -> None:
    """Another type, a part that was never opened, one that is closed."""
    parts = Parts("block")
    parts.open(0, "tool_use")
    assert parts.close(7) is None
    assert parts.fill("text_delta", 0, TEXT) == "text_delta, but its block is of type tool_use"
    assert parts.fill("text_delta", 1, TEXT) == "text_delta, but its block was never opened"
    parts.close(0)
    assert parts.fill("text_delta", 0, TEXT) == "text_delta, but its block is closed"


def test_events_that_were_picked_out_are_held_to_nothing() -> None:
    """A stream that opens no part at all has lost no opening; one that is held to the grammar from the first on has."""
    parts = Parts("block")
    assert parts.fill("text_delta", 0) is None
    parts.begin()
    assert parts.fill("text_delta", 0) is None
    assert Parts("block", judging=True).fill("text_delta", 0) is not None


def test_an_end_without_an_opening_shows_that_it_was_lost() -> None:
    """It is told once, and from then on deltas are."""
    parts = Parts("block")
    assert parts.fill("text_delta", 0) is None
    assert parts.close(0, "block_stop") == "block_stop, but its block was never opened"
    assert parts.close(1, "block_stop") is None
    assert parts.fill("text_delta", 2) is not None


def test_an_answer_begins_with_nothing_open() -> None:
    """What an earlier answer opened is not open any more."""
    parts = Parts("block")
    parts.open(0)
    assert parts.open_ones()
    parts.begin()
    assert not parts.open_ones()
    assert parts.fill("text_delta", 0) is not None


def test_a_part_that_need_not_be_opened_must_not_go_on_behind_its_end() -> None:
    """Where an opening may be left out, only the end counts."""
    parts = Parts("block")
    assert parts.late("delta", 0) is None
    parts.close(0)
    assert parts.late("delta", 0) == "delta, but its block is closed"


@pytest.mark.parametrize("count", [MAX_CHANNELS, MAX_CHANNELS + 1])
def test_beyond_the_cap_nothing_is_said_of_parts_that_are_not_known(count: int) -> None:
    """At the cap an unknown part is a break; one past it may have been one that was not remembered."""
    parts = Parts("block")
    for number in range(count):
        parts.open(number)
    assert (parts.fill("delta", "unknown") is None) is (count > MAX_CHANNELS)
