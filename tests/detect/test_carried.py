"""Ids that each event carries."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.detect.carried import CarriedDetector
from otel_sse.stream.chunk import SUSPECTED


def told(
    ids: str, *, ends: frozenset[int] = frozenset(), silent: frozenset[int] = frozenset()
) -> list[tuple[int, int]]:
    """Chunk and earlier chunk of what is said of events with these ids, ten bytes of content each."""
    detector = CarriedDetector("emit")
    found: list[tuple[int, int]] = []
    said, over, latest = 0, False, ""
    for seq, ident in enumerate(ids, 1):
        own = 0 if seq in silent else 10
        if ident != latest:
            detector.changed(seq, ident, said, over=over)
        latest, said = ident, said + own
        finding = detector.check(seq, said) if own else None
        if finding is not None:
            assert (finding.kind, finding.certainty, finding.amount) == ("duplicate/restarted", SUSPECTED, 0)
            found.append((finding.seq, finding.of))
            over = False
        over = over or seq in ends
    return found


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ("aaaaaaaa", []),
        ("abcdefghijkl", []),
        ("abbbbbbbbb", []),
        ("aabbccddeeffgg", []),
        ("aaaaaabaaaaaa", []),
        ("aaaaaabbb", []),
        ("aaaaaabbbb", [(7, 1)]),
        ("aaaaaabbbbbbccccc", [(7, 1), (13, 7)]),
        ("aaaaaaaabcdefghij", []),
    ],
    ids=["one", "each its own", "the first alone", "two each", "one between", "too few", "again", "twice", "later"],
)
def test_an_id_begins_an_answer_where_several_events_have_it(ids: str, expected: list[tuple[int, int]]) -> None:
    """Behind an answer of four events or more, an id that four events in a row have is another answer's."""
    assert told(ids) == expected


@pytest.mark.parametrize(("events", "count"), [(limits.ANSWER_EVENTS - 1, 0), (limits.ANSWER_EVENTS, 1)])
def test_so_many_events_make_an_answer(events: int, count: int) -> None:
    """ANSWER_EVENTS in a row have the id of an answer, of the one before and of the one that begins."""
    assert len(told("a" * 8 + "b" * events)) == count
    assert len(told("a" * events + "b" * 8)) == count


@pytest.mark.parametrize(("alone", "count"), [(limits.LONE_IDS - 1, 1), (limits.LONE_IDS, 0)])
def test_so_many_lone_ids_make_all_of_them_meaningless(alone: int, count: int) -> None:
    """Behind LONE_IDS that one event each had, even an id that many have is no answer's."""
    assert len(told("xyz"[:alone] + "a" * 8 + "b" * 8)) == count


def test_behind_an_end_one_event_with_content_is_enough() -> None:
    """What comes behind the end under another id is another answer; usage under another id is none."""
    assert told("aaab", ends=frozenset({3})) == [(4, 3 - 2)]
    assert told("aaab", ends=frozenset({3}), silent=frozenset({4})) == []
    assert told("aaabb", ends=frozenset({3}), silent=frozenset({4})) == [(4, 1)]


def test_there_is_no_second_answer_without_content_before() -> None:
    """A gateway's own id on the first event, which says the role, is no answer's."""
    assert told("abbbbbbbb", silent=frozenset({1})) == []
    assert told("aaaaabbbbbb", silent=frozenset(range(1, 6))) == []


def test_ids_that_mean_nothing_begin_no_answer_behind_an_end() -> None:
    """Where each event has an id of its own, one behind the end is as late as any content."""
    assert told("abcdef", ends=frozenset({5})) == []
    assert told("abcdef", ends=frozenset({1})) == [(2, 1)]


@pytest.mark.parametrize(("before", "count"), [(limits.MAX_CHANNELS - 2, 0), (limits.MAX_CHANNELS - 1, 1)])
def test_ids_are_remembered_up_to_the_cap(before: int, count: int) -> None:
    """The last of MAX_CHANNELS ids is known when it comes back; one more counts as new."""
    detector = CarriedDetector("emit")
    for number in range(before + 1):
        detector.changed(1 + 9 * number, f"id-{number}", 90 * number, over=False)
    detector.changed(9_000, "last", 90_000, over=False)
    detector.changed(9_010, "id-0", 90_100, over=False)
    detector.changed(9_020, "last", 90_200, over=False)
    assert (detector.check(9_030, 90_300) is not None) == count
