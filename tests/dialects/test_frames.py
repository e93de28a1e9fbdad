"""What any dialect may meet, whoever put it into the stream."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_sse.dialects import Dialect
from otel_sse.dialects.frames import error_name, is_done_mark, is_frame, is_nested, unwrap
from otel_sse.dialects.generic import GenericJSON
from otel_sse.dialects.payload import NOT_JSON
from otel_sse.dialects.vendors.anthropic_messages import AnthropicMessages
from otel_sse.dialects.vendors.cohere import CohereV2
from otel_sse.dialects.vendors.gemini import Gemini
from otel_sse.dialects.vendors.openai_chat import OpenAIChat
from otel_sse.dialects.vendors.openai_responses import OpenAIResponses
from otel_sse.dialects.vendors.vercel import VercelUI
from otel_sse.dialects.vendors.watsonx import Watsonx
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event

VENDORS = pytest.mark.parametrize(
    "make", [OpenAIChat, OpenAIResponses, AnthropicMessages, Gemini, CohereV2, VercelUI, Watsonx]
)
ANY = pytest.mark.parametrize("make", [OpenAIChat, AnthropicMessages, Gemini, GenericJSON])

CHAT_FRAME = {"id": "c1", "choices": [{"index": 0, "delta": {"content": "moss"}}]}


@ANY
@pytest.mark.parametrize("data", ["[DONE]", " [DONE] ", "[DONE]\n"])
def test_the_done_mark_ends_every_dialect(make: type[Dialect], data: str) -> None:
    """`[DONE]` is the terminal `[DONE]` everywhere."""
    assert make().read(Event(data)) == Facts("complete", terminal="[DONE]")


def test_text_that_holds_the_done_mark_is_not_the_end() -> None:
    """Only the mark alone ends a stream."""
    assert not is_done_mark("[DONE] and dusted")
    assert not is_done_mark(" " * 20 + "[DONE]")


@ANY
@pytest.mark.parametrize(
    "beat",
    [
        event({"type": "ping"}),
        event({"event_type": "heartbeat", "uptime_s": 5}),
        event({"event": "keep-alive"}),
        event({}, "ping"),
        event({"type": "status"}, "heartbeat"),
        Event("", "heartbeat"),
        Event("still here", "ping"),
    ],
)
def test_heartbeats_are_heartbeats_in_every_dialect(make: type[Dialect], beat: Event) -> None:
    """A ping by its type or its event name is a heartbeat, whatever else it holds."""
    assert make().read(beat) == Facts("heartbeat")


@ANY
@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (event({"error": {"message": "no room", "type": "overloaded", "code": None}}), "overloaded"),
        (event({"error": {"message": "slow down", "code": 429, "status": "RESOURCE_EXHAUSTED"}}), "RESOURCE_EXHAUSTED"),
        (event({"error": {"message": "broken", "code": 500}}), "500"),
        (event({"error": {"message": "broken"}}), "error"),
        (event({"error": "rate_limit"}), "rate_limit"),
        (event({"error": "Something broke at line 3"}), "error"),
        (event({"error": True, "code": "too_long", "message": "cut"}), "too_long"),
        (event({"type": "error", "code": "bad_key", "message": "no"}), "bad_key"),
        (event({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}), "overloaded_error"),
        (event({"status": "error", "message": "gone"}), "error"),
        (event({"detail": "gone"}, "error"), "error"),
        (Event("Traceback", "error"), "error"),
    ],
)
def test_errors_are_errors_in_every_dialect(make: type[Dialect], frame: Event, error: str) -> None:
    """A gateway's error is an error with its code or type; its message is never told."""
    facts = make().read(frame)
    assert (facts.kind, facts.error, facts.content) == ("error", error, None)


def test_an_error_name_never_is_a_sentence() -> None:
    """A string is taken for a code only where it looks like one, and only up to the cap."""
    assert error_name("quota_exceeded") == "quota_exceeded"
    assert error_name("a" * 65) == "a" * 64
    assert error_name("Quota exceeded for jo@example.com") == "error"
    assert error_name("SECRET") == "error"
    assert error_name(None) == "error"


@VENDORS
@pytest.mark.parametrize("payload", [{"note": "x"}, [], 5, None, "text", {"type": 5}, {"type": ["ping"]}])
def test_what_a_vendor_does_not_know_is_control(make: type[Dialect], payload: object) -> None:
    """An event of no known form is control: it is counted, and its text is not taken for the answer."""
    assert make().read(event(payload)) == Facts("control")


@VENDORS
def test_an_end_that_a_gateway_adds_is_the_end(make: type[Dialect]) -> None:
    """A frame of a gateway's own with `done: true` is a terminal in a vendor's stream too."""
    assert make().read(event({"done": True})) == Facts("complete", terminal="done")


