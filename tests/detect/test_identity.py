"""The `id:` field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_sse import limits
from otel_sse.detect.identity import IdentityDetector
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding

Told = tuple[str, int, int]
Carrier = tuple[str, str]

GAP, BACK, AGAIN, TWIN = "gap/sequence", "reorder/sequence", "duplicate/replayed", "duplicate/doubled"


def findings(events: list[Carrier], detector: IdentityDetector | None = None) -> list[Finding]:
    """Everything said of events, each an id and a digest, and of their end."""
    detector = detector or IdentityDetector("socket_write")
    found = [one for seq, event in enumerate(events, 1) for one in detector.check(seq, *event)]
    return [*found, *detector.restart()]


def told(events: list[Carrier]) -> list[Told]:
    """Kind, chunk and earlier chunk of everything said."""
    return [(one.kind, one.seq, one.of) for one in findings(events)]


def named(text: str) -> list[Carrier]:
    """Events with these ids, each id with a content of its own."""
    return [(ident, f"digest of {ident}") for ident in text.split()]


def numbered(*numbers: int) -> list[Carrier]:
    """Events with these numbers for ids, each number with a content of its own."""
    return named(" ".join(map(str, numbers)))


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ("", []),
        ("a b c d", []),
        ("a b c b d", [(AGAIN, 4, 2)]),
        ("a b c a b c", [(AGAIN, 4, 1), (AGAIN, 5, 2), (AGAIN, 6, 3)]),
        ("a a b b c c", [(TWIN, 2, 1), (TWIN, 4, 3), (TWIN, 6, 5)]),
        ("1 1 2 2 3 3", [(TWIN, 2, 1), (TWIN, 4, 3), (TWIN, 6, 5)]),
        ("a a b b", []),
        ("a a a a", []),
        ("1707756341:0 1707756341:1 1707756341:2 1707756341:0", [(AGAIN, 4, 1)]),
        ("x 1 y 2 z 3 done done", [(TWIN, 8, 7)]),
    ],
)
def test_events_that_came_before_are_told_once_ids_name_events(ids: str, expected: list[Told]) -> None:
    """A repeated id with the same content is a replay; earlier repeats are told too once a third id has come."""
    assert told(named(ids)) == expected


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([*range(1, 20)], []),
        ([*range(41, 60)], []),
        ([*range(1, 10), 11, 12], [(GAP, 10, 9)]),
        ([1, 2, 4, 5, 6, 7, 8, 9, 10], [(GAP, 3, 2)]),
        ([1, 3, 2, *range(4, 12)], [(BACK, 3, 2)]),
        ([*range(1, 12), 13, 12, 14], [(BACK, 13, 12)]),
        ([*range(1, 10), 7, 8, 9, 10], [(AGAIN, 10, 7), (AGAIN, 11, 8), (AGAIN, 12, 9)]),
        ([*range(1, 10), *range(1, 4)], [(AGAIN, 10, 1), (AGAIN, 11, 2), (AGAIN, 12, 3)]),
        ([one for one in range(1, 11) for _ in "ab"], [(TWIN, 2 * one, 2 * one - 1) for one in range(1, 11)]),
    ],
    ids=str,
)
def test_numbers_that_count_are_held_to_their_count(numbers: list[int], expected: list[Told]) -> None:
    """Ids that turn out to be dense numbers give gaps, regressions and repeats, those at the beginning too."""
    assert told(numbered(*numbers)) == expected


@pytest.mark.parametrize(
    "numbers",
    [
        [0, 5, 9, 12, 17, 18, 25, 31, 40],
        [1, 3, 5, 7, 9, 11, 13, 15, 17, 19],
        [17, 18, 30, 31, 45, 46, 47, 60],
        [1732099200000 + step for step in (0, 8, 9, 40, 41, 77, 80, 99)],
        [1732099200 + step for step in (0, 1, 2, 3, 4, 5, 6, 9)],
        [9, 4, 7, 1, 30, 2, 25, 18],
        [1, 2, 3, 4, 5, 6, 7, 10, 8, 9, 11, 13],
    ],
    ids=[
        "byte offsets",
        "odd numbers",
        "a counter of all streams",
        "milliseconds",
        "seconds",
        "random",
        "two lost early",
    ],
)
def test_numbers_that_do_not_count_have_no_gaps(numbers: list[int]) -> None:
    """Offsets, times and keys skip as they please."""
    assert told(numbered(*numbers)) == []


def test_few_numbers_are_not_called_a_count() -> None:
    """Below MAX_LEARNT_IDS numbers a skip says nothing, from there on it does."""
    few = [*range(1, limits.MAX_LEARNT_IDS - 1), limits.MAX_LEARNT_IDS]
    assert told(numbered(*few)) == []
    assert told(numbered(*few, limits.MAX_LEARNT_IDS + 1)) == [
        (GAP, limits.MAX_LEARNT_IDS - 1, limits.MAX_LEARNT_IDS - 2)
    ]


@pytest.mark.parametrize(("start", "certainty"), [(0, CERTAIN), (1, CERTAIN), (2, SUSPECTED), (1043, SUSPECTED)])
def test_gap_is_certain_only_in_a_count_of_this_stream_alone(start: int, certainty: str) -> None:
    """A count that begins elsewhere may be one that several streams share, so its gaps are suspected."""
    (gap,) = findings(numbered(*range(start, start + 9), start + 12))
    assert (gap.kind, gap.certainty, gap.amount) == (GAP, certainty, 3)


@pytest.mark.parametrize(
    "events",
    [
        [("msg_1", "the"), ("msg_1", "cat"), ("msg_1", "the"), ("msg_2", "a"), ("msg_3", "b"), ("msg_3", "b")],
        [("1", "the"), ("1", "cat"), ("2", "sat"), ("2", "sat"), ("3", "on"), ("3", "on")],
        [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4"), ("b", "2")],
        [*numbered(*range(1, 10)), ("9", "other"), ("9", "other"), ("30", "x"), ("1", "digest of 1")],
    ],
    ids=["id of a message", "number of a step", "id given anew", "count, then a shared number"],
)
def test_ids_that_several_events_share_are_left_alone(events: list[Carrier]) -> None:
    """Where two events with one id have different contents, ids do not name events, and nothing is said of them."""
    assert told(events) == []


@pytest.mark.parametrize(
    ("tick", "is_tick"),
    [("1732099200", True), ("1732099200.25", True), ("1732099200123", True), ("17320992001234", False), ("abc", False)],
)
def test_two_equal_events_of_one_tick_are_not_a_replay(tick: str, is_tick: bool) -> None:
    """Neighbours with the same time and content may be two tokens of one moment; later repeats are replays."""
    before, after = named("x y z"), named("w")
    expected = [] if is_tick else [(TWIN, 5, 4)]
    assert told([*before, (tick, "ha"), (tick, "ha"), *after]) == expected
    assert told([*before, (tick, "ha"), *after, (tick, "ha")]) == [(AGAIN, 6, 4)]


def test_empty_id_says_nothing() -> None:
    """An `id:` without a value resets the browser's memory; it is no identity."""
    assert told([("", "a")] * 5) == []


