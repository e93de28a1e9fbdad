"""Frames that applications make up for themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_sse.dialects.generic import GenericJSON, recognise
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, kinds, read_all, texts


def test_content_and_a_done_flag() -> None:
    """The commonest frame: text with `done: false`, and an empty one with `done: true` as the end."""
    dialect = GenericJSON()
    assert dialect.expects == "nothing"
    frames = [event({"content": text, "done": False}) for text in ("Moss", " grows")]
    facts = read_all(dialect, [*frames, event({"content": "", "done": True})])
    assert facts == [
        Facts("content", "Moss"),
        Facts("content", " grows"),
        Facts("complete", terminal="done"),
    ]
    assert dialect.expects == "terminal"


def test_the_last_text_may_come_with_the_flag() -> None:
    """A frame with text is content, also where it is the end."""
    assert GenericJSON().read(event({"content": "!", "done": True})) == Facts("content", "!", terminal="done")


def test_the_four_kinds_of_events() -> None:
    """`content_chunk`, `heartbeat`, `complete` and `error` are known words, as type or as event name."""
    for stream in (
        [
            event({"event_type": "content_chunk", "content": "Moss"}),
            event({"event_type": "heartbeat", "uptime_s": 5, "chunks": 1}),
            event({"event_type": "complete", "reason": "duration_cap"}),
            event({"event_type": "error", "code": "busy", "content": "Sorry"}),
        ],
        [
            event({"content": "Moss"}, "content_chunk"),
            event({"uptime_s": 5, "message": "here"}, "heartbeat"),
            event({"reason": "duration_cap"}, "complete"),
            event({"code": "busy", "content": "Sorry"}, "error"),
        ],
    ):
        dialect = GenericJSON()
        assert read_all(dialect, stream) == [
            Facts("content", "Moss"),
            Facts("heartbeat"),
            Facts("complete", terminal="complete", finish_reason="duration_cap"),
            Facts("error", error="busy"),
        ]
        assert dialect.expects == "terminal"


@pytest.mark.parametrize(
    ("frame", "expects"),
    [
        ({"content": "x"}, "nothing"),
        ({"content": "x", "done": False}, "terminal"),
        ({"content": "x", "done": 0}, "nothing"),
        ({"type": "token", "content": "x"}, "nothing"),
        ({"type": "content_chunk", "content": "x"}, "terminal"),
        ({"type": "complete"}, "terminal"),
        ({"error": {"code": "busy"}}, "terminal"),
    ],
)
def test_an_end_is_expected_once_its_words_were_seen(frame: dict[str, Any], expects: str) -> None:
    """A terminal is missing only in a stream that shows that it knows one."""
    dialect = GenericJSON()
    dialect.read(event(frame))
    assert dialect.expects == expects


@pytest.mark.parametrize("key", ["content", "text", "delta", "token", "message", "chunk", "answer", "response"])
def test_text_under_any_common_key(key: str) -> None:
    """The text is found under each of the common keys."""
    assert GenericJSON().read(event({key: "Moss", "n": 1})) == Facts("content", "Moss")


@pytest.mark.parametrize("holder", ["delta", "message", "data", "chunk", "content", "token"])
def test_text_one_level_down(holder: str) -> None:
    """The text is found in an object under each of the common holders, and no deeper."""
    assert GenericJSON().read(event({holder: {"text": "Moss"}})) == Facts("content", "Moss")
    assert GenericJSON().read(event({holder: {"inner": {"text": "Moss"}}})) == Facts("control")


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ({"content": "Moss gro", "delta": " gro"}, " gro"),
        ({"content": "", "delta": {"text": "Moss"}}, "Moss"),
        ({"content": [{"type": "text", "text": "Mo"}, {"type": "text", "text": "ss"}, {"type": "image"}]}, "Moss"),
        ({"type": "token", "data": "Moss"}, "Moss"),
        ({"data": "Moss"}, None),
        ({"token": {"text": "</s>", "special": True}, "generated_text": "Moss grows"}, None),
        ({"type": "status", "message": "Looking"}, None),
        ({"type": "metadata", "content": "x"}, None),
        ({"result": {"text": "Moss"}}, None),
        ({"content": 5}, None),
        ({"content": []}, None),
        ({}, None),
    ],
)
def test_what_is_content_and_what_is_not(frame: dict[str, Any], text: str | None) -> None:
    """The new part wins over the whole so far; special tokens, status messages and results are no content."""
    assert GenericJSON().read(event(frame)).content == text


def test_a_local_model_server() -> None:
    """A message one level down, thinking, a tool call with an object, and the counts in the last frame."""
    stream = [
        {"model": "m", "message": {"role": "assistant", "content": "", "thinking": "Hm"}, "done": False},
        {"model": "m", "message": {"role": "assistant", "content": "Moss"}, "done": False},
        {"message": {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}, "done": False},
        {
            "model": "m",
            "message": {"role": "assistant", "content": ""},
            "done_reason": "stop",
            "done": True,
            "prompt_eval_count": 26,
            "eval_count": 9,
        },
    ]
    facts = read_all(GenericJSON(), list(map(event, stream)))
    assert texts(facts) == {"reasoning": "Hm", "": "Moss", "tool:0": '{"a":1}'}
    assert facts[3] == Facts("complete", terminal="done", finish_reason="stop", input_tokens=26, output_tokens=9)


def test_reasoning_by_its_type() -> None:
    """A frame whose type says thinking is reasoning; text and reasoning in one frame are two deltas."""
    assert GenericJSON().read(event({"type": "thinking", "content": "Hm"})).channel == "reasoning"
    both = GenericJSON().read(event({"reasoning": "Hm", "content": "Moss"}))
    assert both.deltas == (("reasoning", "Hm"), ("", "Moss"))


def test_marks_are_read() -> None:
    """Finish reasons, sequence numbers and usage are read where a frame has them."""
    frame = {
        "content": "x",
        "stop_reason": "length",
        "sequence_number": 4,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
    assert GenericJSON().read(event(frame)) == Facts(
        "content", "x", finish_reason="length", sequence=4, input_tokens=3, output_tokens=2
    )


@pytest.mark.parametrize("wrap", [lambda c: c, lambda c: {"data": c}, lambda c: {"chunk": c, "n": 1}])
def test_a_chunk_of_openai_s_shape_in_an_envelope(wrap: Any) -> None:
    """Gateways put a vendor's chunk into a frame of their own."""
    chunk = {"choices": [{"delta": {"content": "Moss"}, "finish_reason": "stop"}]}
    assert GenericJSON().read(event(wrap(chunk))) == Facts("content", "Moss", "0", finish_reason="stop")


