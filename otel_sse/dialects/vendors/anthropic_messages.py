"""The dialect `anthropic-messages`: a message as content blocks, each started, filled by deltas and stopped.

Source: Anthropic API reference, "Streaming messages".
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.grammar import ANY, Parts
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.payload import count, fields, identity, index, name, part_name, text
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL
from otel_sse.stream.facts import Facts, ToolCall
from otel_sse.wire.events import Event

_TYPES: Final = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    }
)

# The field of a delta's text, and the branch of the block it belongs to. Signatures and citations are no text.
_TEXTS: Final = (("text", ""), ("thinking", "/reasoning"), ("partial_json", "/tool"))

_TOOL_BLOCKS: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_BLOCKS: Final = _TOOL_BLOCKS | {"text", "thinking", "redacted_thinking"}

# The blocks that take each delta: the SDKs raise at, or drop, one that comes to another block.
_FITS: Final = {
    "text_delta": frozenset({"text"}),
    "citations_delta": frozenset({"text"}),
    "thinking_delta": frozenset({"thinking"}),
    "signature_delta": frozenset({"thinking"}),
    "input_json_delta": _TOOL_BLOCKS,
}


class AnthropicMessages(ObjectDialect):
    """Reads Messages events."""

    name = "anthropic-messages"
    expects = TERMINAL
    __slots__ = ("_begun", "_blocks", "_channel", "_text")

    def __init__(self) -> None:
        super().__init__()
        self._blocks = Parts("block")
        self._begun = False
        self._text: int | None = None
        """Number of the block of text that is open, and `_channel` its channel."""
        self._channel = ""

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where its type is not one of the Messages API."""
        kind = text(payload.get("type")) or event
        if kind == "content_block_delta":
            return self._delta_facts(payload)
        if kind not in _TYPES:
            return None
        if kind == "content_block_start":
            return self._block_facts(payload)
        if kind == "message_start":
            self._begun = True
            self._blocks.begin()
            self._text = None
            return _start_facts(fields(payload.get("message")))
        if kind == "message_delta":
            facts = _message_delta_facts(payload)
            # Whoever picks events out of a stream may leave both the start and the blocks away.
            early = self._blocks.judging and not self._begun
            facts.grammar = f"{kind} before message_start" if early else None
            return facts
        if kind == "content_block_stop":
            self._text = None
            # Who hands on the deltas alone leaves the stops out as well as the starts.
            return Facts(CONTROL, grammar=self._blocks.close(count(payload.get("index")), self._begun * kind))
        return Facts(COMPLETE, terminal=kind)

    def _delta_facts(self, payload: dict[str, Any]) -> Facts:
        delta, number = payload.get("delta"), payload.get("index")
        if type(number) is int and number == self._text and type(delta) is dict and delta.get("type") == "text_delta":
            # Nearly every event: more text for the block that is open.
            content = text(delta.get("text"))
            nested = is_nested(content)
            return (
                Facts(CONTENT, content, self._channel, nested=nested, plain=not nested) if content else Facts(CONTROL)
            )
        facts = _text_facts(payload, payload.get("delta"))
        kind = text(fields(payload.get("delta")).get("type")) or ""
        fits = _FITS.get(kind)
        if fits is not None:
            facts.grammar = self._blocks.fill(kind, count(payload.get("index")), fits)
        if fits is _TOOL_BLOCKS and facts.content is not None:
            facts.calls = (ToolCall(facts.channel, facts.content),)
        return facts

    def _block_facts(self, payload: dict[str, Any]) -> Facts:
        facts = _text_facts(payload, payload.get("content_block"))
        facts.part = part_name(payload.get("index"))
        block = fields(payload.get("content_block"))
        kind = text(block.get("type")) or ""
        self._blocks.open(count(payload.get("index")), kind if kind in _BLOCKS else ANY)
        if kind == "text":
            self._text, self._channel = count(payload.get("index")), str(index(payload.get("index")))
        if kind in _TOOL_BLOCKS:
            channel = f"{index(payload.get('index'))}/tool"
            call = ToolCall(channel, id=identity(block.get("id")), name=name(block.get("name")), identified=True)
            facts.calls = (call,)
        return facts


def _text_facts(payload: dict[str, Any], part: object) -> Facts:
    for key, branch in _TEXTS:
        if content := text(fields(part).get(key)):
            channel = f"{index(payload.get('index'))}{branch}"
            return Facts(CONTENT, content, channel, nested=not branch and is_nested(content))
    return Facts(CONTROL)


def _start_facts(message: dict[str, Any]) -> Facts:
    facts = _usage_facts(message)
    facts.opens = identity(message.get("id"))
    return facts


def _message_delta_facts(payload: dict[str, Any]) -> Facts:
    facts = _usage_facts(payload)
    facts.finish_reason = name(fields(payload.get("delta")).get("stop_reason"))
    return facts


def _usage_facts(holder: dict[str, Any]) -> Facts:
    usage = fields(holder.get("usage"))
    return Facts(
        CONTROL, input_tokens=count(usage.get("input_tokens")), output_tokens=count(usage.get("output_tokens"))
    )


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is one of the Messages API by its type."""
    return (text(fields(payload).get("type")) or event.event) in _TYPES and type(payload) is dict
