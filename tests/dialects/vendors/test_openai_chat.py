"""Chat completion chunks: made-up streams in the shapes that vendors were seen to send."""

from __future__ import annotations

from typing import Any

import pytest

from otel_sse.dialects.vendors.openai_chat import OpenAIChat, recognise
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.facts import Facts
from otel_sse.wire.events import Event
from tests.dialects.made import event, kinds, read_all, texts

DONE = Event("[DONE]")


def chunk(delta: Any, finish_reason: str | None = None, index: Any = 0, **more: Any) -> Event:
    """Return one chunk with one choice."""
    choice = {"index": index, "delta": delta, "finish_reason": finish_reason}
    return event({"id": "c-1", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more})


def test_a_plain_answer() -> None:
    """The role opens the answer, each text is content, the finish reason is control, `[DONE]` the end."""
    facts = read_all(
        OpenAIChat(),
        [
            chunk({"role": "assistant", "content": "", "refusal": None}),
            chunk({"content": "Moss"}, obfuscation="zz"),
            chunk({"content": " grows"}, service_tier="default"),
            chunk({}, "stop"),
            event({"id": "c-1", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}),
            DONE,
        ],
    )
    assert facts == [
        Facts("control", opens="c-1"),
        Facts("content", "Moss", "0"),
        Facts("content", " grows", "0"),
        Facts("control", finish_reason="stop"),
        Facts("control", input_tokens=9, output_tokens=2),
        Facts("complete", terminal="[DONE]"),
    ]


def test_the_first_chunk_with_text_opens_too() -> None:
    """Where the first chunk carries text already, one event opens and is content."""
    facts = read_all(OpenAIChat(), [chunk({"role": "assistant", "content": "Moss"}), chunk({"content": "!"})])
    assert facts == [Facts("content", "Moss", "0", opens="c-1"), Facts("content", "!", "0")]


def test_another_id_opens_another_answer() -> None:
    """The id repeats on every chunk; only a different one opens again."""
    other = event({"id": "c-2", "choices": [{"index": 0, "delta": {"content": "Fern"}}]})
    facts = read_all(OpenAIChat(), [chunk({"content": "Moss"}), chunk({"content": "!"}), other, other])
    assert [one.opens for one in facts] == ["c-1", None, "c-2", None]


def test_chunks_without_an_id_open_nothing() -> None:
    """No id, or an empty one as content filters send it first, is no identity."""
    no_id = event({"choices": [{"index": 0, "delta": {"content": "Moss"}}]})
    empty = event({"id": "", "object": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]})
    assert read_all(OpenAIChat(), [no_id, empty, no_id]) == [
        Facts("content", "Moss", "0"),
        Facts("control"),
        Facts("content", "Moss", "0"),
    ]


def test_the_role_and_null_fields_may_be_on_every_chunk() -> None:
    """Vendors repeat the role, and write fields that say nothing; the text is read the same."""
    stream = [
        chunk({"role": "assistant", "content": "Mo"}, native_finish_reason=None),
        chunk({"role": "assistant", "content": "ss", "reasoning_content": None}),
        chunk({"role": "assistant", "content": " gro", "tool_calls": None, "refusal": None}, usage=None),
        chunk({"role": "assistant", "content": "ws", "token_id": 7}),
    ]
    assert texts(read_all(OpenAIChat(), stream)) == {"0": "Moss grows"}


def test_text_may_come_with_the_finish_reason_and_usage() -> None:
    """A last chunk may carry text, reason and usage at once; a running usage is on every chunk."""
    stream = [chunk({"content": "Moss"}, "length", usage={"prompt_tokens": 3, "completion_tokens": 1})]
    assert read_all(OpenAIChat(), stream) == [
        Facts("content", "Moss", "0", opens="c-1", finish_reason="length", input_tokens=3, output_tokens=1)
    ]


