"""How a stream ended."""

from __future__ import annotations

import pytest

from otel_sse.stage.ending import Ending
from otel_sse.stream import outcome as outcomes
from otel_sse.stream.totals import Totals


def ended(
    totals: Totals, *, at_end: bool = True, expects: str = "terminal", encoding: str = "", cut: bool = False
) -> str:
    """How a stream ended that its shell calls completed."""
    ending = Ending(totals, encoding)
    ending.truncated = cut
    return ending.outcome(outcomes.COMPLETED, at_end=at_end, expects=expects)


def test_completed_is_held_against_the_protocol() -> None:
    """An end that was not seen, an unfinished event and bytes without an event are no good end."""
    whole = Totals(bytes=9, chunks=1)
    assert ended(whole) == ended(whole, at_end=False, expects="nothing") == ended(Totals(), expects="nothing")
    assert ended(whole) == outcomes.COMPLETED
    assert ended(whole, at_end=False) == ended(whole, cut=True) == ended(Totals(bytes=9)) == outcomes.INCOMPLETE
    assert ended(whole, encoding="gzip") == outcomes.UNPARSED


@pytest.mark.parametrize("outcome", [outcomes.FAILED, outcomes.CANCELLED, outcomes.DISCONNECTED, outcomes.ABANDONED])
def test_other_ends_are_what_the_shell_saw(outcome: str) -> None:
    """The protocol has no say in how a shell lost a stream."""
    assert Ending(Totals(), "gzip").outcome(outcome, at_end=False, expects="terminal") == outcome


@pytest.mark.parametrize(("behind", "outcome"), [(0, outcomes.FAILED), (1, outcomes.COMPLETED)])
def test_error_with_nothing_behind_it_fails_the_stream(behind: int, outcome: str) -> None:
    """An answer that goes on behind an error event got over it."""
    totals = Totals(bytes=9, chunks=3, content_chunks=1)
    ending = Ending(totals, "")
    ending.error("overloaded")
    totals.content_chunks += behind
    found = ending.outcome(outcomes.COMPLETED, at_end=True, expects="terminal")
    assert (found, ending.error_type(found)) == (outcome, "overloaded" if not behind else "")


@pytest.mark.parametrize("outcome", [outcomes.CANCELLED, outcomes.DISCONNECTED, outcomes.ABANDONED])
@pytest.mark.parametrize(("behind", "left_before"), [(0, False), (1, False), (0, True)])
def test_who_stops_at_an_error_event_has_not_left(outcome: str, behind: int, left_before: bool) -> None:
    """An error event that crossed last fails the stream, however its reader left, unless they left before it."""
    totals = Totals(bytes=9, chunks=3, content_chunks=1)
    ending = Ending(totals, "")
    if left_before:
        ending.leave(had_all=False)
    ending.error("overloaded")
    totals.content_chunks += behind
    found = ending.outcome(outcome, at_end=False, expects="terminal")
    expected = outcome if behind or left_before else outcomes.FAILED
    assert (found, ending.error_type(found)) == (expected, "overloaded" if expected == outcomes.FAILED else "")
