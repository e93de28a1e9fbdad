"""Choosing a dialect by looking, and the user's own notion of content."""

from __future__ import annotations

import json
from typing import Any

import pytest

from otel_sse.dialects import Dialect, Reader
from otel_sse.dialects.vendors.openai_chat import OpenAIChat
from otel_sse.limits import MAX_SNIFFED_EVENTS
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, kinds, read_all, typed

CHAT = {"id": "c-1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Moss"}}]}


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (event(CHAT), "openai-chat"),
        (event({"id": "c", "object": "text_completion", "choices": [{"text": "x"}]}), "openai-completions"),
        (typed({"type": "response.created", "response": {}}), "openai-responses"),
        (event({"id": "run-1"}, "thread.run.created"), "openai-assistants"),
        (typed({"type": "message_start", "message": {}}), "anthropic-messages"),
        (typed({"type": "completion", "completion": "x"}), "anthropic-completions"),
        (event({"candidates": []}), "gemini"),
        (typed({"event_type": "interaction.created"}), "gemini-interactions"),
        (typed({"type": "message-start", "delta": {"message": {}}}), "cohere-v2"),
        (event({"type": "text-start", "id": "0"}), "vercel-ui"),
        (Event("Moss", "output", "1:0"), "replicate"),
        (event({"results": [{"generated_text": ""}]}, "message"), "watsonx"),
        (event({"value": "x"}), "writer-completions"),
        (event({"content": "x", "done": False}), "generic-json"),
        (Event('{"content":"a"}\n{"content":"b"}'), "ndjson-in-data"),
    ],
)
def test_one_event_of_a_known_shape_is_enough(first: Event, name: str) -> None:
    """Each format is chosen at its first event, by its shape alone, and that event is read by its own dialect."""
    reader = Reader()
    assert (reader.name, reader.expects) == ("", "nothing")
    chosen = Reader(dialect=name).read(first)
    assert reader.read(first) == chosen
    assert reader.name == name


def test_from_then_on_the_dialect_reads_itself() -> None:
    """`read` is the dialect's own method once it is chosen: nothing stands between."""
    dialect = OpenAIChat()
    assert Reader(dialect=dialect).read == dialect.read
    reader = Reader()
    reader.read(event(CHAT))
    assert reader.read.__func__ is OpenAIChat.read  # type: ignore[attr-defined]


def test_a_method_taken_before_the_choice_still_reads() -> None:
    """A caller that keeps the first `read` gets the chosen dialect's facts too."""
    reader = Reader()
    read = reader.read
    facts = [read(event(CHAT)), read(event(CHAT))]
    assert [one.opens for one in facts] == ["c-1", None]
    assert reader.name == "openai-chat"


def test_events_before_the_choice_are_read_rightly() -> None:
    """A ping and a filter's empty choices come first; both are what they are, and then the dialect is found."""
    reader = Reader()
    facts = read_all(reader, [Event("", "ping"), event({"id": "", "object": "", "choices": []}), event(CHAT)])
    assert facts == [Facts("heartbeat"), Facts("control"), Facts("content", "Moss", "0", opens="c-1")]
    assert (reader.name, reader.expects) == ("openai-chat", "finish")


def test_a_greeting_before_a_vendor_s_stream() -> None:
    """An application's own first frames do not decide the dialect."""
    reader = Reader()
    read_all(reader, [event({"session": "s-1"}), event({"content": "Hello"}), Event("connected"), event(CHAT)])
    assert reader.name == "openai-chat"


def test_three_frames_with_content_are_generic() -> None:
    """The generic dialect is chosen at the third frame with content, not at the second."""
    reader = Reader()
    read_all(reader, [event({"content": "x"})] * 2)
    assert reader.name == ""
    reader.read(event({"content": "x"}))
    assert reader.name == "generic-json"


def test_three_texts_are_plain_text() -> None:
    """Plain text is chosen at the third event that is no frame; a number among the tokens is text."""
    reader = Reader()
    facts = read_all(reader, [Event("Moss"), Event("42")])
    assert reader.name == ""
    facts += read_all(reader, [Event(" grows"), Event("{}"), Event("[DONE]")])
    assert reader.name == "plain-text"
    assert kinds(facts) == ["content", "content", "content", "content", "complete"]


def test_tokens_as_json_strings_are_generic() -> None:
    """JSON strings are frames, not plain text."""
    reader = Reader()
    read_all(reader, [event("Moss"), event(" grows"), event(".")])
    assert reader.name == "generic-json"


@pytest.mark.parametrize("count", [MAX_SNIFFED_EVENTS - 1, MAX_SNIFFED_EVENTS])
def test_looking_has_an_end(count: int) -> None:
    """At the cap a stream of no known shape is called generic, not one event before."""
    reader = Reader()
    read_all(reader, [event({"step": number}) for number in range(count)])
    assert reader.name == ("generic-json" if count == MAX_SNIFFED_EVENTS else "")


def test_looking_at_text_has_an_end_too() -> None:
    """A stream with some text and no frame at all is plain text at the cap."""
    reader = Reader()
    read_all(reader, [Event("Moss"), *[Event("")] * (MAX_SNIFFED_EVENTS - 1)])
    assert reader.name == "plain-text"


