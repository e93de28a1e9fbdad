"""A hop's own numbers."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import limits
from otel_sse.hops.inbox import Inbox
from otel_sse.stream.chunk import CERTAIN, Finding

LATE = limits.MAX_LATE_CHUNKS


def told(numbers: Iterable[int], *, opens: bool = True, close: bool = True) -> list[tuple[str, int, int, int]]:
    """Kind, chunk, earlier chunk and amount of the findings about a run of numbers, one chunk each."""
    detector = Inbox("ws.receive")
    found: list[Finding] = []
    for seq, number in enumerate(numbers, 1):
        found += detector.check(seq, number, opens and seq == 1)
    if close:
        found += detector.close()
    assert all(finding.certainty == CERTAIN and finding.stage == "ws.receive" for finding in found)
    return [(finding.kind, finding.seq, finding.of, finding.amount) for finding in found]


def test_numbers_in_order_are_no_finding() -> None:
    """One after the other, from wherever the stream begins on this connection."""
    assert told(range(1, 1000)) == told(range(500, 600)) == []


def test_a_number_that_comes_again_was_resent() -> None:
    """The finding names the chunk that had the number before."""
    assert told([1, 2, 3, 3, 2, 4]) == [("duplicate/resent", 4, 3, 1), ("duplicate/resent", 5, 2, 1)]


def test_a_number_that_comes_again_much_later_was_resent() -> None:
    """Past the window the earlier chunk is not known any more, but the repetition is."""
    assert told([*range(1, 400), 2]) == [("duplicate/resent", 400, 0, 1)]


def test_a_number_that_does_not_come_is_missing() -> None:
    """Neighbours that are missing together are one finding with their count, at the chunk behind them."""
    assert told([1, 2, 5, 6, 8]) == [("gap/hop", 3, 2, 2), ("gap/hop", 5, 4, 1)]


@pytest.mark.parametrize("after", [LATE - 1, LATE])
def test_a_loss_is_told_sixteen_messages_later(after: int) -> None:
    """Not before, because the message may come late."""
    numbers = [1, *range(3, 4 + after)]
    assert bool(told(numbers, close=False)) is (after >= LATE)
    assert told(numbers) == [("gap/hop", 2, 1, 1)]


def test_a_number_that_comes_late_is_out_of_order() -> None:
    """It is neither missing nor resent."""
    assert told([1, 3, 2, 4]) == [("reorder/hop", 3, 2, 1)]


def test_what_was_called_lost_and_comes_is_late() -> None:
    """Once, and resent the next time."""
    numbers = [1, *range(3, 4 + LATE), 2, 2]
    count = len(numbers)
    assert told(numbers)[1:] == [("reorder/hop", count - 1, count - 2, 1), ("duplicate/resent", count, count - 1, 1)]


def test_the_example_of_the_comment_holds() -> None:
    """A hole of two numbers: one comes late and again, the other one is called lost and comes then."""
    assert told([1, 2, 5, 4, 4, *range(6, 20), 3]) == [
        ("reorder/hop", 4, 3, 1),
        ("duplicate/resent", 5, 4, 1),
        ("gap/hop", 3, 2, 1),
        ("reorder/hop", 20, 19, 1),
    ]
    assert not any(kind == "gap/hop" for kind, *_ in told([1, 2, 5, 4, 4, *range(6, 19)], close=False))


def test_a_stream_whose_opening_did_not_come_lacks_it() -> None:
    """Where the first message does not say that the stream begins with it, those before are missing."""
    assert told([3, 4], opens=False) == [("gap/hop", 1, 0, 2)]
    assert told([3, 4], opens=True) == []


def test_what_is_older_than_the_beginning_is_late() -> None:
    """A message from before the first one was never here, so it is not resent."""
    assert told([5, 6, 3, 7]) == [("reorder/hop", 3, 2, 1)]


def test_a_new_connection_goes_on() -> None:
    """Numbers outlive a connection: what is sent again is resent, what was lost with it is missing."""
    detector = Inbox("ws.receive")
    assert [detector.check(seq, seq, seq == 1) for seq in (1, 2, 3)] == [(), (), ()]
    assert detector.close() == []
    assert [finding.kind for finding in detector.check(1, 3, True)] == ["duplicate/resent"]
    assert not detector.check(2, 6)
    assert [(finding.kind, finding.amount) for finding in detector.close()] == [("gap/hop", 2)]


def test_a_step_to_another_numbering_counts_as_one() -> None:
    """No peer can drive the counter of missing chunks anywhere."""
    assert told([1, 2, 2**60, 2**60 + 1]) == [("gap/hop", 3, 2, 1)]
    assert told([1, limits.MAX_NUMBER_STEP + 3]) == [("gap/hop", 2, 1, 1)]


@pytest.mark.parametrize("missing", [limits.MAX_MISSING_NUMBERS, limits.MAX_MISSING_NUMBERS + 1])
def test_missing_numbers_are_remembered_up_to_a_cap(missing: int) -> None:
    """A loss beyond the cap is counted in full; only the numbers remembered can still come late."""
    numbers = [1, missing + 2]
    assert told(numbers) == [("gap/hop", 2, 1, missing)]
    late = told([*numbers, 2])
    # Past the cap nobody knows whether the number was here, so it is never called a repetition.
    assert late[0][0] == "reorder/hop"
    assert [amount for kind, _, _, amount in late if kind == "gap/hop"] == [missing - (missing <= 256)]


@given(st.permutations(range(1, 13)))
def test_every_order_of_a_few_messages_loses_none(numbers: list[int]) -> None:
    """Whatever the order, nothing is missing or resent, and what comes behind a higher number is out of order."""
    found = told(numbers, opens=False)
    highest = [max(numbers[:position], default=0) for position in range(len(numbers))]
    late = [seq for seq, (number, before) in enumerate(zip(numbers, highest, strict=True), 1) if number < before]
    assert [(kind, seq) for kind, seq, _, _ in found] == [("reorder/hop", seq) for seq in late]
