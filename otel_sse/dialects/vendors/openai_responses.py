"""The dialect `openai-responses`: numbered events, each with a `type` that begins with `response.`.

Source: OpenAI API reference, "Responses: streaming events".
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import error_name, is_nested, read_aside
from otel_sse.dialects.grammar import ANY, Parts
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.payload import count, fields, identity, index, name, text
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL, ERROR
from otel_sse.stream.facts import Facts, ToolCall
from otel_sse.wire.events import Event

_PREFIX: Final = "response."
_TERMINALS: Final = frozenset(
    {"response.completed", "response.incomplete", "response.failed", "response.cancelled"} | {"response.done"}
)

# Where a delta belongs within its output item; a type that is not listed gets the middle of its own name.
_BRANCHES: Final = {
    "reasoning_summary_text": "reasoning",
    "reasoning_text": "reasoning",
    "reasoning": "reasoning",
    "function_call_arguments": "tool",
    "custom_tool_call_input": "tool",
    "mcp_call_arguments": "tool",
    "code_interpreter_call_code": "tool",
    "audio_transcript": "transcript",
    "audio.transcript": "transcript",
}

_JSON_CALLS: Final = frozenset({"function_call", "mcp_call"})
_MESSAGE: Final = frozenset({"message"})
_REASONING: Final = frozenset({"reasoning"})

# The items that take each delta: the SDKs look for what it belongs to, and raise.
_FITS: Final = {
    "output_text": _MESSAGE,
    "refusal": _MESSAGE,
    "reasoning_text": _REASONING,
    "reasoning_summary_text": _REASONING,
    "function_call_arguments": frozenset({"function_call"}),
    "mcp_call_arguments": frozenset({"mcp_call"}),
    "custom_tool_call_input": frozenset({"custom_tool_call"}),
    "code_interpreter_call_code": frozenset({"code_interpreter_call"}),
}
_ITEMS: Final = frozenset().union(*_FITS.values())


class OpenAIResponses(ObjectDialect):
    """Reads Responses events.

    Only `*.delta` events are content: the `*.done` events and the last one carry the same text once more.
    """

    name = "openai-responses"
    expects = TERMINAL
    __slots__ = ("_channel", "_created", "_in_order", "_items", "_parts")

    def __init__(self) -> None:
        super().__init__()
        self._created = False
        self._items = Parts("output item")
        self._parts = Parts("content part")
        self._in_order: tuple[object, ...] = ()
        """Type and place of the latest delta, where one alike is in order, and `_channel` its channel."""
        self._channel = ""

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where it is neither a response's own nor takes part in its numbers."""
        kind = text(payload.get("type")) or event
        if kind.startswith(_PREFIX):
            facts = self._response_facts(kind, payload)
        elif kind == "error":
            facts = Facts(ERROR, error=error_name(payload.get("error") or payload))
        elif "sequence_number" in payload:
            # A keep-alive is numbered like the rest.
            facts = read_aside(payload, event)
        else:
            return None
        facts.sequence = count(payload.get("sequence_number"))
        return facts

    def _response_facts(self, kind: str, payload: dict[str, Any]) -> Facts:
        if kind.endswith(".delta"):
            return self._delta_facts(kind, payload)
        self._in_order = ()
        if kind in _TERMINALS:
            return _terminal_facts(kind, fields(payload.get("response")))
        if kind == "response.created":
            self._created = True
            self._items, self._parts = Parts("output item"), Parts("content part")
            return Facts(CONTROL, opens=identity(fields(payload.get("response")).get("id")))
        return self._part_facts(kind, payload)

    def _delta_facts(self, kind: str, payload: dict[str, Any]) -> Facts:
        place = kind, payload.get("output_index"), payload.get("content_index"), payload.get("summary_index")
        if place == self._in_order and (content := text(payload.get("delta"))) is not None:
            nested = kind == "response.output_text.delta" and is_nested(content)
            return Facts(CONTENT, content, self._channel, nested=nested)
        facts = _delta_facts(kind, payload)
        self._judge(facts, kind[len(_PREFIX) : -len(".delta")], payload)
        alike = facts.content is not None and facts.grammar is None and not facts.calls
        self._in_order, self._channel = place if alike else (), facts.channel
        return facts

    def _judge(self, facts: Facts, middle: str, payload: dict[str, Any]) -> None:
        fits = _FITS.get(middle)
        # An answer that is asked for from its middle on (`starting_after`) does not bring what opened before.
        if fits is None or not self._created:
            return
        output = count(payload.get("output_index"))
        facts.grammar = self._items.fill(f"{middle}.delta", output, fits)
        if facts.grammar is None and fits is _MESSAGE:
            facts.grammar = self._parts.fill(f"{middle}.delta", (output, count(payload.get("content_index"))))
        if facts.content is not None and fits <= _JSON_CALLS:
            facts.calls = (ToolCall(facts.channel, facts.content),)

    def _part_facts(self, kind: str, payload: dict[str, Any]) -> Facts:
        facts = Facts(CONTROL)
        output = count(payload.get("output_index"))
        if kind == "response.output_item.added":
            item = fields(payload.get("item"))
            type_ = text(item.get("type")) or ""
            self._items.open(output, type_ if type_ in _ITEMS else ANY)
            if type_ in _JSON_CALLS:
                facts.calls = (_call(item, type_, output),)
        elif kind == "response.output_item.done":
            facts.grammar = self._items.close(output, self._created * kind)
        elif kind == "response.content_part.added":
            self._parts.open((output, count(payload.get("content_index"))))
        elif kind == "response.content_part.done":
            self._parts.close((output, count(payload.get("content_index"))))
        return facts


def _call(item: dict[str, Any], kind: str, output: int | None) -> ToolCall:
    ident = identity(item.get("call_id")) or identity(item.get("id"))
    return ToolCall(f"{index(output)}/tool:0", id=ident, name=name(item.get("name")), identified=True)


def _delta_facts(kind: str, payload: dict[str, Any]) -> Facts:
    content = text(payload.get("delta"))
    if content is None:
        return Facts(CONTROL)
    channel = _channel(kind[len(_PREFIX) : -len(".delta")], payload)
    return Facts(CONTENT, content, channel, nested=kind == "response.output_text.delta" and is_nested(content))


def _channel(middle: str, payload: dict[str, Any]) -> str:
    output = index(payload.get("output_index"))
    part = index(payload.get("content_index", payload.get("summary_index")))
    if middle == "output_text":
        return f"{output}/{part}"
    return f"{output}/{_BRANCHES.get(middle) or name(middle)}:{part}"


def _terminal_facts(kind: str, response: dict[str, Any]) -> Facts:
    usage = fields(response.get("usage"))
    error = _error_of(kind, response)
    return Facts(
        COMPLETE if error is None else ERROR,
        terminal=kind,
        finish_reason=name(fields(response.get("incomplete_details")).get("reason")) or name(response.get("status")),
        error=error,
        input_tokens=count(usage.get("input_tokens")),
        output_tokens=count(usage.get("output_tokens")),
    )


def _error_of(kind: str, response: dict[str, Any]) -> str | None:
    error = response.get("error")
    return error_name(error) if error or kind == "response.failed" else None


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is one of the Responses API by its type."""
    kind = text(fields(payload).get("type")) or event.event
    return kind.startswith(_PREFIX) and type(payload) is dict
