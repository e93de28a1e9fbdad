"""Who leaves behind an answer's end has all of it; who leaves before it does not."""

from __future__ import annotations

import pytest

from otel_sse.stage import StageMonitor, StageSettings
from tests.stage.made import (
    DONE,
    INFO,
    OPENED,
    chat,
    chat_chunk,
    frame,
    gemini,
    messages,
    own_json,
    plain,
    responses,
    two_choices,
    watch,
)

LEAVING = ("disconnected", "cancelled", "abandoned")
"""Ends that only say that nobody goes on."""

ROLE = frame({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
USAGE = frame({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}})
STATUS = frame({"type": "status", "text": "looking further"})
FINISH = chat_chunk(None, finish="stop")
ERROR = frame({"error": {"code": "overloaded"}})

WHOLE: dict[str, list[bytes]] = {
    "[DONE]": [*chat()[:3], DONE],
    "[DONE] without a finish reason": [chat_chunk("a"), DONE],
    "[DONE] alone": [DONE],
    "finish": [*chat()[:3], FINISH],
    "finish, usage": [*chat()[:3], FINISH, USAGE],
    "finish, a finish with usage": [*chat()[:3], FINISH, chat_chunk(None, finish="stop"), USAGE],
    "usage behind [DONE]": [*chat(), USAGE],
    "a comment behind [DONE]": [*chat(), b": bye\n\n"],
    "heartbeats behind [DONE]": [*chat(), frame({"type": "ping"}), frame("", "heartbeat"), b": still here\n\n"],
    "another [DONE]": [*chat(), DONE],
    "a second answer that ended": [*chat(), *chat(answer="chatcmpl-2")],
    "a second answer that finished": [*chat(), *chat(answer="chatcmpl-2")[:-1]],
    "responses": responses(),
    "anthropic": messages(),
    "two messages of anthropic": [*messages(), *messages(answer="msg_2")],
    "gemini": gemini(),
    "own frames": own_json(),
    "two choices": two_choices(),
}
"""Streams that a reader may leave with nothing missed."""

GOES_ON: dict[str, list[bytes]] = {
    "no end": chat()[:3],
    "content behind [DONE]": [*chat(), chat_chunk("more")],
    "a role behind [DONE]": [*chat(), ROLE],
    "a status behind [DONE]": [*chat(), STATUS],
    "the beginning of an event behind [DONE]": [*chat(), b'data: {"cho'],
    "a second answer in mid-way": [*chat(), *chat(answer="chatcmpl-2")[:3]],
    "a second answer that only began": [*chat(), chat_chunk(None, answer="chatcmpl-2")],
    "content behind the finish": [*chat()[:3], FINISH, chat_chunk("more")],
    "a finish of the model's, in a protocol with an end of its own": messages()[:-1],
    "a second message of anthropic": [*messages(), *messages(answer="msg_2")[:4]],
    "a second message of anthropic, whose end is missing": [*messages(), *messages(answer="msg_2")[:-1]],
    "a block without a message behind the end": [*messages(), messages()[1]],
    "the second of two choices": two_choices()[:-2],
    "plain text": plain(),
    "frames of an application that marks no end": [frame({"text": word}) for word in ("a", "b", "c", "d")],
}
"""Streams that a reader who leaves has missed something of, or nobody knows."""


@pytest.mark.parametrize("outcome", LEAVING)
@pytest.mark.parametrize("name", WHOLE)
def test_who_leaves_behind_the_end_has_all(name: str, outcome: str) -> None:
    """Once the protocol's end has crossed, and nothing that begins more behind it, who leaves misses nothing."""
    assert watch(WHOLE[name], outcome).totals.outcome == "completed"


@pytest.mark.parametrize("outcome", LEAVING)
@pytest.mark.parametrize("name", GOES_ON)
def test_who_leaves_before_the_end_does_not(name: str, outcome: str) -> None:
    """Without an end, or with more of an answer behind it, who leaves has left."""
    assert watch(GOES_ON[name], outcome).totals.outcome == outcome


@pytest.mark.parametrize(
    "bodies", [[*chat()[:3], ERROR, DONE], [*chat()[:3], ERROR], [*chat(), ERROR]], ids=["before", "alone", "behind"]
)
def test_an_error_event_fails_the_stream_whoever_leaves(bodies: list[bytes]) -> None:
    """Who leaves at an error event, with or without the answer's end beside it, has all of a failure."""
    assert [watch(bodies, outcome).totals.outcome for outcome in LEAVING] == ["failed"] * 3


@pytest.mark.parametrize("outcome", LEAVING)
@pytest.mark.parametrize("had_all", [True, False])
def test_an_end_that_crosses_behind_the_reader_counts_for_nothing(had_all: bool, outcome: str) -> None:
    """What a server still takes once its reader has left reaches nobody, the end as little as anything."""
    monitor = StageMonitor(INFO, StageSettings(), OPENED)
    for body in chat():
        monitor.feed(body, OPENED)
    monitor.reader_left(had_all=had_all)
    assert monitor.left_with_all is had_all
    assert monitor.end_of_body(OPENED, outcome) == ("completed" if had_all else outcome)
    assert monitor.end(outcome, OPENED).outcome == ("completed" if had_all else outcome)


@pytest.mark.parametrize("outcome", LEAVING)
@pytest.mark.parametrize(
    "last", [chat_chunk("more"), DONE, b'data: {"cho', b""], ids=["more", "end", "part", "nothing"]
)
@pytest.mark.parametrize("whole", [True, False])
def test_bytes_that_did_not_cross_change_nothing(whole: bool, last: bytes, outcome: str) -> None:
    """A last body is read before it is sent; where nobody takes it, what had crossed before it decides."""
    monitor = StageMonitor(INFO, StageSettings(), OPENED)
    for body in chat() if whole else chat()[:3]:
        monitor.feed(body, OPENED)
    had_all = monitor.has_all
    monitor.feed(last, OPENED)
    monitor.end_of_body(OPENED)
    monitor.take_back(had_all=had_all)
    assert had_all is whole
    assert monitor.end(outcome, OPENED).outcome == ("completed" if whole else outcome)


@pytest.mark.parametrize("outcome", LEAVING)
@pytest.mark.parametrize(
    ("behind", "goes_on"),
    [
        ([b""], False),
        ([USAGE, b": bye\n\n", DONE], False),
        ([chat_chunk("more")], True),
        ([chat_chunk("more"), DONE], True),
        ([chat_chunk("more") + DONE], True),
        ([b"".join(chat(answer="chatcmpl-2"))], True),
    ],
)
def test_a_further_answer_reaches_nobody_who_has_left(behind: list[bytes], goes_on: bool, outcome: str) -> None:
    """Who left behind one answer's end has missed what was sent of another one since, the end of that included."""
    monitor = StageMonitor(INFO, StageSettings(), OPENED)
    for body in chat():
        monitor.feed(body, OPENED)
    for body in behind:
        monitor.reader_left(had_all=monitor.has_all)
        monitor.feed(body, OPENED)
    assert monitor.left_with_all is not goes_on
    assert monitor.end(outcome, OPENED).outcome == (outcome if goes_on else "completed")


def test_a_body_that_ends_well_is_complete_whoever_left_meanwhile() -> None:
    """A shell that saw the body's end has seen more than that the reader left."""
    monitor = StageMonitor(INFO, StageSettings(), OPENED)
    monitor.reader_left(had_all=False)
    for body in chat():
        monitor.feed(body, OPENED)
    assert monitor.end("completed", OPENED).outcome == "completed"
