"""A stage that objects cross, and not bytes: what an application's iterator yields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from otel_sse.stage import StageMonitor, StageSettings
from otel_sse.stream.digest import sha1_digest
from tests.stage.made import ANSWERS, INFO, MS, OPENED, WORDS, Entry, Seen, chat, chat_chunk, messages, seen, watch


def taken(items: Iterable[object], settings: StageSettings | None = None) -> Seen:
    """Lead objects through a stage, one a millisecond, and end it."""
    journal: list[Entry] = []
    monitor = StageMonitor(INFO, settings or StageSettings(), OPENED, journal)
    number = 0
    for number, item in enumerate(items, 1):
        monitor.take(item, OPENED + number * MS)
    return seen(journal, monitor.end("completed", OPENED + (number + 1) * MS))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, bytes.decode])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_framed_pieces_are_read_like_bodies(answer, kind) -> None:
    """Text and bytes that are framed as events give the chunks and sums that the same bodies give."""
    assert taken(map(kind, answer())) == watch(answer())


def test_framed_pieces_may_be_cut_anywhere() -> None:
    """Once the first piece began like a frame, the others need not, and empty ones are nothing."""
    data = b"".join(chat())
    pieces = [data[at : at + 7] for at in range(0, len(data), 7)]
    pieces.insert(3, b"")
    assert [one.digest for one in taken(pieces).chunks] == [one.digest for one in watch(data).chunks]


@pytest.mark.parametrize("kind", [str, str.encode])
def test_other_text_is_content_as_it_stands(kind) -> None:
    """Words that are not framed are one chunk each, with the digest of their text; an empty one has no content."""
    texts = ["The cat", " wörd", "", "data: is what it says"]
    made = taken(map(kind, texts))
    assert [one.digest for one in made.chunks] == [sha1_digest(text.encode()) for text in texts]
    assert [one.kind for one in made.chunks] == ["content", "content", "control", "content"]
    assert made.totals.content_bytes == made.totals.bytes == len("".join(texts).encode())
    assert made.findings == []


def test_text_that_is_an_object_is_read_as_one() -> None:
    """JSON objects as text, without a frame, are read by their dialect."""
    made = taken([json.dumps({"content": word, "done": False}) for word in WORDS])
    assert made.totals.dialect == "generic-json"
    assert made.totals.content_bytes == len("".join(WORDS).encode())


@dataclass
class Frame:
    """An application's own chunk."""

    content: str
    done: bool = False


class Model:
    """What the SDKs' pydantic models have."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self._payload = payload

    def model_dump_json(self) -> str:
        return json.dumps(self._payload)

    def __getattr__(self, name: str) -> Any:
        return wrapped(self._payload).__getattribute__(name)


def wrapped(value: Any) -> Any:
    if isinstance(value, dict):
        every = {"usage": None, "tool_calls": None, "function_call": None, "refusal": None, "content": None, **value}
        return SimpleNamespace(**{name: wrapped(one) for name, one in every.items()})
    return [wrapped(one) for one in value] if isinstance(value, list) else value


def payloads(bodies: Sequence[bytes]) -> list[dict[str, Any]]:
    """The objects in the frames of a made-up answer, its `[DONE]` aside."""
    texts = [body.decode().partition("data: ")[2] for body in bodies]
    return [json.loads(text) for text in texts if text.startswith("{")]


@pytest.mark.parametrize("answer", [chat, messages])
@pytest.mark.parametrize("kind", [dict, Model])
def test_objects_are_read_as_what_they_would_be_sent_as(answer, kind) -> None:
    """Dicts and an SDK's models give the content, usage and outcome that their frames give."""
    made, framed = taken(map(kind, payloads(answer()))), watch(answer())
    assert [one.digest for one in made.chunks if one.kind == "content"] == [
        one.digest for one in framed.chunks if one.kind == "content"
    ]
    same = ("dialect", "outcome", "content_bytes", "content_chunks", "heartbeats", "input_tokens", "output_tokens")
    assert [getattr(made.totals, name) for name in same] == [getattr(framed.totals, name) for name in same]
    assert made.findings == []


