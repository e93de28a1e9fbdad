"""Answers to a reader that said which event it had last."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.detect.resume import ResumeDetector
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding

AGAIN, GAP = "duplicate/replayed", "gap/sequence"
UUIDS = [f"{number:08x}-aaaa-4bbb-8ccc-{number * 7919:011x}f" for number in range(40)]


def judged(after: str, idents: list[str], digests: list[str] | None = None) -> tuple[list[Finding], bool]:
    """What is said of an answer with these ids, and whether it counts as a resume."""
    detector = ResumeDetector("emit", after)
    contents = digests or [f"d{number}" for number in range(len(idents))]
    found = [detector.check(seq, *one) for seq, one in enumerate(zip(idents, contents, strict=True), 1)]
    return [one for one in [*found, detector.close()] if one is not None], detector.resumed


def told(after: str, idents: list[str]) -> list[tuple[str, str, int, int]]:
    """Kind, certainty, chunk and amount of what is said."""
    return [(one.kind, one.certainty, one.seq, one.amount) for one in judged(after, idents)[0]]


def numbers(*parts: range, prefix: str = "") -> list[str]:
    """Ids that end with these numbers."""
    return [f"{prefix}{number}" for part in parts for number in part]


@pytest.mark.parametrize(
    ("after", "idents"),
    [
        ("10", numbers(range(11, 41))),
        ("10", ["11"]),
        ("answer-7", numbers(range(8, 30), prefix="answer-")),
        ("0009", ["0010", "0011", "0012"]),
        ("10", ["12", "11", *numbers(range(13, 40))]),
        ("10", ["0", *numbers(range(11, 40))]),
        ("10", [str(number) for number in range(15, 400, 7)]),
        ("1700000000000", [str(1_700_000_005_000 + number) for number in range(20)]),
        ("1700000000000-4", numbers(range(9), prefix="1700000000001-")),
        (UUIDS[0], UUIDS[1:]),
        ("🐈", UUIDS),
    ],
    ids=[
        "numbers",
        "one event",
        "numeric tail",
        "zeros in front",
        "swapped",
        "a greeting's own id",
        "database keys",
        "times",
        "Redis",
        "UUIDs",
        "unknown id",
    ],
)
def test_answer_that_goes_on_behind_is_a_resume_and_no_fault(after: str, idents: list[str]) -> None:
    """What comes after the event that the reader had is what it asked for."""
    assert judged(after, idents) == ([], True)


@pytest.mark.parametrize(
    ("after", "idents", "expected"),
    [
        ("10", numbers(range(10, 41)), (AGAIN, CERTAIN, 1, 1)),
        ("10", numbers(range(1, 41)), (AGAIN, CERTAIN, 1, 10)),
        ("10", numbers(range(6, 11)), (AGAIN, CERTAIN, 1, 5)),
        ("ev5", numbers(range(5, 20), prefix="ev"), (AGAIN, CERTAIN, 1, 1)),
        (UUIDS[30], UUIDS, (AGAIN, CERTAIN, 1, 31)),
        ("10", [*numbers(range(1, 5), range(11, 15))], (AGAIN, CERTAIN, 1, 4)),
        ("99", numbers(range(1, 21)), (AGAIN, SUSPECTED, 1, 20)),
        ("10", ["10", "11"], (AGAIN, SUSPECTED, 1, 1)),
        ("10", numbers(range(15, 41)), (GAP, CERTAIN, 1, 4)),
        ("ev10", numbers(range(12, 21), prefix="ev"), (GAP, CERTAIN, 1, 1)),
        ("10", numbers(range(15, 22)), (GAP, SUSPECTED, 1, 4)),
        ("1", numbers(range(500_000, 500_020)), (GAP, SUSPECTED, 1, 1)),
    ],
    ids=[
        "the very event",
        "all of it",
        "ends with it",
        "numeric tail",
        "UUIDs",
        "passes it by",
        "ends before it",
        "two events",
        "begins later",
        "one is missing",
        "few events",
        "another numbering",
    ],
)
def test_answer_that_begins_elsewhere_is_told(
    after: str, idents: list[str], expected: tuple[str, str, int, int]
) -> None:
    """Events that the reader had are a replay, and those between what it had and what it gets are missing."""
    assert told(after, idents) == [expected]


def test_gap_is_a_resume_all_the_same() -> None:
    """The answer goes on behind the event, though not right behind it; one that replays does not."""
    assert judged("10", numbers(range(15, 41)))[1]
    assert not judged("10", numbers(range(1, 41)))[1]


def test_one_id_for_several_events_says_nothing() -> None:
    """A message's id on each of its chunks does not say which of them the reader had."""
    assert judged("7", ["7"] * 5) == ([], False)
    assert judged("7", ["7"]) == ([], False)
    assert judged("7", ["7", "8", "8", "9", "10"]) == ([], False)


