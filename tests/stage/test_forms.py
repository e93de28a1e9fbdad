"""Frames that hold all of an answer, in the pieces' form or in one of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from otel_sse import limits
from otel_sse.stage import StageSettings
from otel_sse.stage.forms import Forms
from otel_sse.stream.chunk import CERTAIN, SUSPECTED
from otel_sse.wire import Event
from tests.stage.made import DONE, chat, chat_chunk, frame, info, messages, typed, watch

SAID = [f" word{number}" for number in range(12)]
ALL = "".join(SAID)
SIZE = len(ALL)


def pieces(make: Callable[[str], bytes]) -> list[bytes]:
    return [make(word) for word in SAID]


PROTOCOLS: dict[str, list[bytes]] = {
    "another type": [
        *pieces(lambda word: frame({"type": "transcript.text.delta", "delta": word})),
        frame({"type": "transcript.text.done", "text": ALL}),
    ],
    "another event": [*pieces(lambda word: frame({"text": word}, "delta")), frame({"text": ALL}, "final")],
    "another event, one key": [
        *pieces(lambda word: frame({"content": word}, "chat.message.delta")),
        frame({"content": ALL}, "chat.message.completed"),
    ],
    "the end": [
        *pieces(lambda word: frame({"response": word, "done": False})),
        frame({"response": ALL, "done": True}),
    ],
    "other keys": [*pieces(lambda word: frame({"answer": word})), frame({"answer": ALL, "sources": ["a"]})],
    "a message": [
        *pieces(lambda word: frame({"type": "token", "content": word})),
        frame({"type": "message", "content": ALL}),
    ],
    "another flag": [
        *pieces(lambda word: frame({"text": word, "partial": True})),
        frame({"text": ALL, "partial": False}),
    ],
    "plain text": [*[frame(word.strip()) for word in SAID], frame(ALL.replace(" ", ""), "final")],
    "an envelope without choices": [
        *pieces(lambda word: frame({"type": "chat", "data": {"choices": [{"index": 0, "delta": {"content": word}}]}})),
        frame({"type": "chat", "data": {"done": True, "content": ALL, "title": "x"}}),
    ],
    "a whole completion": [
        *chat(SAID)[:-3],
        frame(
            {"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"index": 0, "message": {"content": ALL}}]}
        ),
        *chat(SAID)[-3:],
    ],
}


@pytest.mark.parametrize("bodies", PROTOCOLS.values(), ids=PROTOCOLS)
def test_whole_text_in_a_form_of_its_own_is_no_content(bodies: list[bytes]) -> None:
    """It is no finding, and its bytes do not count once more."""
    made = watch(bodies)
    assert made.findings == []
    assert made.totals.content_chunks == len(SAID)
    assert made.totals.content_bytes in (SIZE, SIZE - len(SAID))
    assert made.totals.outcome == "completed"


@pytest.mark.parametrize(
    "bodies",
    [
        [*pieces(lambda word: frame({"type": "token", "content": word})), frame({"type": "token", "content": ALL})],
        [*chat(SAID)[:-3], chat_chunk(ALL), *chat(SAID)[-3:]],
        [*chat(SAID)[:-3], chat_chunk(ALL, finish="stop"), DONE],
        [
            *messages(SAID)[:-3],
            typed({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ALL}}),
            *messages(SAID)[-3:],
        ],
        [*[frame(word.strip()) for word in SAID], frame(ALL.replace(" ", ""))],
    ],
    ids=["own JSON", "chat", "chat with its finish", "messages", "plain text"],
)
def test_whole_text_as_one_more_piece_is_certain(bodies: list[bytes]) -> None:
    """In the pieces' own form, every reader appends it."""
    (found,) = watch(bodies).findings
    assert (found.kind, found.certainty) == ("duplicate/accumulated", CERTAIN)


def test_whole_message_among_the_pieces_of_a_graph_is_no_content() -> None:
    """A pair of message and metadata comes where pieces come, and its own type alone tells that it is whole."""

    def pair(text: str, word: str) -> bytes:
        return frame([{"content": text, "type": word, "id": "run-1"}, {"node": "agent"}], "messages")

    made = watch([*[pair(word, "AIMessageChunk") for word in SAID], pair(ALL, "ai")])
    assert (made.findings, made.totals.content_bytes) == ([], SIZE)


def test_each_answer_may_end_with_its_whole_text() -> None:
    """What the answers before said is not part of it."""
    turn = [*pieces(lambda word: frame({"type": "token", "content": word})), frame({"type": "final", "content": ALL})]
    other = [body.replace(b"word", b"ward") for body in turn]
    made = watch([*turn, *other])
    assert (made.findings, made.totals.content_bytes) == ([], 2 * SIZE)


def test_channels_have_whole_texts_of_their_own() -> None:
    """Reasoning before the text, long or short, is no part of the text's whole."""
    for thoughts in (3, 30):
        thinking = [frame({"reasoning": f" thought {number} of many and long ones"}) for number in range(thoughts)]
        made = watch([*thinking, *PROTOCOLS["a message"]])
        assert made.findings == []
    late = [chat_chunk(f"text {number}") for number in range(30)]
    call = [
        frame({
            "id": "chatcmpl-1",
            "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": each}}]}}],
        })
        for each in (*SAID, ALL)
    ]  # fmt: skip
    assert [one.certainty for one in watch([*late, *call]).findings] == [CERTAIN]


