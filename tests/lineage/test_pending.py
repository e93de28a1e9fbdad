"""What waits at one stage to be claimed by the next."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.lineage import ANEW, LATE, NEAR, PASSED, Crossings, claim
from otel_sse.lineage.claims import NEXT
from tests.lineage.made_chunks import MS, chunk, claimed, crossed


def test_worked_example_of_pending_chunks() -> None:
    """What the comment in the class says of six chunks is so."""
    upstream, found = crossed("a", "b", "c", "d", "e"), []
    for seq, text in enumerate("acbaxe", 1):
        one = chunk(seq, text)
        _, _, how = claim(one, upstream, (), False)
        found.append((how, one.upstream_first, one.upstream_last))
    expected = [(NEXT, 1, 1), (NEAR, 3, 3), (LATE, 2, 2), (PASSED, 1, 1), (ANEW, 4, 5), (LATE, 5, 5)]
    assert (found, upstream.again) == (expected, None)


def test_chunk_equal_to_the_oldest_one_takes_it() -> None:
    """A claim names the chunk, says when it crossed, and takes it off."""
    upstream = crossed("a", "b")
    one = chunk(9, "a")
    assert upstream.claim_next(one) == 1 * MS
    assert (one.upstream_first, one.upstream_last) == (1, 1)
    assert upstream.claim_next(chunk(10, "a")) == 0


def test_what_was_left_out_may_still_come() -> None:
    """Chunks before the one that is claimed are passed over, and found where they come late."""
    assert claimed(crossed("a", "b", "c", "d"), "c", "a", "d", "b") == [(3, 3), (1, 1), (4, 4), (2, 2)]


def test_equal_chunk_that_waits_goes_before_one_that_was_passed() -> None:
    """a b a, with b left out: the second a is the third chunk, not the first again."""
    assert claimed(crossed("a", "b", "a"), "a", "a") == [(1, 1), (3, 3)]


def test_stage_that_rewrites_makes_anew_rather_than_repeats() -> None:
    """What waits is claimed by a chunk that equals one passed a moment ago, where a stage may change content."""
    upstream = crossed("the", "The")
    assert claimed(upstream, "the", "the", rewrites=True) == [(1, 1), (2, 2)]
    assert claimed(crossed("the", "The"), "the", "the") == [(1, 1), (1, 1)]


def test_content_that_equals_nothing_was_made_of_all_that_waits() -> None:
    """A chunk of other content names the range that had been pulled; its further pieces name the same."""
    upstream = crossed("a", "b", "c")
    assert claimed(upstream, "x", "y") == [(1, 3), (1, 3)]


def test_range_leaves_out_what_carries_no_content() -> None:
    """An answer's opening event and its usage are no part of what a replaced text was made of."""
    upstream = Crossings()
    for seq, kind in enumerate(("control", "content", "content", "control"), 1):
        upstream.add(chunk(seq, f"{seq}", kind))
    assert claimed(upstream, "x", "y") == [(2, 3), (2, 3)]


def test_content_before_anything_was_pulled_comes_from_nothing() -> None:
    """A greeting that a stage makes itself names no upstream chunk."""
    assert claimed(crossed(), "Hello") == [(0, 0)]


@pytest.mark.parametrize("kind", ["comment", "heartbeat"])
def test_keep_alive_does_not_claim_past_content(kind: str) -> None:
    """A keep-alive equals the next one only: an equal one further on says nothing about the content before it."""
    upstream = crossed("a")
    upstream.add(chunk(2, "ping", kind))
    assert claimed(upstream, "ping", kind=kind) == [(0, 0)]
    assert claimed(upstream, "a") == [(1, 1)]
    assert claimed(upstream, "ping", kind=kind) == [(2, 2)]


def test_end_mark_of_its_own_comes_from_nothing() -> None:
    """A chunk without content that equals nothing leaves all that waits where it is."""
    upstream = crossed("a")
    assert claimed(upstream, "[DONE]", kind="complete") == [(0, 0)]
    assert upstream.waits


def test_end_mark_is_found_behind_content_that_was_left_out() -> None:
    """An upstream's own end mark is claimed although chunks before it were dropped."""
    upstream = crossed("a", "b")
    upstream.add(chunk(3, "[DONE]", "complete"))
    assert claimed(upstream, "[DONE]", kind="complete") == [(3, 3)]


def test_holds_tells_whether_an_equal_chunk_waits() -> None:
    """What was claimed is not held any more."""
    upstream = crossed("a", "b")
    claimed(upstream, "a")
    assert not upstream.holds(chunk(1, "a"))
    assert upstream.holds(chunk(1, "b"))


@pytest.mark.parametrize(("extra", "oldest"), [(0, 1), (1, 2)])
def test_waiting_chunks_are_bounded(extra: int, oldest: int) -> None:
    """MAX_WAITING_CROSSINGS chunks wait; one more, and the oldest is forgotten."""
    upstream = crossed(*(f"{seq}" for seq in range(1, limits.MAX_WAITING_CROSSINGS + 1 + extra)))
    assert claimed(upstream, "all of them") == [(oldest, limits.MAX_WAITING_CROSSINGS + extra)]


@pytest.mark.parametrize(("extra", "found"), [(0, 1), (1, limits.MAX_RECENT_CROSSINGS + 1)])
def test_passed_chunks_are_bounded(extra: int, found: int) -> None:
    """A repeat is known MAX_RECENT_CROSSINGS chunks back; of an older one it is only known what came last."""
    texts = [f"{seq}" for seq in range(1, limits.MAX_RECENT_CROSSINGS + 1 + extra)]
    upstream = crossed(*texts)
    claimed(upstream, *texts)
    assert claimed(upstream, "1") == [(found, found)]


def test_two_sources_are_told_apart() -> None:
    """A chunk that is not the next of its stage's upstream may be the next of another one."""
    a, b = crossed("a1", "a2", source="a"), crossed("b1", source="b")
    one, two = chunk(1, "b1"), chunk(2, "a1")
    assert claim(one, a, [b], False) == (b, 1 * MS, "next")
    assert claim(two, b, [a], False) == (a, 1 * MS, "next")
    assert (one.upstream_first, two.upstream_first) == (1, 1)


def test_next_of_any_source_goes_before_a_later_one_of_the_first() -> None:
    """Which source's turn it is tells more than that an equal chunk waits further back."""
    a, b = crossed("x", "same"), crossed("same")
    assert claim(chunk(1, "same"), a, [b], False)[0] is b


def test_content_of_no_source_was_made_by_the_one_that_was_used() -> None:
    """Where no source has it, what waits at the stage's own upstream is what it was made of."""
    a, b = crossed("a1", "a2"), crossed("b1")
    one = chunk(1, "x")
    assert claim(one, a, [b], False) == (a, 2 * MS, ANEW)
    assert (one.upstream_first, one.upstream_last) == (1, 2)