def test_mixed_text_and_frames_are_generic() -> None:
    """Where text and frames with content both came, the generic dialect reads both."""
    reader = Reader()
    read_all(reader, [event({"content": "x"}), *[Event("Moss")] * (MAX_SNIFFED_EVENTS - 1)])
    assert reader.name == "generic-json"


def test_heartbeats_are_not_counted() -> None:
    """An application may wait for its model for minutes; then the vendor's stream is still found."""
    reader = Reader()
    read_all(reader, [event({"event_type": "heartbeat"})] * (MAX_SNIFFED_EVENTS + 1))
    reader.read(event(CHAT))
    assert reader.name == "openai-chat"


def test_what_was_seen_before_the_choice_is_kept() -> None:
    """The generic dialect expects an end that an earlier event spoke of."""
    reader = Reader()
    read_all(reader, [event({"type": "error", "code": "retry"}), event({"content": "x", "done": 5})])
    assert (reader.name, reader.expects) == ("", "terminal")
    reader.read(event({"event_type": "content_chunk", "content": "x"}))
    assert (reader.name, reader.expects) == ("generic-json", "terminal")


def test_a_vendor_s_frame_serialised_twice_is_recognised() -> None:
    """A first event that is nested decides the dialect by the frame inside."""
    reader = Reader()
    facts = reader.read(event(json.dumps(CHAT)))
    assert (reader.name, facts.content, facts.nested) == ("openai-chat", "Moss", True)


def test_lines_are_read_by_the_dialect_they_are_in() -> None:
    """Several lines of a vendor's chunks in one event are read as that vendor's."""
    reader = Reader()
    facts = reader.read(Event("\n".join([json.dumps(CHAT)] * 2)))
    assert (reader.name, reader.expects) == ("ndjson-in-data", "finish")
    assert (facts.content, facts.channel, facts.opens) == ("MossMoss", "0", "c-1")


def test_a_reader_is_a_dialect() -> None:
    """A reader stands wherever a dialect is asked for."""
    dialect: Dialect = Reader()
    assert dialect.read(event(CHAT)).content == "Moss"


def under_reply(value: object) -> str | None:
    """Return a user's own content."""
    return value["reply"] if isinstance(value, dict) and "reply" in value else None


def test_the_user_s_content_replaces_the_dialect_s() -> None:
    """What the callback returns is the content, on the one channel; "" is none, and None asks the dialect."""
    reader = Reader(content_of=under_reply)
    facts = read_all(
        reader,
        [
            event({"reply": "Moss", "content": "internal"}),
            event({"content": "internal", "reply": ""}),
            event({**CHAT, "reply": "Fern"}),
            event({**CHAT, "reply": ""}),
            event(CHAT),
            Event("[DONE]"),
        ],
    )
    assert facts == [
        Facts("content", "Moss"),
        Facts("control"),
        Facts("content", "Fern", opens="c-1"),
        Facts("control"),
        Facts("content", "Moss", "0"),
        Facts("complete", terminal="[DONE]"),
    ]
    assert (reader.name, reader.callback_errors) == ("openai-chat", 0)


def test_an_end_without_the_user_s_content_is_still_the_end() -> None:
    """Where the dialect's content is taken away from a terminal event, the end remains."""
    facts = Reader(content_of=under_reply).read(event({"content": "!", "done": True, "reply": ""}))
    assert facts == Facts("complete", terminal="done")


def test_several_deltas_give_way_to_the_user_s_content() -> None:
    """The deltas of several choices are gone where the user says what the content is."""
    both = {"choices": [{"index": n, "delta": {"content": "x"}} for n in (0, 1)], "reply": "Moss"}
    assert Reader(content_of=under_reply).read(event(both)) == Facts("content", "Moss")


def test_the_callback_gets_text_as_it_is() -> None:
    """Data that is not JSON is handed over as a string; `[DONE]` is not handed over."""
    seen: list[object] = []

    def keep(value: object) -> str | None:
        seen.append(value)
        return value if isinstance(value, str) else None

    facts = read_all(Reader(content_of=keep), [Event("Moss"), Event("5"), event([1]), Event("[DONE]")])
    assert seen == ["Moss", 5, [1]]
    # The number and the list are read by the dialect.
    assert [one.content for one in facts] == ["Moss", "5", "[1]", None]


@pytest.mark.parametrize("dialect", [None, "openai-chat"])
def test_where_a_callback_raises_the_dialect_is_asked(dialect: str | None) -> None:
    """A user's function cannot break reading; how often it raised is counted."""

    def broken(value: Any) -> str:
        return str(value["no such key"])

    reader = Reader(dialect=dialect, content_of=broken)
    assert read_all(reader, [event(CHAT), event(CHAT)]) == [
        Facts("content", "Moss", "0", opens="c-1"),
        Facts("content", "Moss", "0"),
    ]
    assert reader.callback_errors == 2


def test_where_a_callback_returns_no_string_the_dialect_is_asked() -> None:
    """Only a string can be content."""
    reader = Reader(content_of=lambda value: 5)  # type: ignore[arg-type, return-value]
    assert reader.read(event(CHAT)).content == "Moss"
    assert reader.callback_errors == 0