def test_new_part_that_is_empty_says_nothing() -> None:
    """Where a frame has the whole text beside the new part, an empty new part is no reason to take the whole."""
    frames = [frame({"text": "".join(SAID[: at + 1]), "delta": word}) for at, word in enumerate(SAID)]
    for last in ({"text": ALL, "delta": ""}, {"delta": "", "text": ALL}):
        made = watch([*frames, frame(last)])
        assert (made.findings, made.totals.content_bytes) == ([], SIZE)


def test_declared_types_hold_no_content() -> None:
    """Also where the whole differs from its pieces, and at one stage or at all."""
    stripped = [*PROTOCOLS["a message"][:-1], frame({"type": "message", "content": ALL.strip()})]
    assert watch(stripped).totals.content_chunks == len(SAID) + 1
    for made in (
        watch(stripped, settings=StageSettings(whole_types=("message",))),
        watch(stripped, whole_types=("message",)),
    ):
        assert made.totals.content_chunks == len(SAID)
        assert made.chunks[-1].kind == "control"


def test_declared_cumulative_stage_has_the_differences_as_content() -> None:
    """Its chunks equal those of a stage that hands on pieces, and nothing is told."""
    frames = [frame({"text": "".join(SAID[: at + 1])}) for at in range(len(SAID))]
    (told,) = watch(frames).findings
    assert (told.kind, told.certainty) == ("duplicate/cumulative", SUSPECTED)
    settings = StageSettings(cumulative_stages=("socket_write",))
    for made in (watch([*frames, frames[-1]], settings=settings), watch([*frames, frames[-1]], cumulative=True)):
        assert made.findings == []
        assert made.totals.content_bytes == SIZE
        assert [chunk.digest for chunk in made.chunks[:-1]] == [
            chunk.digest for chunk in watch(pieces(lambda word: frame({"text": word}))).chunks
        ]


def test_objects_are_read_by_what_was_declared() -> None:
    """What an iterator yields is judged like a body."""
    from otel_sse.stage import StageMonitor
    from tests.stage.made import OPENED

    monitor = StageMonitor(info(whole_types=("final",)), StageSettings(), OPENED)
    for at, word in enumerate(SAID):
        monitor.take({"type": "token", "content": word}, OPENED + at)
    monitor.take({"type": "final", "content": ALL}, OPENED + 99)
    assert monitor.totals.content_bytes == SIZE


def event(payload: dict[str, Any]) -> Event:
    return Event(json.dumps(payload))


@pytest.mark.parametrize(
    ("key", "expected"), [("message_id", True), ("messageId", True), ("turn", True), ("id", True), ("seq", False)]
)
def test_another_message_is_known_by_its_id(key: str, expected: bool) -> None:
    """An id that the latest pieces share, and this event has not, at top level or in an envelope."""
    for wrap in (lambda each: each, lambda each: {"type": "token", "data": each}):
        forms = Forms()
        assert not forms.is_other_message(event(wrap({key: 1})))
        for word in ("a", "b"):
            forms.keep("", event(wrap({key: 1, "content": word})), word)
        assert not forms.is_other_message(event(wrap({key: 1, "content": "c"})))
        assert forms.is_other_message(event(wrap({key: 2, "content": "c"}))) is expected


def test_id_of_each_piece_names_no_message() -> None:
    """Pieces that have an id each say nothing by it."""
    forms = Forms()
    for number in (1, 2):
        forms.keep("", event({"id": number, "content": "a"}), "a")
    assert not forms.is_other_message(event({"id": 3, "content": "c"}))


def test_another_message_behind_an_end_is_another_answer() -> None:
    """With an id of its own it is no content behind the end; without one it is."""

    def message(ident: str) -> list[bytes]:
        tokens = [frame({"type": "token", "message_id": ident, "content": word}) for word in SAID]
        return [*tokens, frame({"type": "done", "message_id": ident})]

    assert watch([*message("a"), *[each.replace(b"word", b"ward") for each in message("b")]]).findings == []
    late = watch([*message("a"), frame({"type": "token", "message_id": "a", "content": "late"})])
    assert late.told == [("protocol/after_done", 14, 13)]


@pytest.mark.parametrize(("chars", "expected"), [(limits.MAX_FORM_CHARS, None), (limits.MAX_FORM_CHARS + 1, CERTAIN)])
def test_long_pieces_are_not_kept(chars: int, expected: str | None) -> None:
    """A piece of MAX_FORM_CHARS is, one character more is not, so that its form is not compared."""
    forms = Forms()
    data = '{"text": "a", "x": "'
    forms.keep("", Event(data + "x" * (chars - len(data) - 2) + '"}'), "a")
    assert forms.certainty("", event({"final": "a"}), "a", own=True) == expected


@pytest.mark.parametrize(("more", "expected"), [(0, None), (1, CERTAIN)])
def test_channels_are_kept_up_to_the_cap(more: int, expected: str | None) -> None:
    """The last of MAX_CHANNELS has its piece; one more has not."""
    forms = Forms()
    for number in range(limits.MAX_CHANNELS + more):
        forms.keep(f"{number}", event({"text": "a"}), "a")
    channel = f"{limits.MAX_CHANNELS - 1 + more}"
    assert forms.certainty(channel, event({"final": "a"}), "a", own=True) == expected