def test_several_choices_interleave() -> None:
    """Each choice is a channel; one event with several of them lists its deltas."""
    both = event(
        {
            "id": "c-1",
            "choices": [
                {"index": 0, "delta": {"content": "!"}, "finish_reason": "stop"},
                {"index": 1, "delta": {"content": "?"}},
            ],
        }
    )
    facts = read_all(OpenAIChat(), [chunk({"content": "Moss"}), chunk({"content": "Fern"}, index=1), both])
    assert texts(facts) == {"0": "Moss!", "1": "Fern?"}
    assert facts[2] == Facts("content", "!?", "0", (("0", "!"), ("1", "?")), finish_reason="stop", partial=True)


def test_choices_far_apart_are_channels_too() -> None:
    """A choice number at the cap of the quick way is read the general way."""
    assert OpenAIChat().read(chunk({"content": "x"}, index=MAX_CHANNELS - 1)).channel == str(MAX_CHANNELS - 1)
    dialect = OpenAIChat()
    stream = [chunk({"content": "x"}, index=number) for number in (0, MAX_CHANNELS - 1, MAX_CHANNELS)]
    assert [one.channel for one in read_all(dialect, stream)] == ["0", str(MAX_CHANNELS - 1), str(MAX_CHANNELS)]


def test_tool_calls_have_channels_of_their_own() -> None:
    """The arguments of each call are content on its channel; the chunk that names the call is control."""
    facts = read_all(
        OpenAIChat(),
        [
            chunk({"tool_calls": [{"index": 0, "id": "t1", "function": {"name": "f", "arguments": ""}}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}),
            chunk({"tool_calls": [{"index": 1, "id": "t2", "function": {"name": "g", "arguments": None}}]}),
            chunk({"content": None, "tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]}),
            chunk({"content": None, "tool_calls": None}, "tool_calls"),
        ],
    )
    assert texts(facts) == {"0/tool:0": '{"a": 1}', "0/tool:1": "{}"}
    assert kinds(facts) == ["control", "content", "control", "content", "content", "control"]
    assert not any(one.nested for one in facts)


def test_tool_calls_in_other_forms() -> None:
    """Calls without a number count by position; arguments may be an object; custom tools have an input."""
    calls = [{"function": {"arguments": {"city": "Ulm"}}}, {"type": "custom", "custom": {"input": "SELECT 1"}}]
    facts = OpenAIChat().read(chunk({"tool_calls": calls}))
    assert facts.deltas == (("0/tool:0", '{"city":"Ulm"}'), ("0/tool:1", "SELECT 1"))


def test_the_older_function_call_is_content() -> None:
    """`function_call`, the form before tools, has a channel too."""
    stream = [chunk({"function_call": {"name": "f", "arguments": part}}) for part in ("{", "}")]
    assert texts(read_all(OpenAIChat(), stream)) == {"0/function": "{}"}


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_has_a_channel_of_its_own(key: str) -> None:
    """Reasoning beside an empty content is content on the reasoning channel, under whichever name."""
    facts = read_all(OpenAIChat(), [chunk({"content": "", key: "Hm"}), chunk({"content": "Moss", key: None})])
    assert texts(facts) == {"0/reasoning": "Hm", "0": "Moss"}


def test_reasoning_is_read_once() -> None:
    """The same reasoning under two names, and once more as details, is one text."""
    details = [{"type": "reasoning.text", "text": "Hm"}]
    facts = OpenAIChat().read(chunk({"reasoning": "Hm", "reasoning_content": "Hm", "reasoning_details": details}))
    assert (facts.content, facts.channel, facts.deltas) == ("Hm", "0/reasoning", ())


def test_reasoning_may_be_in_its_details_only() -> None:
    """Where only the details hold the reasoning, they are read; details without text are nothing."""
    details = [{"text": "Hm"}, {"text": ", so"}, {"data": "sealed"}]
    assert OpenAIChat().read(chunk({"reasoning_details": details})).content == "Hm, so"
    assert OpenAIChat().read(chunk({"reasoning_details": [{"data": "sealed"}]})).kind == "control"


def test_content_may_be_a_list_of_parts() -> None:
    """Text parts are the answer, thinking parts the reasoning, and other parts nothing."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
        {"type": "text", "text": "Mo"},
        {"type": "text", "text": "ss"},
        {"type": "reference", "reference_ids": [1]},
    ]
    facts = OpenAIChat().read(chunk({"content": parts}))
    assert facts.deltas == (("0/reasoning", "Hm"), ("0", "Moss"))
    for thinking in ([], [{"type": "text", "text": ""}]):
        assert OpenAIChat().read(chunk({"content": [{"type": "thinking", "thinking": thinking}]})).kind == "control"


def test_refusals_and_transcripts_have_channels() -> None:
    """A refusal is not the answer, and neither is what audio says; audio itself is no text."""
    facts = read_all(
        OpenAIChat(),
        [
            chunk({"role": "assistant", "content": None, "refusal": ""}),
            chunk({"refusal": "No"}),
            chunk({"audio": {"transcript": "Moss"}}),
            chunk({"audio": {"data": "UklGRg=="}}),
        ],
    )
    assert texts(facts) == {"0/refusal": "No", "0/audio": "Moss"}
    assert kinds(facts) == ["control", "content", "content", "control"]


def test_the_delta_wins_over_its_copies() -> None:
    """Vendors that repeat the delta as `message` or `text` in the same choice are read once."""
    choice = {"index": 0, "delta": {"content": "Moss"}, "message": {"content": "Moss"}, "text": "Moss"}
    assert texts(read_all(OpenAIChat(), [event({"choices": [choice]})])) == {"0": "Moss"}


def test_a_whole_completion_as_one_event_is_read() -> None:
    """A gateway that does not stream sends one completion with a message."""
    whole = {"object": "chat.completion", "choices": [{"message": {"content": "Moss"}, "finish_reason": "stop"}]}
    assert OpenAIChat().read(event(whole)) == Facts("content", "Moss", "0", finish_reason="stop")


def test_an_error_may_come_inside_a_chunk() -> None:
    """An error beside empty choices is an error event with its finish reason; beside text the text stays content."""
    failed = chunk({"content": ""}, "error", error={"code": 502, "message": "no"})
    assert OpenAIChat().read(failed) == Facts("error", finish_reason="error", opens="c-1", error="502")
    late = OpenAIChat().read(chunk({"content": "Moss"}, error={"code": 502}))
    assert (late.kind, late.content, late.error) == ("content", "Moss", "502")


def test_content_that_begins_with_a_colon_is_content() -> None:
    """A colon is a comment on the wire only."""
    assert OpenAIChat().read(chunk({"content": ": moss"})).content == ": moss"


def test_half_an_emoji_is_content() -> None:
    """A chunk with a lone surrogate is read like any other."""
    dialect = OpenAIChat()
    dialect.read(chunk({"content": "Moss"}))
    data = '{"id":"c-1","choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}'
    assert dialect.read(Event(data)) == Facts("content", "\ud83d", "0")


def test_a_choice_that_is_no_choice_is_nothing() -> None:
    """Choices, deltas and contents of the wrong type are control."""
    wrong: list[Any] = [[None, 5, [], {}], [{"delta": {"content": 5}}], [{"delta": None}], [{}]]
    for choices in wrong:
        payload = {"choices": choices}
        assert OpenAIChat().read(event(payload)) == Facts("control")


def test_long_text_and_short_text_are_read_the_same() -> None:
    """A delta longer than any frame's shortest form is content, on the quick way too."""
    long = "Moss grows where the light is low and the stone is wet. " * 3
    facts = read_all(OpenAIChat(), [chunk({"content": "x"}), chunk({"content": long})])
    assert facts[1] == Facts("content", long, "0")


@pytest.mark.parametrize(
    "payload",
    [
        {"object": "chat.completion.chunk", "choices": []},
        {"object": "chat.completion", "choices": [{"message": {}}]},
        {"choices": [{"delta": {}}]},
    ],
)
def test_chunks_are_recognised(payload: dict[str, Any]) -> None:
    """Choices are recognised by the object's name or by a delta."""
    assert recognise(event(payload), payload)


@pytest.mark.parametrize(
    "payload",
    [{"choices": []}, {"object": "chat.completion.chunk"}, {"choices": {}}, {"choices": [{"text": "x"}]}, None, "x"],
)
def test_what_may_be_something_else_is_not_recognised(payload: object) -> None:
    """Choices alone, or the name alone, prove nothing."""
    assert not recognise(event(payload), payload)
