"""A choice finishes once."""

from __future__ import annotations

import pytest

from otel_sse import limits
from otel_sse.detect.finish import FinishDetector
from otel_sse.stream.chunk import CERTAIN, SUSPECTED, Finding


def test_second_finish_is_certain_and_told_once() -> None:
    """A finish reason on every chunk is one finding, with the first one's place and word."""
    detector = FinishDetector("emit")
    told = [detector.finish(seq, "0", "stop") for seq in range(4, 50)]
    assert [one for one in told if one is not None] == [
        Finding("duplicate/terminal", CERTAIN, "emit", 5, 4, "choice 0 finished at 4 (stop) and again at 5")
    ]
    assert detector.reasons == ["stop"]


def test_each_choice_finishes_by_itself() -> None:
    """Another choice's finish is none of this one's, and neither is its content."""
    detector = FinishDetector("emit")
    assert detector.finish(4, "0", "stop") is None
    assert detector.finish(6, "1", "length") is None
    assert detector.content(7, "2", sure=True) is None
    assert detector.reasons == ["stop", "length"]


def test_finish_for_another_reason_is_kept() -> None:
    """Both reasons are known afterwards, and the finding is certain even beside usage."""
    detector = FinishDetector("emit")
    detector.finish(4, "", "length")
    found = detector.finish(5, "", "stop", sure=False)
    assert found is not None
    assert (found.certainty, found.evidence) == (CERTAIN, "the answer finished at 4 (length) and again at 5")
    assert detector.reasons == ["length", "stop"]


def test_finish_beside_usage_is_suspected() -> None:
    """An event that tells the usage may repeat the reason."""
    detector = FinishDetector("emit")
    detector.finish(4, "0", "stop")
    found = detector.finish(5, "0", "stop", sure=False)
    assert found is not None
    assert found.certainty == SUSPECTED


@pytest.mark.parametrize("channel", ["0", "0/reasoning", "0/tool:1"])
@pytest.mark.parametrize(("sure", "certainty"), [(True, CERTAIN), (False, SUSPECTED)])
def test_content_behind_the_finish_of_its_choice_is_told_once(channel: str, sure: bool, certainty: str) -> None:
    """However much comes, the first piece is told."""
    detector = FinishDetector("emit")
    detector.finish(4, "0", "stop")
    told = [detector.content(seq, channel, sure=sure) for seq in range(5, 9)]
    assert [one for one in told if one is not None] == [
        Finding("protocol/after_done", certainty, "emit", 5, 4, "content behind the finish reason stop at 4")
    ]


def test_content_of_any_channel_is_behind_a_finish_of_the_whole() -> None:
    """Where the protocol numbers no choices, one finish is that of all blocks."""
    detector = FinishDetector("emit")
    detector.finish(4, "", "end_turn")
    assert detector.content(5, "1/tool", sure=True) is not None


def test_next_tool_call_reopens_its_choice() -> None:
    """A finish behind each of several calls is a service's habit; text behind one is an agent's next step, perhaps."""
    detector = FinishDetector("emit")
    detector.finish(4, "0", "tool_calls")
    assert detector.content(5, "0/tool:1", sure=True) is None
    assert detector.finish(9, "0", "tool_calls") is None
    found = detector.content(10, "0", sure=True)
    assert found is not None
    assert found.certainty == SUSPECTED
    assert detector.finish(20, "0", "stop") is None
    assert detector.reasons == ["tool_calls", "tool_calls", "stop"]


def test_another_answer_finishes_anew() -> None:
    """Behind the beginning of another answer, a choice of the same number may finish."""
    detector = FinishDetector("emit")
    detector.finish(4, "0", "stop")
    detector.begin()
    assert not detector.has_finished
    assert detector.content(5, "0", sure=True) is None
    assert detector.finish(9, "0", "stop") is None


def test_reason_of_a_terminal_event_is_none_beside_a_choices() -> None:
    """A terminal event says the whole answer's, or repeats that of its choices."""
    detector = FinishDetector("emit")
    detector.ended("completed")
    detector.finish(4, "0", "stop")
    detector.ended("stop")
    assert detector.reasons == ["completed", "stop"]


@pytest.mark.parametrize(("count", "kept"), [(limits.MAX_FINISH_REASONS, 16), (limits.MAX_FINISH_REASONS + 1, 16)])
def test_reasons_are_kept_up_to_the_cap(count: int, kept: int) -> None:
    """MAX_FINISH_REASONS of them, the first ones."""
    detector = FinishDetector("emit")
    for number in range(count):
        detector.finish(number, f"{number}", "stop")
    assert len(detector.reasons) == kept


@pytest.mark.parametrize(("choice", "count"), [(limits.MAX_CHANNELS - 1, 1), (limits.MAX_CHANNELS, 0)])
def test_choices_are_remembered_up_to_the_cap(choice: int, count: int) -> None:
    """The last of MAX_CHANNELS choices is known when it finishes again; one more is not judged."""
    detector = FinishDetector("emit")
    for number in range(limits.MAX_CHANNELS + 1):
        detector.finish(number + 1, f"{number}", "stop")
    assert (detector.finish(900, f"{choice}", "stop") is not None) == count