def test_a_message_beside_its_metadata() -> None:
    """Agent frameworks send a pair of message and metadata; another list is text."""
    pair = [{"type": "AIMessageChunk", "content": "Moss"}, {"langgraph_node": "agent"}]
    assert GenericJSON().read(event(pair, "messages")) == Facts("content", "Moss")
    assert GenericJSON().read(event([1, 2])).content == "[1, 2]"
    assert GenericJSON().read(event([{"content": "Moss"}])).channel == ""


def test_words_that_end_a_stream() -> None:
    """The end may be a type or an event's name, with an object or without."""
    for end, name in (
        (event({"type": "done"}), "done"),
        (event({"type": "completed"}), "completed"),
        (event({"type": "x"}, "complete"), "complete"),
        (Event("", "done"), "done"),
        (Event("bye", "end"), "end"),
    ):
        facts = GenericJSON().read(end)
        assert (facts.kind, facts.terminal) == ("complete", name)


def test_tokens_as_json_strings() -> None:
    """Tokens may be sent as JSON strings; one that looks like an object is a token too."""
    stream = [event("Moss"), event(""), event("{}"), event('{"content": "x"}')]
    facts = read_all(GenericJSON(), stream)
    assert [one.content for one in facts] == ["Moss", None, "{}", '{"content": "x"}']
    assert not any(one.nested for one in facts)


def test_a_token_that_is_an_object_is_not_nested_even_first() -> None:
    """An object with nothing of a frame in it is text."""
    facts = GenericJSON().read(event('{"colour": "green"}'))
    assert (facts.content, facts.nested) == ('{"colour": "green"}', False)


def test_objects_in_strings_under_different_names_are_nested() -> None:
    """Whole objects of several keys are no pieces of a text where they come as different events."""
    first, second = (json.dumps(one) for one in ({"id": 1, "step": "a"}, {"project": "x", "scores": {}}))
    named = [event(first, "progress"), event(first, "progress"), event(second, "summary"), event(first, "progress")]
    assert [one.nested for one in read_all(GenericJSON(), named)] == [False, False, True, True]


