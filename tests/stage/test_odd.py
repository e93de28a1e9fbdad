"""What can't be read, led through a stage: glued frames, cut JSON, comments as data, events without data."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from otel_sse.stream.chunk import CERTAIN, SUSPECTED
from tests.stage.made import watch

SAID = [f" word{n}" for n in range(30)]
DONE = b"data: [DONE]\n\n"


def chat(text: str) -> bytes:
    choices = [{"index": 0, "delta": {"content": text}, "finish_reason": None}]
    return (
        b"data: " + json.dumps({"id": "c1", "object": "chat.completion.chunk", "choices": choices}).encode() + b"\n\n"
    )


def anthropic(text: str) -> bytes:
    said = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    return b"event: content_block_delta\ndata: " + json.dumps(said).encode() + b"\n\n"


def ollama(text: str) -> bytes:
    said = {"model": "m", "created_at": "t", "message": {"role": "assistant", "content": text}, "done": False}
    return b"data: " + json.dumps(said).encode() + b"\n\n"


def own(text: str) -> bytes:
    return b"data: " + json.dumps({"content": text}).encode() + b"\n\n"


def plain(text: str) -> bytes:
    return b"data: " + text.encode() + b"\n\n"


Frame = Callable[[str], bytes]
JSON = pytest.mark.parametrize("frame", [chat, anthropic, ollama, own])


def told(bodies: Sequence[bytes], kind: str) -> list[tuple[int, str]]:
    """The chunks of one kind of finding, with their certainty."""
    return [(one.seq, one.certainty) for one in watch(bodies).findings if one.kind == f"protocol/{kind}"]


@JSON
def test_clean_streams_have_nothing_odd(frame: Frame) -> None:
    """No event of a stream of JSON is told."""
    assert [one.kind for one in watch([*map(frame, SAID), DONE]).findings if one.family == "protocol"] == []


@pytest.mark.parametrize(
    ("frame", "at"), [(chat, 0), (chat, 1), (anthropic, 0), *((each, 12) for each in (chat, anthropic, ollama, own))]
)
def test_two_events_that_are_glued(frame: Frame, at: int) -> None:
    """One line end less makes one event of two, told at its chunk; a vendor's are known from the first one on."""
    bodies = [frame(text) for text in SAID]
    bodies[at] = bodies[at][:-1]
    certainty = SUSPECTED if frame is own else CERTAIN
    assert told([*bodies, DONE], "json_error") == [(at + 1, certainty)]


def test_an_answer_that_is_one_event() -> None:
    """Where all line ends behind `data:` lines are single, the whole answer is one event of a vendor's frames."""
    bodies = [chat(text)[:-1] for text in SAID]
    assert told([*bodies, DONE], "json_error") == [(1, CERTAIN)]


@JSON
@pytest.mark.parametrize("at", [0, 12])
def test_json_that_breaks_off(frame: Frame, at: int) -> None:
    """A frame that lacks its end is an error of the stage that has it."""
    bodies = [frame(text) for text in SAID]
    bodies[at] = bodies[at][:-9] + b"\n\n"
    assert told([*bodies, DONE], "json_error") == [(at + 1, CERTAIN)]


@JSON
@pytest.mark.parametrize("count", [1, 4])
def test_comments_as_data(frame: Frame, count: int) -> None:
    """Comments of the model's stream that were put behind `data:` before the answer do not hide what its events are."""
    bodies = [*[b"data: : UPSTREAM BUSY\n\n"] * count, *map(frame, SAID), DONE]
    assert told(bodies, "odd_data") == [(n, SUSPECTED) for n in range(1, count + 1)]


@pytest.mark.parametrize("text", ['{"a', ": done", '{"a":1}', ":)", "[1"])
@pytest.mark.parametrize("at", [0, 2, 12])
def test_plain_text_may_be_anything(text: str, at: int) -> None:
    """A stream of text has no event that is odd."""
    said = [*SAID[:at], text, *SAID[at:]]
    assert [one.certainty for one in watch([plain(each) for each in said]).findings] == []


@pytest.mark.parametrize("row", ['{"a": 1}', '{"choices": 3}'])
def test_an_application_s_own_json_lines_in_one_event_are_its_format(row: str) -> None:
    """Events of several lines of JSON, none a vendor's frame, are a way of writing."""
    bodies = [f"data: {row}\ndata: {row}\n\n".encode()] * 30
    assert told(bodies, "json_error") == []


@JSON
def test_an_end_without_data_is_suspected_once(frame: Frame) -> None:
    """An event that only has a name reaches no reader; a heartbeat that is written so harms nobody."""
    bodies = [*map(frame, SAID), b"event: ping\n\n", b"event: done\n\n", b"event: done\n\n"]
    assert told(bodies, "no_data") == [(len(SAID), SUSPECTED)]
    assert told([*map(frame, SAID), b"event: done\ndata: \n\n"], "no_data") == []


@pytest.mark.parametrize("at", [0, 1, 20])
def test_a_frame_that_plain_text_shows_is_only_suspected(at: int) -> None:
    """An answer about event streams may hold a whole frame, wherever in it."""
    said = [*SAID[:at], 'data: {"a": 1}', *SAID[at:]]
    assert told([plain(each) for each in said], "double_framing") == [(at + 1, SUSPECTED)]


@pytest.mark.parametrize("row", ['{"content": "x", "n": %d}', '{"type": "row", "text": "%d"}', '{"a": %d}'])
@pytest.mark.parametrize("wrap", [own, lambda text: f"data: {json.dumps(text)}\n\n".encode()])
def test_json_lines_as_content_are_only_suspected(row: str, wrap: Frame) -> None:
    """An application may send one line of JSON a chunk as its content; it is no proof of a mistake."""
    found = watch([wrap(row % n) for n in range(60)]).findings
    assert [one for one in found if one.certainty == CERTAIN] == []


@pytest.mark.parametrize("frame", [chat, anthropic, ollama])
@pytest.mark.parametrize("kind", ["nested_json", "double_framing"])
def test_a_vendor_s_frame_that_is_wrapped_twice_is_certain(frame: Frame, kind: str) -> None:
    """A vendor's own frames are no content, so their protocol proves it, from the first one on."""
    payloads = [frame(text).decode().split("data: ")[1].strip() for text in SAID]
    wrapped = [f"data: {json.dumps(one) if kind == 'nested_json' else f'data: {one}'}\n\n".encode() for one in payloads]
    assert set(told(wrapped, kind)) == {(n, CERTAIN) for n in range(1, len(SAID) + 1)}


def test_bare_pieces_of_text_that_are_serialised_twice_are_certain() -> None:
    """A string of an object that holds a text and nothing else is a frame; rows of data have more."""
    bodies = [f"data: {json.dumps(json.dumps({'content': text}))}\n\n".encode() for text in SAID]
    assert {certainty for _, certainty in told(bodies, "nested_json")} == {CERTAIN}