def test_other_ids_among_numbers_do_not_break_the_count() -> None:
    """A name between the numbers (`done`, `error`) is a name, and the count goes on behind it."""
    assert told([*numbered(*range(1, 10)), ("note", "n"), *numbered(10, 12, 12)]) == [(TWIN, 13, 12), (GAP, 12, 11)]


def test_padded_numbers_are_names() -> None:
    """`007` is no count: `7` and `007` would be two ids with one number."""
    assert told(named("01 02 03 04 05 06 07 08 11 01")) == [(AGAIN, 10, 1)]


def test_heartbeats_may_count_and_may_repeat() -> None:
    """A heartbeat with the next number takes part in the count; one that repeats an id is no replay."""
    detector = IdentityDetector("emit")
    seq = 0
    found: list[Finding] = []
    for number in range(1, 30):
        seq += 1
        if number % 3:
            found += detector.check(seq, str(number), f"{number}")
        else:
            found += detector.heartbeat(seq, str(number), "ping")
            found += detector.heartbeat(seq + 1, str(number), "ping")
            found += detector.heartbeat(seq + 2, "keepalive", "ping")
            seq += 2
    assert [*found, *detector.restart()] == []


def test_heartbeat_that_repeats_the_latest_number_does_not_end_the_count() -> None:
    """Behind such a heartbeat a gap is found as before."""
    detector = IdentityDetector("emit")
    found = [one for seq in range(1, 12) for one in detector.check(seq, str(seq), f"{seq}")]
    found += detector.heartbeat(12, "11", "ping")
    found += detector.check(13, "13", "13")
    assert [(one.kind, one.seq) for one in [*found, *detector.restart()]] == [(GAP, 13)]


