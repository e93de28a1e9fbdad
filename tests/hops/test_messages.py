"""What a message says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_sse.errors import ConfigurationError
from otel_sse.hops.messages import Hooks, MessageReader, Read, json_error, plain
from otel_sse.limits import MAX_NAME_CHARS
from otel_sse.stream.chunk import CERTAIN, COMPLETE, CONTENT, CONTROL, ERROR

MAX_BYTES = 1_000


def read(message: Any, **hooks: Any) -> Read:
    """Read one message; what is no text or bytes becomes JSON."""
    exact = message if isinstance(message, (str, bytes)) else json.dumps(message)
    return MessageReader(Hooks(**hooks), MAX_BYTES).read(exact)


def facts(message: Any, **hooks: Any) -> Any:
    """What a message that needs no dialect means."""
    found = read(message, **hooks).facts
    assert found is not None
    return found


@pytest.mark.parametrize("spelling", ["CHUNK", "chunk", "Chunk", "cHuNk"])
def test_marks_are_understood_in_any_case(spelling: str) -> None:
    """The type's spelling is the user's."""
    assert read({"type": spelling, "content": "Hello"}).mark == "CHUNK"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({"type": "START", "prompt": "hi"}, CONTROL),
        ({"type": "CHUNK", "content": "Hello"}, CONTENT),
        ({"type": "END"}, COMPLETE),
        ({"type": "ERROR", "error": "boom"}, ERROR),
    ],
    ids=["START", "CHUNK", "END", "ERROR"],
)
def test_each_mark_has_its_kind(message: Any, kind: str) -> None:
    """What starts says nothing, what carries is content, what ends is terminal, what fails is an error."""
    found = facts(message)
    assert found.kind == kind
    assert (found.terminal, found.error is not None) == ("END" if kind == COMPLETE else None, kind == ERROR)


@pytest.mark.parametrize("key", ["content", "delta", "text"])
def test_content_has_several_names(key: str) -> None:
    """The digest is that of the content alone, so that it lines up with other stages."""
    assert facts({"type": "CHUNK", key: "Hello"}).content == "Hello"


@pytest.mark.parametrize("key", ["data", "chunk"])
def test_a_chunk_may_be_a_vendors_object(key: str) -> None:
    """A dialect reads the object alone, as it was sent."""
    inner = '{"choices": [{"delta": {"content": "Hello"}}]}'
    found = read(f'{{"type": "CHUNK", "{key}": {inner}}}')
    assert (found.facts, found.item) == (None, inner)


def test_a_chunk_may_be_framed_text() -> None:
    """A frame that was put into a JSON string is read as a frame."""
    assert read({"type": "CHUNK", "data": 'data: {"a": 1}\n\n'}).item == 'data: {"a": 1}\n\n'


def test_content_that_looks_like_a_frame_is_looked_at() -> None:
    """It may be one that was serialised twice, which the dialect finds."""
    message = json.dumps({"type": "CHUNK", "content": '{"choices": [{"delta": {"content": "Hello"}}]}'})
    assert read(message).item == message


@pytest.mark.parametrize(
    "message",
    [
        "plain text",
        "[1, 2]",
        '{"type": "response.output_text.delta", "delta": "Hello"}',
        '{"choices": []}',
        b"\x00\xff",
    ],
)
def test_what_is_no_message_of_ours_is_left_to_the_dialects(message: Any) -> None:
    """Other text, other JSON and binary are read as any stage reads them."""
    found = read(message)
    assert (found.mark, found.facts, found.item, found.broken) == ("", None, message, False)
    assert found.size == len(message)


@pytest.mark.parametrize(
    "message", ['{"type": "CHUNK", "content', '{"a": }', b'{"a"', b'{"type": "CHUNK", "content": "\xff"}']
)
def test_a_broken_object_is_one(message: Any) -> None:
    """What begins as an object and is none is marked, and still handed on to be digested."""
    found = read(message)
    assert (found.broken, found.item) == (True, message)


@pytest.mark.parametrize(
    ("message", "key", "weak"),
    [
        ({"stream_id": "a", "request_id": "b", "id": "c"}, "a", False),
        ({"request_id": "b", "id": "c"}, "b", False),
        ({"id": "c"}, "c", True),
        ({"stream_id": 7}, "7", False),
        ({"stream_id": {"a": 1}}, "", False),
        ({"stream_id": "x" * 100}, "x" * MAX_NAME_CHARS, False),
        ({}, "", False),
        ("text", "", False),
    ],
    ids=range(8),
)
def test_the_key_of_a_stream(message: Any, key: str, weak: bool) -> None:
    """`stream_id` first, then `request_id`; a mere `id` may be the message's own."""
    found = read(message)
    assert found.key == key
    assert (found.weak and bool(found.key)) is weak


@pytest.mark.parametrize("key", ["seq", "sequence", "sequence_number"])
def test_a_message_may_have_a_number_of_its_own(key: str) -> None:
    """A number under one of the usual names makes two messages differ."""
    assert read({"type": "CHUNK", "content": "a", key: 7}).numbered
    assert not read({"type": "CHUNK", "content": "a", key: "7"}).numbered


@pytest.mark.parametrize(
    ("error", "name"), [("rate_limit", "rate_limit"), ("It broke: secret", "error"), (None, "error")]
)
def test_an_error_has_a_code_and_never_its_text(error: Any, name: str) -> None:
    """A code is a word; anything longer may hold what nobody may see."""
    assert facts({"type": "ERROR", "error": error}).error == name
    assert facts({"type": "ERROR", "code": 429, "error": error}).error == "429"