def test_event_that_comes_twice_counts_once() -> None:
    """That an event came again within the answer is told elsewhere, and is no further event that the reader had."""
    found, _ = judged("3", ["2", "2", "3", "4"], ["a", "a", "b", "c"])
    assert [(one.seq, one.amount) for one in found] == [(1, 2)]


def test_answer_without_ids_says_nothing() -> None:
    """Nobody knows where an answer goes on whose events have no id, or an empty or endless one."""
    assert judged("10", []) == ([], False)
    assert judged("10", ["", "", ""]) == ([], False)
    assert judged("10", ["1" * (limits.MAX_ID_CHARS + 1)] * 3) == ([], False)
    assert judged("10", ["1" * limits.MAX_ID_CHARS]) == ([], True)


def test_heartbeat_may_carry_the_reader_s_own_id() -> None:
    """A ping with the id of what came last is no replay, and one with the next id is the next event."""
    detector = ResumeDetector("emit", "10")
    found = [detector.heartbeat(1, "10", "p"), detector.heartbeat(2, "9", "p"), detector.heartbeat(3, "11", "p")]
    found += [detector.check(seq, str(seq + 8), f"d{seq}") for seq in range(4, 30)]
    assert [*found, detector.close()] == [None] * 30
    assert detector.resumed


def test_evidence_holds_no_peer_text() -> None:
    """Of both ids nothing but numbers is told."""
    found, _ = judged("<b>\x00secret-10", numbers(range(15, 41), prefix="<b>\x00secret-"))
    assert found[0].evidence == "Last-Event-ID 10 then id 15, 4 did not come"
    found, _ = judged("<b>2", ["<b>1", "<b>2", "<b>3"])
    assert found[0].evidence == "the reader's Last-Event-ID says that it had 2 of these already"


def test_nothing_is_said_twice() -> None:
    """Once it is clear how the answer began, nothing further is said, at its end either."""
    detector = ResumeDetector("emit", "2")
    found = [detector.check(seq, str(seq), f"d{seq}") for seq in range(1, 60)]
    assert len([one for one in found if one is not None]) == 1
    assert detector.close() is None


def asked(cursor: str, idents: list[str], after: str = "") -> tuple[list[Finding], bool]:
    """What is said of an answer with these ids to a request with a cursor, and whether it counts as a resume."""
    detector = ResumeDetector("emit", after, cursor)
    found = [detector.check(seq, ident, f"d{seq}") for seq, ident in enumerate(idents, 1)]
    return [one for one in [*found, detector.close()] if one is not None], detector.resumed


@pytest.mark.parametrize(
    ("cursor", "idents"),
    [
        ("10", numbers(range(11, 30))),
        ("10", numbers(range(10, 30))),
        ("0", numbers(range(1, 30))),
        (UUIDS[3], UUIDS[3:]),
    ],
)
def test_an_answer_that_begins_where_a_cursor_asks_is_a_resume(cursor: str, idents: list[str]) -> None:
    """Behind it or at it, whatever its reader had by then: the replay was ordered."""
    assert asked(cursor, idents) == ([], True)
    assert asked(cursor, idents, after="20") == ([], True)


@pytest.mark.parametrize("idents", [numbers(range(1, 30)), numbers(range(25, 50)), UUIDS, ["", ""], []])
def test_a_cursor_alone_is_the_reason_of_no_finding(idents: list[str]) -> None:
    """Nobody knows how an application counts; where the answer begins elsewhere, nothing is said."""
    assert asked("10", idents) == ([], False)


def test_a_header_is_heeded_where_the_cursor_is_not() -> None:
    """An answer that does neither what the cursor nor what the header says is held against the header."""
    found, resumed = asked("5", numbers(range(1, 30)), after="20")
    assert [(one.kind, one.certainty) for one in found] == [(AGAIN, CERTAIN)]
    assert not resumed


@pytest.mark.parametrize(("first", "resumed"), [(6, True), (5, True), (0, False)])
def test_a_payload_s_first_number_is_held_against_the_cursor(first: int, resumed: bool) -> None:
    """As OpenAI's `starting_after` counts; later numbers say nothing about where it began."""
    detector = ResumeDetector("emit", "", "5")
    for number in range(first, first + 9):
        detector.numbered(number)
    assert detector.resumed is resumed
    assert detector.close() is None
