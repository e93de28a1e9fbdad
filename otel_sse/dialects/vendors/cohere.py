"""The dialect `cohere-v2`: a message as typed events with a hyphen in their names.

Source: Cohere API reference, "Chat with streaming (v2)".
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import TERMINAL
from otel_sse.dialects.frames import error_name, is_nested
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.payload import count, fields, identity, index, name, part_name, text
from otel_sse.stream.chunk import COMPLETE, CONTENT, CONTROL, ERROR
from otel_sse.stream.facts import Facts, ToolCall
from otel_sse.wire.events import Event

_CONTENT_TYPES: Final = frozenset({"content-start", "content-delta"})
_TOOL_TYPES: Final = frozenset({"tool-call-start", "tool-call-delta"})
_SILENT_TYPES: Final = frozenset({"content-end", "tool-call-end", "citation-start", "citation-end"})
_TYPES: Final = (
    _CONTENT_TYPES | _TOOL_TYPES | _SILENT_TYPES | frozenset({"message-start", "tool-plan-delta", "message-end"})
)


class CohereV2(ObjectDialect):
    """Reads chat events. `message-end` is the end; `[DONE]` follows it."""

    name = "cohere-v2"
    expects = TERMINAL
    __slots__ = ()

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where its type is not one of the chat."""
        kind = text(payload.get("type")) or event
        if kind not in _TYPES:
            return None
        delta = fields(payload.get("delta"))
        if kind == "message-start":
            return Facts(CONTROL, opens=identity(payload.get("id")))
        if kind == "message-end":
            return _end_facts(delta)
        facts = _text_facts(kind, fields(delta.get("message")), index(payload.get("index")))
        facts.part = part_name(payload.get("index")) if kind == "content-start" else None
        if kind in _TOOL_TYPES:
            facts.calls = (_call(kind, fields(fields(delta.get("message")).get("tool_calls")), facts.content, payload),)
        return facts


def _call(kind: str, call: dict[str, Any], arguments: str | None, payload: dict[str, Any]) -> ToolCall:
    said = identity(call.get("id")), name(fields(call.get("function")).get("name"))
    channel = f"tool:{index(payload.get('index'))}"
    return ToolCall(channel, arguments or "", *said, identified=kind == "tool-call-start")


def _text_facts(kind: str, message: dict[str, Any], part: int) -> Facts:
    if kind in _CONTENT_TYPES:
        content = fields(message.get("content"))
        if thought := text(content.get("thinking")):
            return Facts(CONTENT, thought, f"{part}/reasoning")
        written, channel = text(content.get("text")), str(part)
        return Facts(CONTENT, written, channel, nested=is_nested(written)) if written else Facts(CONTROL)
    written, channel = None, ""
    if kind in _TOOL_TYPES:
        arguments = fields(fields(message.get("tool_calls")).get("function")).get("arguments")
        written, channel = text(arguments), f"tool:{part}"
    elif kind == "tool-plan-delta":
        written, channel = text(message.get("tool_plan")), "plan"
    return Facts(CONTENT, written, channel) if written else Facts(CONTROL)


def _end_facts(delta: dict[str, Any]) -> Facts:
    usage = fields(delta.get("usage"))
    tokens = fields(usage.get("tokens"))
    error = delta.get("error")
    return Facts(
        ERROR if error else COMPLETE,
        terminal="message-end",
        finish_reason=name(delta.get("finish_reason")),
        error=error_name({"type": delta.get("error_type")}) if error else None,
        input_tokens=count(tokens.get("input_tokens")),
        output_tokens=count(tokens.get("output_tokens")),
    )


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is one of the chat by its type and shape."""
    found = fields(payload)
    kind = text(found.get("type")) or event.event
    if kind == "message-start":
        return "message" in fields(found.get("delta"))
    return kind in _TYPES and ("delta" in found or "index" in found)