@pytest.mark.parametrize("extra", [0, 1])
def test_long_messages_are_counted_and_not_read(extra: int) -> None:
    """A message of `max_event_bytes` is read, a longer one only has a size."""
    message = json.dumps({"type": "CHUNK", "content": ""})
    message = json.dumps({"type": "CHUNK", "content": "x" * (MAX_BYTES + extra - len(message))})
    found = read(message)
    assert len(message) == found.size == MAX_BYTES + extra
    assert (found.mark == "") is bool(extra)


def test_sizes_are_bytes() -> None:
    """A character may take several."""
    assert read("grüße 🐈").size == len("grüße 🐈".encode())


def test_hooks_win() -> None:
    """What the user's functions say stands, and what they leave open is left open."""
    found = read("x", stream_of=lambda message: f"key-{message}", chunk_of=lambda message: ("chunk", "Hello"))
    assert (found.key, found.mark, found.facts and found.facts.content) == ("key-x", "CHUNK", "Hello")
    assert read("x", stream_of=lambda message: None).key == ""
    assert read({"type": "CHUNK"}, chunk_of=lambda message: None).mark == ""
    assert read("x", chunk_of=lambda message: ("CHUNK", {"choices": []})).item == {"choices": []}
    assert read("x", chunk_of=lambda message: ("END", None)).facts.terminal == "END"  # type: ignore[union-attr]


class Named(str):
    """A text that shows itself otherwise."""

    def __str__(self) -> str:
        return "shown"


@pytest.mark.parametrize("wrong", ["CHUNK", 5, ("CHUNK",), ["CHUNK", "a"]])
def test_a_hook_that_returns_something_else_is_told_what_it_must(wrong: Any) -> None:
    """Without what it returned, which may be content."""
    with pytest.raises(ConfigurationError, match=r"^chunk_of must return a pair \(kind, content\) or None, got <class"):
        MessageReader(Hooks(chunk_of=lambda message: wrong), 100).read("x")


def test_plain_messages_are_the_same_objects() -> None:
    """Only what is no exact text or bytes is copied; its own text counts, not what it shows."""
    text, raw = "text" * 10, b"raw" * 10
    assert plain(text) is text
    assert plain(raw) is raw
    assert (plain(bytearray(b"ab")), plain(memoryview(b"ab"))) == (b"ab", b"ab")
    assert (plain(Named("own")), type(plain(Named("own")))) == ("own", str)


def test_a_broken_object_is_a_finding_without_its_text() -> None:
    """The evidence says what is wrong and quotes nothing."""
    finding = json_error("ws.send", 3)
    assert (finding.kind, finding.certainty, finding.stage, finding.seq) == (
        "protocol/json_error",
        CERTAIN,
        "ws.send",
        3,
    )


def test_a_message_of_the_ai_sdk_starts_no_stream() -> None:
    """Its `start` begins a message, names it, and is a vendor's event; a `start` without that is a mark."""
    assert read({"type": "start", "messageId": "m1"}).mark == ""
    assert read({"type": "start", "id": "s1"}).mark == "START"


def test_an_object_in_a_body_is_what_a_dialect_reads() -> None:
    """An envelope that holds a whole event as text; a body of another kind leaves the message as it is."""
    inner = '{"type": "text-delta", "id": "t1", "delta": "Hello"}'
    assert read({"type": "response", "id": "turn-1", "body": inner}).item == inner
    for body in ("Hello", 5, None):
        message = json.dumps({"type": "response", "body": body})
        assert read(message).item == message


def event(kind: str, **more: Any) -> dict[str, Any]:
    """An event of OpenAI's."""
    return {"type": kind, **more}


def test_events_of_a_response_belong_to_it() -> None:
    """Its beginning names it, the events after it belong to the one that is under way, and its end ends it."""
    reader = MessageReader(Hooks(), MAX_BYTES)
    messages = [
        event("response.create", input="Hello"),
        event("response.created", response={"id": "resp_1"}, sequence_number=0),
        event("response.output_text.delta", delta="a", sequence_number=1),
        event("response.completed", response={"id": "resp_1"}, sequence_number=2),
        event("response.output_text.delta", delta="late"),
        event("response.created", response={"id": "resp_2"}),
        event("response.output_audio.delta", delta="a", response_id="resp_3"),
        event("response.done", response={"id": "resp_3"}),
        event("response.output_text.delta", delta="b"),
    ]
    seen = [reader.read(json.dumps(message)) for message in messages]
    assert [(one.key, one.mark) for one in seen] == [
        ("", ""),
        ("resp_1", "START"),
        ("resp_1", ""),
        ("resp_1", "END"),
        ("", ""),
        ("resp_2", "START"),
        ("resp_3", ""),
        ("resp_3", "END"),
        ("resp_2", ""),
    ]
    # What they mean is the dialect's to say.
    assert all(one.facts is None for one in seen)


def test_a_key_of_the_application_s_own_comes_first() -> None:
    """A gateway that names its streams, and a user's function."""
    created = event("response.created", response={"id": "resp_1"})
    assert read({**created, "stream_id": "s-1"}).key == "s-1"
    assert read(created, stream_of=lambda message: "mine").key == "mine"
    assert read(event("response.created", response=5)).key == ""
