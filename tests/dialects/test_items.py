"""Chunks that are an SDK's objects."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import msgspec
import pytest

from otel_sse.dialects.items import as_json, quick_text
from otel_sse.dialects.vendors.openai_chat import OpenAIChat
from otel_sse.wire import Event


def chat(delta: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The payload of one chunk of a chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": more.pop("finish_reason", None)}
    return {"id": "1", "created": 1, "model": "m", "object": "chat.completion.chunk", "choices": [choice], **more}


CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
PLAIN = [
    chat({"content": "Hello"}),
    chat({"content": "Hello", "role": "assistant"}),
    chat({"content": "Hello", "tool_calls": None, "refusal": None}),
]
"""Chunks that are a piece of text and nothing else."""

FURTHER = [
    chat({"content": "Hello"}, finish_reason="stop"),
    chat({"content": "Hello"}, usage=USAGE),
    chat({"content": "Hello", "tool_calls": [CALL]}),
    chat({"content": "Hello", "reasoning_content": "because"}),
    chat({"content": "Hello", "function_call": {"name": "f", "arguments": "{}"}}),
]
"""Chunks that say something besides their text."""

EMPTY = [chat({}), chat({"role": "assistant"}), chat({"content": None}), chat({"tool_calls": [CALL]})]
"""Chunks without text."""


@pytest.fixture(params=["openai", "litellm"])
def chunk_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes the objects of an SDK that yields chat completion chunks."""
    # LiteLLM would else ask the network for its list of models.
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if request.param == "openai":
            from openai.types.chat import ChatCompletionChunk

            yield ChatCompletionChunk.model_validate
        else:
            pytest.importorskip("litellm", reason="needs LiteLLM, which `make litellm` installs")
            kind = import_module("litellm.types.utils").ModelResponseStream
            yield lambda payload: kind(**payload)


def quick(item: Any) -> str | None:
    """What the quick way says of an object."""
    look = quick_text(item, "openai-chat", "0")
    assert look is not None
    try:
        return look(item)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


@pytest.mark.parametrize("payload", PLAIN)
def test_plain_delta_is_read_without_being_serialised(chunk_of: Any, payload: dict[str, Any]) -> None:
    """A chunk that is one piece of text gives that text, the same that its JSON gives."""
    item = chunk_of(payload)
    data = as_json(item)
    assert data is not None
    assert OpenAIChat().read(Event(data)).content == "Hello"
    assert quick(item) in ("Hello", None)


def test_the_common_delta_takes_the_quick_way(chunk_of: Any) -> None:
    """The chunk that nearly all of an answer is made of is not serialised."""
    assert quick(chunk_of(PLAIN[0])) == "Hello"


@pytest.mark.parametrize("payload", [*FURTHER, *EMPTY])
def test_delta_that_says_more_is_read_in_full(chunk_of: Any, payload: dict[str, Any]) -> None:
    """A chunk that ends, counts, calls, thinks or has no text is left to its JSON."""
    assert not quick(chunk_of(payload))


def test_two_choices_are_read_in_full(chunk_of: Any) -> None:
    """A chunk of several choices, or of none, has no one text."""
    choices = [{"index": index, "delta": {"content": "Hello"}, "finish_reason": None} for index in (0, 1)]
    assert quick(chunk_of({**PLAIN[0], "choices": choices})) is None
    assert quick(chunk_of({**PLAIN[0], "choices": []})) is None


def test_another_choice_is_read_in_full(chunk_of: Any) -> None:
    """The quick way is that of one choice, so that two which say the same are not taken for one that says it twice."""
    choices = [{"index": 1, "delta": {"content": "Hello"}, "finish_reason": None}]
    assert quick(chunk_of({**PLAIN[0], "choices": choices})) is None


def test_channel_that_is_no_number_has_no_quick_way(chunk_of: Any) -> None:
    """Reasoning and tool calls are read in full."""
    assert quick_text(chunk_of(PLAIN[0]), "openai-chat", "0/reasoning") is None


def test_anthropic_text_delta_takes_the_quick_way() -> None:
    """A text delta gives its text; every other event is read in full."""
    types = pytest.importorskip("anthropic.types", reason="needs the package anthropic, which `make litellm` installs")
    text = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}
    item = types.RawContentBlockDeltaEvent.model_validate(text)
    look = quick_text(item, "anthropic-messages", "0")
    assert look is not None
    assert look(item) == "Hello"
    thinking = {**text, "delta": {"type": "thinking_delta", "thinking": "Hm"}}
    assert look(types.RawContentBlockDeltaEvent.model_validate(thinking)) is None
    assert look(types.RawContentBlockDeltaEvent.model_validate({**text, "index": 1})) is None
    assert look(types.RawMessageStopEvent(type="message_stop")) is None


def test_objects_of_another_package_are_read_in_full() -> None:
    """A quick way belongs to one package's objects in one dialect."""
    assert quick_text(object(), "openai-chat", "0") is None


@dataclass
class Frame:
    content: str


class Struct(msgspec.Struct):
    content: str


@pytest.mark.parametrize("item", [Frame("a"), Struct("a"), {"content": "a"}])
def test_what_is_sent_as_json_is_read_as_json(item: object) -> None:
    """Dataclasses, structs and dicts are read as the object they are sent as."""
    assert json.loads(as_json(item) or "") == {"content": "a"}


@pytest.mark.parametrize("item", [object(), 1, None, Frame])
def test_what_is_not_sent_as_json_is_not_read(item: object) -> None:
    """Anything else, and a class itself, has no JSON."""
    assert as_json(item) is None


def test_value_without_json_becomes_its_types_name() -> None:
    """A value that JSON can't hold shows what it is, and nothing of what is in it."""
    assert json.loads(as_json({"lock": object()}) or "") == {"lock": "object"}


def test_dump_that_fails_is_no_json() -> None:
    """An object whose own dump raises is counted and not read."""

    class Broken:
        def model_dump_json(self) -> str:
            raise ValueError("no")

    assert as_json(Broken()) is None
