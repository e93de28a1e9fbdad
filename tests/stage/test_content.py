"""What content alone says, at a stage that sees nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

import pytest

from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stream.chunk import CERTAIN, SUSPECTED
from otel_sse.stream.stage import StageInfo, StageSpec
from tests.stage.made import (
    INFO,
    MS,
    OPENED,
    Entry,
    Seen,
    chat,
    chat_chunk,
    gemini,
    messages,
    own_json,
    responses,
    seen,
    two_choices,
    watch,
)

WORDS = [f" word{number}" for number in range(60)]
DOUBLED, RESTARTED = "duplicate/doubled", "duplicate/restarted"

Answer = Callable[[Sequence[str]], list[bytes]]


def kinds(made: Seen, certainty: str) -> set[str]:
    """The kinds of all findings of one certainty."""
    return {one.kind for one in made.findings if one.certainty == certainty}


@pytest.mark.parametrize("answer", [chat, own_json, gemini, two_choices, messages, responses])
def test_answer_whose_events_come_twice_is_certainly_doubled(answer: Answer) -> None:
    """In every dialect, with numbers and without, each piece of content counts once as a duplicate."""
    made = watch([event for event in answer(WORDS) for _ in range(2)])
    # An application's own format may say each thing twice on purpose.
    assert DOUBLED in kinds(made, SUSPECTED if answer is own_json else CERTAIN)
    content = [chunk for chunk in made.chunks if chunk.kind == "content"]
    flagged = [one.seq for chunk in content for one in chunk.findings if one.family == "duplicate"]
    assert len(flagged) == len(set(flagged)) > len(content) / 4
    assert made.totals.duplicates >= len(content) / 2
    assert made.totals.duplicates <= len(made.chunks) / 2


@pytest.mark.parametrize("answer", [chat, own_json])
def test_second_path_that_lags_is_suspected(answer: Answer) -> None:
    """A B A C B D, without numbers or ids, can only be suspected."""
    events = answer(WORDS)[1:-1]
    mixed = [events[0], *(event for pair in zip(events[1:], events, strict=False) for event in pair)]
    assert DOUBLED in kinds(watch(mixed), SUSPECTED)


@pytest.mark.parametrize("answer", [chat, own_json, gemini])
@pytest.mark.parametrize("at", [22, 40])
def test_answer_that_begins_again_is_suspected_where_it_does(answer: Answer, at: int) -> None:
    """The finding's chunk is the first of the second beginning."""
    events = answer(WORDS)
    made = watch([*events[:at], *events])
    (first, *_) = [one for one in made.findings if one.kind == RESTARTED]
    opening = next(chunk.seq for chunk in made.chunks[at:] if chunk.kind == "content")
    assert (first.seq, first.certainty) == (opening, SUSPECTED)


def test_same_message_begun_again_is_certain() -> None:
    """Anthropic's message has an id and its blocks have numbers, which prove what the text suggests."""
    events = messages(WORDS)
    made = watch([*events[:30], *events])
    assert [(one.seq, one.kind) for one in made.findings if one.certainty == CERTAIN][:2] == [
        (31, RESTARTED),
        (32, RESTARTED),
    ]


def test_whole_answer_in_the_last_chunk_is_certain() -> None:
    """What carries everything once more is told at its chunk, and flagged on it."""
    made = watch([*map(chat_chunk, WORDS), chat_chunk("".join(WORDS)), chat_chunk(None, finish="stop")])
    assert made.told == [("duplicate/accumulated", 61, 1)]
    assert [one.kind for one in made.chunks[60].findings] == ["duplicate/accumulated"]


def test_two_choices_that_say_the_same_are_no_duplicates() -> None:
    """Choices and tool calls take turns on one stream, and a model at temperature 0 says the same in all of them."""
    assert watch(two_choices(WORDS)).findings == []


def test_two_choices_of_an_sdks_objects_are_no_duplicates() -> None:
    """Objects that are read the quick way keep their channel."""
    from openai.types.chat import ChatCompletionChunk

    def chunk(word: str, choice: int) -> ChatCompletionChunk:
        choices = [{"index": choice, "delta": {"content": word}, "finish_reason": None}]
        base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return ChatCompletionChunk.model_validate({**base, "choices": choices})

    def told(*choices: int) -> set[str]:
        journal: list[Entry] = []
        monitor = StageMonitor(INFO, StageSettings(), OPENED, journal)
        for at, item in enumerate(chunk(word, choice) for word in WORDS for choice in choices):
            monitor.take(item, OPENED + at * MS)
        return {one.kind for one in seen(journal, monitor.end("completed", OPENED + 500 * MS)).findings}

    assert told(0, 1) == set()
    assert told(0, 0) == {DOUBLED}


def test_text_of_an_iterator_is_suspected_at_most() -> None:
    """Plain strings may be a log or a progress, whose lines come in pairs: that is worth a look, and no proof."""
    journal: list[Entry] = []
    monitor = StageMonitor(INFO, StageSettings(), OPENED, journal)
    for at, word in enumerate(word for word in WORDS for _ in range(2)):
        monitor.take(word, OPENED + at * MS)
    made = seen(journal, monitor.end("completed", OPENED + 500 * MS))
    assert made.totals.duplicates == len(WORDS)
    assert {(one.kind, one.certainty) for one in made.findings} == {(DOUBLED, SUSPECTED)}


@pytest.mark.parametrize("field", ["n", "state", "step"])
def test_own_frames_that_differ_in_another_field_are_suspected_at_most(field: str) -> None:
    """Two answers to one question and steps that begin and end say each text twice, in frames that differ."""
    frames = [{"content": word, field: twin} for word in WORDS for twin in ("a", "b")]
    made = watch([b"data: " + json.dumps(frame).encode() + b"\n\n" for frame in frames])
    assert kinds(made, CERTAIN) == set()
    assert kinds(made, SUSPECTED) == {DOUBLED}


def test_rules_of_the_users_own_are_told_at_the_chunk() -> None:
    """A rule is met at the chunk that completes it, which is flagged at once; the text stands nowhere."""
    settings = StageSettings(content_checks=(("markdown_leak", re.compile(r"\*\*")),))
    made = watch([*map(chat_chunk, ["so ", "*", "*bold", "*"]), chat_chunk(None, finish="stop")], settings=settings)
    assert made.told == [("check/markdown_leak", 3, 0)]
    assert [one.kind for one in made.chunks[2].findings] == ["check/markdown_leak"]


def test_reader_that_gets_everything_at_once_suspects_a_buffer() -> None:
    """A stage that reads from a network says at its end that the answer came in one piece after a wait."""
    info = StageInfo(StageSpec("client"), "s")
    monitor = StageMonitor(info, StageSettings(), OPENED, [])
    for event in chat(WORDS):
        monitor.feed(event, OPENED + 3_000 * MS)
    totals = monitor.end("completed", OPENED + 3_001 * MS)
    assert totals.by_kind == {("coalescing/burst", SUSPECTED): [1, 1]}


def test_findings_of_content_are_the_same_however_the_bytes_are_cut() -> None:
    """A doubled and a restarted answer give the same findings event by event, whole, and in pieces of 37 bytes."""
    for bodies in ([event for event in chat(WORDS) for _ in range(2)], [*chat(WORDS)[:30], *chat(WORDS)]):
        data = b"".join(bodies)
        pieces = [data[at : at + 37] for at in range(0, len(data), 37)]
        told = [watch(parts).told for parts in (bodies, data, pieces)]
        assert told[0] == told[1] == told[2]
