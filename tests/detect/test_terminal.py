"""An answer ends once."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.detect.terminal import TerminalDetector
from otel_sse.stream.chunk import CERTAIN, COMPLETE, CONTENT, CONTROL, ERROR, HEARTBEAT, SUSPECTED, Finding
from otel_sse.stream.facts import Facts

TEXT = Facts(CONTENT, "text")
DONE = Facts(COMPLETE, terminal="[DONE]")
STOP = Facts(COMPLETE, terminal="message_stop")
LAST = Facts(CONTENT, "text", terminal="done")


def told(*events: Facts, detector: TerminalDetector | None = None) -> list[tuple[str, int, int]]:
    """Kind, chunk and earlier chunk of everything said."""
    detector = detector or TerminalDetector("emit")
    checked = (detector.check(seq, facts) for seq, facts in enumerate(events, 1))
    return [(one.kind, one.seq, one.of) for one in checked if one is not None]


def left(*events: Facts) -> list[tuple[str, str, int, int]]:
    """Kind, certainty, chunk and earlier chunk of everything said, at the end too."""
    detector = TerminalDetector("emit")
    checked = [detector.check(seq, facts) for seq, facts in enumerate(events, 1)]
    found = [one for one in checked if one is not None] + detector.close()
    return [(one.kind, one.certainty, one.seq, one.of) for one in found]


TWICE, AFTER = "duplicate/terminal", "protocol/after_done"
WORD = Facts(COMPLETE, terminal="done")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([TEXT, DONE], []),
        ([TEXT, TEXT], []),
        ([TEXT, STOP, DONE], []),
        ([TEXT, LAST, DONE], []),
        ([TEXT, DONE, DONE], [(TWICE, 3, 2)]),
        ([TEXT, DONE, DONE, DONE], [(TWICE, 3, 2), (TWICE, 4, 2)]),
        ([TEXT, STOP, DONE, STOP], [(TWICE, 4, 2)]),
        ([LAST, LAST], [(TWICE, 2, 1)]),
        ([TEXT, DONE, TEXT], [(AFTER, 3, 2)]),
        ([TEXT, STOP, DONE, TEXT, TEXT], [(AFTER, 4, 3), (AFTER, 5, 3)]),
        ([TEXT, DONE, LAST], [(AFTER, 3, 2)]),
        ([DONE, Facts(HEARTBEAT), Facts(CONTROL, output_tokens=7), Facts(ERROR, error="late")], []),
    ],
)
def test_what_comes_behind_the_end_is_told(events: list[Facts], expected: list[tuple[str, int, int]]) -> None:
    """The same mark twice and content after a mark are faults; another mark, usage, pings and errors are not."""
    assert told(*events) == expected


@pytest.mark.parametrize("mark", ["done", "complete", "completed", "end"])
def test_answers_that_end_with_a_word_of_the_application_may_follow_one_another(mark: str) -> None:
    """Nobody has promised that there is one answer: several that each end are suspected, once."""
    end = Facts(COMPLETE, terminal=mark)
    assert left(TEXT, end, TEXT, TEXT, end, TEXT, end) == [("duplicate/restarted", SUSPECTED, 3, 2)]
    last = Facts(CONTENT, "other", terminal=mark)
    assert left(TEXT, end, last) == [("duplicate/restarted", SUSPECTED, 3, 2)]


def test_content_behind_such_a_word_is_late_where_no_end_follows() -> None:
    """What is told at the end is certain then, each chunk of it; the same word again with nothing between is too."""
    assert left(TEXT, WORD, TEXT, TEXT) == [(AFTER, CERTAIN, 3, 2), (AFTER, CERTAIN, 4, 2)]
    assert left(TEXT, WORD, WORD) == [(TWICE, CERTAIN, 3, 2)]
    assert left(TEXT, WORD, DONE, TEXT, WORD) == [(AFTER, CERTAIN, 4, 3), (TWICE, CERTAIN, 5, 2)]


def test_an_answer_that_follows_several_is_under_way() -> None:
    """Once two have ended, content behind an end begins the next one, and `ended` says that it has not ended."""
    detector = TerminalDetector("emit")
    assert told(TEXT, WORD, TEXT, WORD, TEXT, detector=detector) == [("duplicate/restarted", 3, 2)]
    assert not detector.ended
    assert detector.close() == []


@pytest.mark.parametrize("more", [0, 1])
def test_held_findings_are_bounded(more: int) -> None:
    """MAX_FINDINGS_PER_STREAM are held, and no more."""
    most = limits.MAX_FINDINGS_PER_STREAM
    assert len(left(TEXT, WORD, *[TEXT] * (most + more))) == most


def test_evidence_is_the_mark_and_the_chunks() -> None:
    """Findings are certain and quote the protocol's mark and numbers, nothing of the answer."""
    detector = TerminalDetector("emit")
    detector.check(4, DONE)
    twice, after = detector.check(5, DONE), detector.check(6, Facts(CONTENT, "secret"))
    assert twice == Finding(TWICE, CERTAIN, "emit", 5, 4, "[DONE] at 4 and again at 5")
    assert after == Finding(AFTER, CERTAIN, "emit", 6, 4, "content after [DONE] at 4")


def test_new_answer_on_the_same_connection_is_no_fault() -> None:
    """Behind an event that opens another answer, content and terminal marks are expected again."""
    detector = TerminalDetector("emit")
    for answer in ("msg_1", "msg_2", "msg_3"):
        assert detector.open(answer)
        assert not detector.ended
        assert told(TEXT, STOP, detector=detector) == []
        assert detector.ended


def test_same_answer_opened_again_is_no_new_one() -> None:
    """An identity that was there before does not excuse what comes behind the end."""
    detector = TerminalDetector("emit")
    detector.open("msg_1")
    assert told(TEXT, STOP, detector=detector) == []
    assert not detector.open("msg_1")
    assert told(TEXT, STOP, detector=detector) == [(AFTER, 1, 2), (TWICE, 2, 2)]


@pytest.mark.parametrize(("marks", "expected"), [(limits.MAX_TERMINALS, 1), (limits.MAX_TERMINALS + 1, 0)])
def test_terminal_marks_are_remembered_up_to_the_cap(marks: int, expected: int) -> None:
    """The last of MAX_TERMINALS different marks is known when it repeats, one more is not."""
    events = [Facts(COMPLETE, terminal=f"end {number}") for number in range(marks)]
    assert len(told(*events, events[-1])) == expected


@pytest.mark.parametrize(("answers", "known"), [(limits.MAX_CHANNELS, True), (limits.MAX_CHANNELS + 1, False)])
def test_answers_are_remembered_up_to_the_cap(answers: int, known: bool) -> None:
    """The last of MAX_CHANNELS answers is known when it opens again; one more counts as new each time."""
    detector = TerminalDetector("emit")
    for number in range(answers):
        assert detector.open(f"msg_{number}")
    assert detector.open(f"msg_{answers - 1}") is not known
