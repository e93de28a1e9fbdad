"""The dialect `openai-chat`: chunks with `choices` and a `delta` each.

Source: OpenAI API reference, "The chat completion chunk object". Many vendors send the same shape, some with content
parts and reasoning in the delta.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from otel_sse.dialects.dialect import FINISH
from otel_sse.dialects.frames import SHORTEST_FRAME_CHARS, error_name, is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Choices, Deltas, ToolCalls, finishes, gather
from otel_sse.dialects.payload import compact, count, decode, fields, identity, index, items, name, text
from otel_sse.limits import MAX_CHANNELS
from otel_sse.stream.chunk import CONTENT, ERROR
from otel_sse.stream.facts import Facts, ToolCall
from otel_sse.wire.events import Event

_CHANNELS: Final = tuple(str(number) for number in range(MAX_CHANNELS))
_REASONING_KEYS: Final = ("reasoning_content", "reasoning", "thinking")
_OBJECT: Final = "chat.completion"


# The chunk that makes up nearly all of a stream, as a type: one choice with nothing but text, which ends nothing. The
# decoder skips all other fields unread, so that this way is faster than decoding the whole. A chunk of any other form
# does not fit the type and takes the general way.
class _TextDelta(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    content: str
    role: Any = None
    refusal: None = None
    tool_calls: None = None
    function_call: None = None
    reasoning: None = None
    reasoning_content: None = None


class _TextChoice(msgspec.Struct, gc=False):
    delta: _TextDelta
    index: Annotated[int, msgspec.Meta(ge=0, lt=MAX_CHANNELS)]
    finish_reason: None = None


class _TextChunk(msgspec.Struct, gc=False):
    choices: tuple[_TextChoice]
    id: str | None = None
    usage: None = None
    error: None = None


_decode_text_chunk: Final = msgspec.json.Decoder(_TextChunk).decode


class OpenAIChat(ObjectDialect):
    """Reads chat completion chunks. Expects a finish reason: not every vendor sends `[DONE]`."""

    name = "openai-chat"
    expects = FINISH
    __slots__ = ("_choices", "_tools")

    def __init__(self) -> None:
        super().__init__()
        self._choices = Choices()
        self._tools = ToolCalls()

    def read(self, event: Event) -> Facts:
        """Return what `event` means. Never raises, whatever the event holds."""
        try:
            chunk = _decode_text_chunk(event.data)
        except (ValueError, RecursionError):
            return self.read_decoded(event, decode(event.data))
        (choice,) = chunk.choices
        content = choice.delta.content
        if choice.index > self._choices.latest:
            self._choices.latest = choice.index
        if content and chunk.id == self._answer and (len(content) < SHORTEST_FRAME_CHARS or not is_nested(content)):
            return Facts(CONTENT, content, _CHANNELS[choice.index], plain=True)
        return self.read_decoded(event, decode(event.data))

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one chunk means, or None where it has neither `choices` nor `usage`."""
        if type(payload.get("choices")) is not list and type(payload.get("usage")) is not dict:
            return None
        choices = items(payload.get("choices"))
        opens = self.opened(payload.get("id"))
        if opens is not None and self._choices.begin():
            self._tools.begin()
        self._tools.renumber(choices)
        facts = choices_facts(payload)
        facts.opens = opens
        facts.partial = self._choices.go_on(choices, "finish_reason") and bool(facts.finish_reason)
        facts.calls = _calls(choices)
        return facts


def choices_facts(payload: dict[str, Any]) -> Facts:
    """Return what the `choices`, `usage` and `error` of one chunk say, whoever sent it."""
    deltas: Deltas = []
    choices = items(payload.get("choices"))
    for position, one in enumerate(choices):
        choice = fields(one)
        _add_choice(deltas, choice, str(index(choice.get("index"), position)))
    facts = gather(deltas)
    facts.finishes = finishes(choices, "finish_reason")
    facts.finish_reason = facts.finishes[-1][1] if facts.finishes else None
    _add_usage(facts, payload)
    _add_error(facts, payload)
    facts.nested = any(is_nested(part) for channel, part in deltas if channel.isdigit())
    return facts