def test_heartbeats_may_have_any_id() -> None:
    """Keep-alives that all carry the id 0 are neither a step back nor a repeat, before the count is known and after."""
    detector = IdentityDetector("emit")
    found: list[Finding] = []
    for number in range(1, 30):
        found += detector.check(2 * number, str(number), f"{number}")
        found += detector.heartbeat(2 * number + 1, "0", "ping")
    assert [*found, *detector.restart()] == []


def test_another_answer_may_count_anew() -> None:
    """After a restart ids may begin again, and those held back are dropped."""
    detector = IdentityDetector("emit")
    first = findings(numbered(*range(1, 12)), detector)
    second = findings([*numbered(*range(1, 12)), ("13", "x")], detector)
    assert first == []
    assert [(one.kind, one.seq) for one in second] == [(GAP, 12)]
    few = IdentityDetector("emit")
    assert findings(numbered(*range(100, 105)), few) == []
    assert [one.kind for one in findings(numbered(*range(1, 12), 13), few)] == [GAP]
    held = IdentityDetector("emit")
    assert findings(named("a a b b"), held) == []
    assert findings(named("a b c"), held) == []


def test_ids_stay_unjudged_after_a_restart_where_they_were_shared() -> None:
    """A stream that does not name its events will not begin to with its next answer."""
    detector = IdentityDetector("emit")
    findings([("m", "1"), ("m", "2")], detector)
    assert findings(named("a b c a"), detector) == []


@pytest.mark.parametrize(("others", "expected"), [(limits.MAX_IDS - 1, [AGAIN]), (limits.MAX_IDS, [])])
def test_ids_are_remembered_up_to_the_cap(others: int, expected: list[str]) -> None:
    """With MAX_IDS ids the first is still known; one more pushes it out."""
    events = [*named("first"), *((f"e{number}", "x") for number in range(others)), *named("first")]
    assert [one.kind for one in findings(events)] == expected


@pytest.mark.parametrize("repeats", [limits.MAX_FINDINGS_PER_STREAM, limits.MAX_FINDINGS_PER_STREAM + 1])
def test_repeats_held_back_are_capped(repeats: int) -> None:
    """While nobody knows yet what ids mean, at most MAX_FINDINGS_PER_STREAM repeats wait."""
    found = findings([("a", "x")] * (repeats + 1) + named("b c"))
    assert len(found) == limits.MAX_FINDINGS_PER_STREAM


@given(st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=3), st.integers(1, 4))
def test_replay_of_any_run_is_found_event_by_event(ids: list[str], times: int) -> None:
    """However often a run of named events is replayed, each of its events is told each time."""
    run = named(" ".join(ids))
    assert [one.of for one in findings(run * (times + 1))] == [*range(1, len(ids) + 1)] * times


@pytest.mark.parametrize("chars", [limits.MAX_ID_CHARS, limits.MAX_ID_CHARS + 1, 500_000])
def test_long_ids_are_known_again_and_take_little_room(chars: int) -> None:
    """Past MAX_ID_CHARS a digest stands for the id: it still names one event, and no more than the cap is kept."""
    detector = IdentityDetector("emit")
    ids = [str(number) * chars for number in range(5)]
    found = findings([*((ident, ident[0]) for ident in ids), (ids[0] + "x", "5"), (ids[1], "1")], detector)
    assert [(one.kind, one.seq, one.of) for one in found] == [(AGAIN, 7, 2)]
    for ident in ids:
        detector.check(8, ident, ident[0])
    assert max(map(len, detector._names)) <= limits.MAX_ID_CHARS
    assert detector.heartbeat(9, ids[1], "ping") == ()


@pytest.mark.parametrize(("first", "count"), [(21, 0), (22, 1), (1, 0)])
def test_another_answer_may_count_anew_or_go_on(first: int, count: int) -> None:
    """Ids that go on lack what is skipped; ids that begin at 1 again name other events."""
    detector = IdentityDetector("emit")
    for seq in range(1, 21):
        assert not detector.check(seq, f"{seq}", f"{seq}")
    detector.begin()
    found = [one for at in range(20) for one in detector.check(21 + at, f"{first + at}", f"other {at}")]
    assert [one.kind for one in found] == ["gap/sequence"] * count


def test_names_of_the_answer_before_stay_known_until_one_comes_again() -> None:
    """Another answer's names are new ones, or the same ones for other events."""
    detector = IdentityDetector("emit")
    for seq in range(1, 6):
        detector.check(seq, f"a{seq}", f"{seq}")
    detector.begin()
    assert not detector.check(6, "b1", "6")
    assert [one.of for one in detector.check(7, "a2", "2")] == [2]
    detector.begin()
    assert not detector.check(8, "a2", "2")