def test_a_frame_serialised_twice_is_nested_and_read() -> None:
    """Data that is a JSON string of a frame is reported, and the frame inside is read all the same."""
    facts = OpenAIChat().read(event(json.dumps(CHAT_FRAME)))
    assert facts == Facts("content", "moss", "0", opens="c1", nested=True)


def test_a_frame_framed_twice_is_read() -> None:
    """`data: data: {...}` is read as the frame it holds; it is not nested JSON."""
    facts = OpenAIChat().read(Event("data: " + json.dumps(CHAT_FRAME)))
    assert facts == Facts("content", "moss", "0", opens="c1")


@VENDORS
def test_a_frame_inside_a_foreign_frame_is_nested(make: type[Dialect]) -> None:
    """A vendor's frame as a string in the content of an application's frame is reported in a vendor's stream."""
    assert make().read(event({"content": json.dumps(CHAT_FRAME)})) == Facts("control", nested=True)


def test_a_foreign_frame_under_a_vendor_s_event_name_is_looked_into() -> None:
    """Where a wrapper kept the event's name, the frame in its content is reported all the same."""
    inner = json.dumps({"type": "content_block_delta", "index": 0, "delta": {"text": "moss"}})
    wrapped = event({"content": inner, "done": False}, "content_block_delta")
    assert AnthropicMessages().read(wrapped) == Facts("control", nested=True)
    whole = event({"type": "response.output_text.done", "text": inner}, "response.output_text.done")
    assert OpenAIResponses().read(whole) == Facts("control")


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(CHAT_FRAME),
        json.dumps({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "moss"}}),
        json.dumps({"type": "text-delta", "id": "0", "delta": "moss"}),
        json.dumps({"candidates": [{"content": {"parts": [{"text": "moss"}]}}]}),
        json.dumps({"object": "text_completion", "choices": [{"text": "moss", "index": 0}]}),
        json.dumps({"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": "moss"}}),
        json.dumps({"results": [{"generated_text": "moss"}]}),
        "data: " + json.dumps(CHAT_FRAME) + "\n\n",
        'data: {"content": "moss", "done": false}\n\n',
        'data:{"choices": [], "id": "c1"}',
    ],
)
def test_a_whole_frame_in_the_content_is_nested(content: str) -> None:
    """A content that is a vendor's frame, or any frame behind `data:`, is reported in every vendor's stream."""
    assert is_nested(content)
    chat: Any = {"id": "c1", "choices": [{"index": 0, "delta": {"content": content}}]}
    for make, payload in (
        (OpenAIChat, chat),
        (AnthropicMessages, {"type": "content_block_delta", "index": 0, "delta": {"text": content}}),
        (OpenAIResponses, {"type": "response.output_text.delta", "delta": content}),
        (Gemini, {"candidates": [{"content": {"parts": [{"text": content}]}}]}),
        (CohereV2, {"type": "content-delta", "delta": {"message": {"content": {"text": content}}}}),
        (VercelUI, {"type": "text-delta", "id": "0", "delta": content}),
        (Watsonx, {"results": [{"generated_text": content}]}),
    ):
        facts = make().read(event(payload))
        assert (facts.content, facts.nested) == (content, True)


@pytest.mark.parametrize(
    "content",
    [
        '{"name": "Ada", "type": "person", "done": true}',
        '{"content": "moss"}',
        '{"type": "object", "properties": {"a": 1}}',
        '{"choices": ["red", "green"], "answer": 0}',
        '{"type": "quiz", "choices": [{"text": "red", "index": 0}], "delta": "x"}',
        '{"results": [{"title": "On moss"}]}',
        '{"type": "price", "delta": "3 percent"}',
        '{"type": "price", "delta": {"from": 1, "to": 2}}',
        '{"candidates": [{"content": "x"}]}',
        'data: {"name": "Ada Lovelace"}',
        "data: [1, 2, 3, 4, 5, 6, 7]",
        "{not json at all}",
        '{"a": 1} and more text',
        "short",
        None,
        5,
    ],
)
def test_json_that_a_model_wrote_is_not_nested(content: object) -> None:
    """A model may answer with JSON, and may write about event streams: only certain frames are reported."""
    assert not is_nested(content)


def test_a_frame_is_content_with_a_mark() -> None:
    """An application's frame is known by content beside a `done` flag or a type."""
    assert is_frame({"content": "x", "done": False})
    assert is_frame({"event_type": "content_chunk", "content": "x"})
    assert is_frame({"choices": []})
    assert not is_frame({"content": "x"})
    assert not is_frame({"done": True})


def test_only_objects_are_unwrapped() -> None:
    """A string inside a payload is looked into once, and only for an object."""
    assert unwrap("", '{"a":1}') == {"a": 1}
    assert unwrap("", "[1]") is None
    assert unwrap("data: 5", NOT_JSON) is None
    assert unwrap("data: {}", NOT_JSON) == {}
    assert unwrap("", 5) is None
