"""Silence."""

from __future__ import annotations

import pytest

from otel_sse.detect.stall import StallDetector
from otel_sse.stream.chunk import CERTAIN, Finding

S = 1_000_000_000
OPENED = 100 * S


def detector() -> StallDetector:
    """One that allows 5 s to the first byte and 15 s between pieces of content."""
    return StallDetector("socket_write", OPENED, 5 * S, 15 * S)


@pytest.mark.parametrize(("waited_ns", "late"), [(0, False), (5 * S, False), (5 * S + 1, True), (60 * S, True)])
def test_first_byte_may_take_as_long_as_allowed(waited_ns: int, late: bool) -> None:
    """A first byte at the threshold is in time, one nanosecond later is not."""
    assert (detector().first(OPENED + waited_ns) is not None) is late


def test_first_byte_finding_says_how_long() -> None:
    """The evidence is the wait and what is allowed, in seconds; the chunk is 1, or 0 where none came."""
    found = detector().first(OPENED + 7_250_000_000)
    assert found == Finding("stall/first_byte", CERTAIN, "socket_write", 1, evidence="7.250 s, allowed 5 s")
    never = detector().first(OPENED + 9 * S, 0)
    assert never is not None
    assert never.seq == 0


@pytest.mark.parametrize(("waited_ns", "late"), [(15 * S, False), (15 * S + 1, True)])
def test_content_may_pause_as_long_as_allowed(waited_ns: int, late: bool) -> None:
    """A pause at the threshold is none, one nanosecond longer is a stall."""
    stall = detector()
    stall.first(OPENED + S)
    assert stall.content(2, OPENED + S) is None
    assert (stall.content(3, OPENED + S + waited_ns) is not None) is late


def test_heartbeats_do_not_end_a_stall_and_are_counted() -> None:
    """Keep-alives during the silence stand in the evidence; those of an earlier pause do not."""
    stall = detector()
    stall.first(OPENED)
    stall.heartbeat()
    assert stall.content(2, OPENED + S) is None
    for _ in range(3):
        stall.heartbeat()
    found = stall.content(6, OPENED + 21 * S)
    evidence = "20.000 s, allowed 15 s, 3 heartbeats meanwhile"
    assert found == Finding("stall/content", CERTAIN, "socket_write", 6, evidence=evidence, heartbeats=3)


def test_each_pause_is_measured_by_itself() -> None:
    """A pause begins at the content before, so short ones never add up."""
    stall = detector()
    stall.first(OPENED)
    assert [stall.content(seq, OPENED + seq * 14 * S) for seq in range(1, 20)] == [None] * 19


def test_wait_for_the_first_content_begins_at_the_first_byte() -> None:
    """What passed before the first byte is told by that finding alone."""
    stall = detector()
    assert stall.first(OPENED + 12 * S) is not None
    assert stall.content(1, OPENED + 20 * S) is None


@pytest.mark.parametrize(("waited_ns", "in_time"), [(15 * S, True), (15 * S + 1, False)])
def test_short_way_says_the_same(waited_ns: int, in_time: bool) -> None:
    """`in_time` takes note of content as `content` does, and where it is late leaves the verdict to it."""
    stall = detector()
    stall.first(OPENED)
    stall.heartbeat()
    assert stall.in_time(OPENED + waited_ns) is in_time
    late = stall.content(5, OPENED + waited_ns + 16 * S)
    assert late is not None
    waited, heartbeats = ("16.000", 0) if in_time else ("31.000", 1)
    assert late.evidence == f"{waited} s, allowed 15 s, {heartbeats} heartbeats meanwhile"
    assert late.heartbeats == heartbeats