def test_dataclasses_are_read_and_other_objects_counted() -> None:
    """An application's dataclass is read by its fields; an object that nobody can send is a chunk without content."""
    made = taken([Frame("Hello"), object(), Frame(" you"), Frame("", done=True)])
    assert [one.kind for one in made.chunks] == ["content", "control", "content", "complete"]
    assert made.totals.content_bytes == len("Hello you")
    assert made.totals.outcome == "completed"


def test_bytes_of_objects_add_up() -> None:
    """A stage of objects counts the bytes of its chunks."""
    made = taken(payloads(chat()))
    assert made.totals.bytes == sum(one.raw_len for one in made.chunks) > 0


def test_first_object_ends_the_wait_for_the_first_byte() -> None:
    """Times are those of the objects; a first one that comes late is a stall."""
    monitor = StageMonitor(INFO, StageSettings(first_byte_ns=MS), OPENED)
    monitor.take("Hello", OPENED + 2 * MS)
    totals = monitor.end("completed", OPENED + 3 * MS)
    assert totals.time_to_first_chunk_ns == totals.time_to_first_content_ns == 2 * MS
    assert totals.stalls == 1


def test_frames_among_the_items_of_a_text_stream_stay_text() -> None:
    """What the first piece of text was decides for all: a model may write about frames later."""
    made = taken(["Look:", chat_chunk("a").decode()])
    assert made.totals.content_chunks == 2
    assert made.totals.dialect == ""


def openai_chunks(*texts: str) -> list[object]:
    """Chunks as the `openai` package yields them."""
    from openai.types.chat import ChatCompletionChunk

    return [ChatCompletionChunk.construct(**payload) for payload in payloads(chat(texts))]


def test_objects_and_frames_of_one_answer_give_the_same_digests() -> None:
    """Content that crosses as an SDK's objects lines up with the same content framed."""
    made, framed = taken(openai_chunks(*WORDS)), watch(chat())
    assert [one.digest for one in made.chunks if one.kind == "content"] == [
        one.digest for one in framed.chunks if one.kind == "content"
    ]
    assert [one.acc_len for one in made.chunks][: len(WORDS)] == [one.acc_len for one in framed.chunks][: len(WORDS)]
    assert (made.totals.dialect, made.totals.outcome) == ("openai-chat", "completed")


def test_users_function_is_asked_for_every_object() -> None:
    """With `content_of`, no object and no text is taken for content unasked."""
    settings = StageSettings(content_of=lambda payload: "x" if isinstance(payload, str) else "y")
    assert {one.digest for one in taken(openai_chunks("a", "b", "c"), settings).chunks[:3]} == {sha1_digest(b"y")}
    assert {one.digest for one in taken(["a", "b", "c"], settings).chunks} == {sha1_digest(b"x")}


def test_late_text_is_a_stall() -> None:
    """Silence between two pieces of plain text is found, also with heartbeats in it."""
    monitor = StageMonitor(INFO, StageSettings(silence_ns=5 * MS), OPENED)
    for at, item in ((1, "Hello"), (2, " you"), (20, " there")):
        monitor.take(item, OPENED + at * MS)
    totals = monitor.end("completed", OPENED + 21 * MS)
    assert totals.stalls == 1


@pytest.mark.parametrize("late", ["late", json.dumps({"content": "late"})])
def test_text_after_the_end_is_a_fault(late: str) -> None:
    """Content after `[DONE]` is found, also where it takes the short way."""
    made = taken([json.dumps({"content": "a"}), "[DONE]", late])
    assert made.told == [("protocol/after_done", 3, 2)]


def test_captured_content_is_kept_for_plain_items() -> None:
    """Where content is captured, chunks of text and of objects keep theirs."""
    settings = StageSettings(capture_content=True)
    assert [one.content for one in taken(["a", "b", "c"], settings).chunks] == ["a", "b", "c"]
    assert [one.content for one in taken(openai_chunks("a", "b", "c"), settings).chunks[:3]] == ["a", "b", "c"]


def test_lone_surrogates_are_digested() -> None:
    """Half an emoji, as a JavaScript back end sends it, is content like any other."""
    made = taken(["a", "\ud83d", "b"])
    assert made.totals.content_bytes == 5
