"""The dialect `anthropic-messages`: a message as content blocks, each started, filled by deltas and stopped.

Source: Anthropic API reference, "Streaming messages".
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.payload import count, fields, identity, index, name, part_name, text
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL
from otel_sse.stream.facts import Facts
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


class AnthropicMessages(ObjectDialect):
    """Reads Messages events."""

    name = "anthropic-messages"
    expects = TERMINAL
    __slots__ = ()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where its type is not one of the Messages API."""
        kind = text(payload.get("type")) or event
        if kind == "content_block_delta":
            return _text_facts(payload, payload.get("delta"))
        if kind not in _TYPES:
            return None
        if kind == "content_block_start":
            facts = _text_facts(payload, payload.get("content_block"))
            facts.part = part_name(payload.get("index"))
            return facts
        if kind == "message_start":
            return _start_facts(fields(payload.get("message")))
        if kind == "message_delta":
            return _message_delta_facts(payload)
        return Facts(COMPLETE, terminal=kind) if kind == "message_stop" else Facts(CONTROL)


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