def _add_choice(deltas: Deltas, choice: dict[str, Any], channel: str) -> None:
    if type(choice.get("delta")) is dict:
        _add_delta(deltas, choice["delta"], channel)
    elif content := text(choice.get("text")):
        deltas.append((channel, content))
    else:
        # A gateway that answers a streamed request with one whole completion.
        _add_delta(deltas, fields(choice.get("message")), channel)


def _add_delta(deltas: Deltas, delta: dict[str, Any], channel: str) -> None:
    if reasoning := _reasoning(delta):
        deltas.append((f"{channel}/reasoning", reasoning))
    _add_content(deltas, delta.get("content"), channel)
    if refusal := text(delta.get("refusal")):
        deltas.append((f"{channel}/refusal", refusal))
    if transcript := text(fields(delta.get("audio")).get("transcript")):
        deltas.append((f"{channel}/audio", transcript))
    if arguments := text(fields(delta.get("function_call")).get("arguments")):
        deltas.append((f"{channel}/function", arguments))
    deltas.extend(tool_call_deltas(items(delta.get("tool_calls")), f"{channel}/"))


def _reasoning(delta: dict[str, Any]) -> str | None:
    """The reasoning once: gateways send the same text under two keys for clients of either vendor."""
    for key in _REASONING_KEYS:
        if found := text(delta.get(key)):
            return found
    details = (text(fields(detail).get("text")) for detail in items(delta.get("reasoning_details")))
    return "".join(part for part in details if part) or None


def _add_content(deltas: Deltas, content: object, channel: str) -> None:
    if part := text(content):
        deltas.append((channel, part))
        return
    for one in items(content):
        part_fields = fields(one)
        if part := text(part_fields.get("text")):
            deltas.append((channel, part))
        for thought in items(part_fields.get("thinking")):
            if part := text(fields(thought).get("text")):
                deltas.append((f"{channel}/reasoning", part))


def tool_call_deltas(calls: list[Any], prefix: str) -> Deltas:
    """Return the arguments in a list of tool calls, each on the channel `{prefix}tool:{number}`."""
    deltas: Deltas = []
    for position, one in enumerate(calls):
        call = fields(one)
        arguments = fields(call.get("function")).get("arguments") or fields(call.get("custom")).get("input")
        written = compact(arguments) if type(arguments) is dict else text(arguments)
        if written:
            deltas.append((f"{prefix}tool:{index(call.get('index'), position)}", written))
    return deltas


def _calls(choices: list[Any]) -> tuple[ToolCall, ...]:
    """What the choices say of tool calls, on the channels that `tool_call_deltas` gives their arguments."""
    calls: list[ToolCall] = []
    for position, one in enumerate(choices):
        choice = fields(one)
        for number, found in enumerate(items(fields(choice.get("delta")).get("tool_calls"))):
            call = fields(found)
            function = fields(call.get("function"))
            arguments = function.get("arguments")
            if "custom" in call or type(arguments) is dict:
                continue
            channel = f"{index(choice.get('index'), position)}/tool:{index(call.get('index'), number)}"
            said = identity(call.get("id")), name(function.get("name"))
            calls.append(ToolCall(channel, text(arguments) or "", *said, identified=True))
    return tuple(calls)


def _add_usage(facts: Facts, payload: dict[str, Any]) -> None:
    usage = fields(payload.get("usage"))
    facts.input_tokens = count(usage.get("prompt_tokens"))
    facts.output_tokens = count(usage.get("completion_tokens"))


def _add_error(facts: Facts, payload: dict[str, Any]) -> None:
    if error := payload.get("error"):
        facts.error = error_name(error)
        facts.kind = ERROR if facts.content is None else facts.kind


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is a chat completion chunk by its shape."""
    found = fields(payload)
    choices = found.get("choices")
    if type(choices) is not list:
        return False
    return (text(found.get("object")) or "").startswith(_OBJECT) or any("delta" in fields(one) for one in choices)
