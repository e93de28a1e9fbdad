"""Whatever an event holds, every dialect reads it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otel_sse.dialects import Reader, names
from otel_sse.dialects.payload import decode
from otel_sse.dialects.registry import make
from otel_sse.dialects.vendors.openai_chat import OpenAIChat
from otel_sse.limits import MAX_NAME_CHARS
from otel_sse.stream.chunk import KINDS
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event

KEYS = (
    *("choices", "delta", "content", "text", "index", "finish_reason", "usage", "id", "object", "error", "tool_calls"),
    *("function", "arguments", "type", "event_type", "event", "response", "message", "candidates", "parts", "results"),
    *("generated_text", "functionCall", "thought", "done", "data", "value", "completion", "output_index", "reasoning"),
    *("thinking", "step_details", "interaction", "metadata", "sequence_number", "status", "usageMetadata", "code"),
    *("prompt_tokens", "messageId", "toolCallId", "inputTextDelta", "content_block", "partial_json", "last_error"),
)
WORDS = (
    *("response.output_text.delta", "response.created", "response.completed", "response.failed", "error", "ping"),
    *("message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop", "completion"),
    *("message-start", "content-delta", "tool-call-delta", "tool-plan-delta", "message-end", "heartbeat", "done"),
    *("text-delta", "reasoning-delta", "tool-input-delta", "start", "finish", "step.delta", "interaction.created"),
    *("interaction.completed", "thread.message.delta", "thread.run.step.delta", "thread.run.created", "output"),
    *("thread.run.failed", "complete", "content_chunk", "chat.completion.chunk", "assistant", "[DONE]", ""),
)
NAMES = st.sampled_from(names())
TEXTS = st.one_of(
    st.sampled_from(WORDS), st.text(max_size=20), st.sampled_from(["\ud83d", "\x00", '{"content": "x"}', "{}"])
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 300),
    st.sampled_from([2**63, -(2**70), 10**400, math.nan, math.inf, 1e308, -0.0]),
    TEXTS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6), st.just({})
    ),
    max_leaves=25,
)
DATA = st.one_of(
    VALUES.map(json.dumps),
    VALUES.map(lambda value: json.dumps(json.dumps(value))),
    VALUES.map(lambda value: "data: " + json.dumps(value)),
    st.lists(VALUES.map(json.dumps), max_size=3).map("\n".join),
    st.text(max_size=30),
    TEXTS,
)
EVENTS = st.builds(Event, DATA, st.sampled_from(WORDS), st.sampled_from([None, "1:0"]))


def check(facts: Facts) -> None:
    """Fail where a value breaks one of its own promises."""
    assert facts.kind in KINDS
    assert (facts.content is not None) == (facts.kind == "content")
    assert facts.content != ""
    if facts.deltas:
        assert len(facts.deltas) > 1
        assert facts.content == "".join(text for _, text in facts.deltas)
        assert facts.channel == facts.deltas[0][0]
        assert all(text for _, text in facts.deltas)
    for number in (facts.sequence, facts.input_tokens, facts.output_tokens):
        assert number is None or 0 <= number < 2**63
    for word in (facts.terminal, facts.finish_reason, facts.error):
        assert word is None or 0 < len(word) <= MAX_NAME_CHARS
    assert facts.opens is None or 0 < len(facts.opens) <= 4 * MAX_NAME_CHARS


@given(name=NAMES, events=st.lists(EVENTS, max_size=6))
@settings(max_examples=600, deadline=None)
def test_no_event_breaks_a_dialect(name: str, events: list[Event]) -> None:
    """Every dialect reads every event, of its own or not, and what it says of it holds together."""
    dialect = make(name)
    for event in events:
        check(dialect.read(event))
    assert dialect.expects in ("terminal", "finish", "nothing")


@given(events=st.lists(EVENTS, max_size=20))
@settings(max_examples=200, deadline=None)
def test_no_event_breaks_a_reader(events: list[Event]) -> None:
    """A reader reads every event, whatever it makes of the stream."""
    reader = Reader()
    for event in events:
        check(reader.read(event))
    assert reader.callback_errors == 0
    assert reader.name == "" or reader.name in names()


@given(events=st.lists(EVENTS, max_size=6), answer=st.one_of(st.none(), st.text(max_size=3)))
@settings(max_examples=100, deadline=None)
def test_the_user_s_content_holds_together_too(events: list[Event], answer: str | None) -> None:
    """With a callback the facts keep their promises."""
    reader = Reader(content_of=lambda value: answer)
    for event in events:
        check(reader.read(event))


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize(
    "data",
    [
        "[" * 50_000,
        '{"choices":' * 20_000,
        '{"content": ' + "[" * 900 + "]" * 900 + "}",
        '{"choices": [{"delta": {"content": "\\ud83d\\ud83d"}}]}',
        '{"sequence_number": ' + "9" * 5_000 + "}",
        '{"candidates": [{"content": {"parts": [{"functionCall": {"args": {"a": [NaN, 1e999, "\\udc00"]}}}]}}]}',
        "\x00",
        "\ufeff{}",
    ],
)
def test_hostile_payloads_are_read(name: str, data: str) -> None:
    """Deep nesting, endless numbers, lone surrogates and control characters are read by every dialect."""
    check(make(name).read(Event(data)))
    check(make(name).read(Event(data, "error")))


CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "index": st.one_of(st.integers(-1, 300), st.booleans(), st.none(), st.just("0")),
        "delta": st.fixed_dictionaries(
            {},
            optional={
                "content": st.one_of(st.text(max_size=30), st.none(), st.just([{"text": "x"}])),
                "role": st.one_of(st.just("assistant"), st.none()),
                "refusal": st.one_of(st.none(), st.just("No")),
                "tool_calls": st.one_of(st.none(), st.just([{"function": {"arguments": "{}"}}])),
                "reasoning": st.one_of(st.none(), st.just("Hm")),
            },
        ),
        "finish_reason": st.one_of(st.none(), st.just("stop")),
        "text": st.just("x"),
    },
)
CHUNKS = st.fixed_dictionaries(
    {"choices": st.lists(CHOICES, max_size=2)},
    optional={
        "id": st.one_of(st.sampled_from(["c-1", "c-2", ""]), st.none()),
        "usage": st.one_of(st.none(), st.just({"prompt_tokens": 1})),
        "error": st.one_of(st.none(), st.just({"code": "busy"})),
        "service_tier": st.text(max_size=3),
    },
)


@given(chunks=st.lists(CHUNKS, max_size=5))
@settings(max_examples=300, deadline=None)
def test_the_quick_way_reads_what_the_general_way_reads(chunks: list[dict[str, Any]]) -> None:
    """The common chunk is read by a decoder of its own, and yields the same facts as any other."""
    quick, general = OpenAIChat(), OpenAIChat()
    for chunk in chunks:
        event = Event(json.dumps(chunk))
        assert quick.read(event) == general.read_decoded(event, decode(event.data))