@pytest.mark.parametrize("name", ["", "record"])
def test_objects_in_strings_that_may_be_a_text_are_not_nested(name: str) -> None:
    """Under one name, under none, or beside a word they may be what a model wrote, line by line."""
    record, other = (json.dumps(one) for one in ({"id": 1, "step": "a"}, {"project": "x", "scores": {}}))
    alike = [event(record, name), event(other, name), event(record, name)]
    beside = [event(record, "a"), event("Moss", "b"), event(other, "c")]
    small = [event('{"a": 1}', "a"), event('{"b": 1}', "b")]
    for stream in (alike, beside, small):
        assert not any(one.nested for one in read_all(GenericJSON(), stream))


def test_plain_text_and_numbers_are_content() -> None:
    """Data that is no object is a piece of text; null is nothing."""
    stream = [Event("Moss"), Event("42"), Event("null"), Event("")]
    assert [one.content for one in read_all(GenericJSON(), stream)] == ["Moss", "42", None, None]


@pytest.mark.parametrize(
    "frame",
    [{"content": "Moss"}, {"content": "Moss", "done": False}, {"choices": [{"delta": {"content": "Moss"}}]}],
)
def test_a_frame_serialised_twice_is_nested_and_read(frame: dict[str, Any]) -> None:
    """Data that is a JSON string of a frame is reported, and the frame inside is read."""
    dialect = GenericJSON()
    for _ in range(2):
        facts = dialect.read(event(json.dumps(frame)))
        assert (facts.kind, facts.content, facts.nested) == ("content", "Moss", True)


@pytest.mark.parametrize(
    ("frame", "inner"),
    [
        ({"content": None, "done": False}, {"content": "Moss", "done": False}),
        ({"text": None, "n": 1}, {"text": "Moss", "n": 1}),
        ({"type": "token", "content": None}, {"choices": [{"delta": {"content": "Moss"}}]}),
    ],
)
def test_a_frame_in_the_content_is_nested(frame: dict[str, Any], inner: dict[str, Any]) -> None:
    """A content that is a frame of the same form, or a vendor's, is reported; the content stays what was sent."""
    key = next(key for key, value in frame.items() if value is None)
    facts = GenericJSON().read(event({**frame, key: json.dumps(inner)}))
    assert (facts.content, facts.nested) == (json.dumps(inner), True)


def test_a_lone_key_is_certain_from_the_second_content_on() -> None:
    """An answer in JSON may share the one key of a frame by chance, but only as the first content and whole."""
    frame = event({"content": json.dumps({"content": "Moss grows here"})})
    assert [one.nested for one in read_all(GenericJSON(), [frame, frame])] == [False, True]


@pytest.mark.parametrize("answer", ['{"name": "Ada", "age": 36}', '{"content": "x", "tags": ["a"]}', '["a", "b", "c"]'])
def test_an_answer_in_json_is_not_nested(answer: str) -> None:
    """A model that answers with a JSON document of its own form is not reported."""
    assert not GenericJSON().read(event({"content": answer, "done": False})).nested


def test_a_frame_framed_twice_is_read() -> None:
    """`data: data: {...}` is read as the frame it holds."""
    assert GenericJSON().read(Event('data: {"content": "Moss"}')) == Facts("content", "Moss")


@pytest.mark.parametrize(
    ("frame", "name", "own"),
    [
        ({"content": "x", "done": False}, "", True),
        ({"message": {"content": "x"}, "done": True}, "", True),
        ({"event_type": "content_chunk"}, "", True),
        ({"text": "x"}, "content_chunk", True),
        ({"content": "x"}, "", False),
        ({"done": True}, "", False),
        ({"content": "x", "done": 1}, "", False),
        ({}, "content_chunk", False),
        ("x", "", False),
    ],
)
def test_certain_frames_are_recognised(frame: Any, name: str, own: bool) -> None:
    """A text beside a `done` flag, or a `content_chunk`, is certainly an application's own frame."""
    assert recognise(event(frame, name), frame) is own


def test_an_application_s_stream_of_work_and_text() -> None:
    """Steps of the work are control, the texts content, the summary and the empty end as they say."""
    stream = [
        event({"project": "p", "url": "u"}, "start"),
        event({"name": "step", "event": "json_delta", "data": '"4"'}, "progress"),
        event({"scores": {"text": {"mean": 1}}}, "summary"),
        Event("", "done"),
    ]
    assert kinds(read_all(GenericJSON(), stream)) == ["control", "control", "control", "complete"]
