"""The dialect `vercel-ui`: the parts of a UI message as typed events.

Source: AI SDK, "Stream protocols: UI message stream".
"""

from __future__ import annotations

from typing import Any, Final

from otel_sse.dialects.dialect import FINISH
from otel_sse.dialects.frames import is_nested
from otel_sse.dialects.grammar import Parts
from otel_sse.dialects.objects import ObjectDialect
from otel_sse.dialects.parts import Channels
from otel_sse.dialects.payload import fields, identity, name, text
from otel_sse.stream.chunk import CONTENT, CONTROL, ERROR
from otel_sse.stream.facts import Facts, ToolCall
from otel_sse.wire.events import Event

# Where each kind of delta belongs, the field of its part's id, and the field of its text.
_DELTAS: Final = {
    "text-delta": ("", "id", "delta"),
    "reasoning-delta": ("reasoning:", "id", "delta"),
    "tool-input-delta": ("tool:", "toolCallId", "inputTextDelta"),
}
_PARTS: Final = frozenset({"text-start", "text-end", "reasoning-start", "reasoning-end", "tool-input-start"})
_STEPS: Final = frozenset({"start-step", "finish-step", "message-metadata", "abort"})
_TOOL_PREFIX: Final = "tool-"


class VercelUI(ObjectDialect):
    """Reads UI message events.

    `finish` is a finish reason and not the end: where streams are merged each of them brings its own. `[DONE]` is the
    end.
    """

    name = "vercel-ui"
    expects = FINISH
    __slots__ = ("_open", "_parts")

    def __init__(self) -> None:
        super().__init__()
        self._parts = Channels()
        self._open = {"text": Parts("text part"), "reasoning": Parts("reasoning part"), "tool": Parts("tool call")}

    def facts(self, payload: dict[str, Any], event: str) -> Facts | None:
        """Return what one event means, or None where its type is none of a UI message's."""
        kind = text(payload.get("type")) or ""
        if kind in _DELTAS:
            return self._delta_facts(kind, payload)
        if kind in _PARTS:
            return self._part_facts(kind, payload)
        if kind == "start":
            return Facts(CONTROL, opens=identity(payload.get("messageId")))
        if kind in ("finish", "abort"):
            return Facts(CONTROL, finish_reason=name(payload.get("finishReason")) or kind)
        if kind == "error" and "errorText" in payload:
            return Facts(ERROR, error="error")
        return Facts(CONTROL) if kind in _STEPS or kind.startswith(_TOOL_PREFIX) else None

    def _delta_facts(self, kind: str, payload: dict[str, Any]) -> Facts:
        branch, id_key, text_key = _DELTAS[kind]
        content = text(payload.get(text_key))
        if content is None:
            return Facts(CONTROL)
        channel = f"{branch}{self._parts.number(payload.get(id_key))}"
        facts = Facts(CONTENT, content, channel, nested=not branch and is_nested(content))
        facts.grammar = self._open[kind.partition("-")[0]].fill(kind, identity(payload.get(id_key)))
        if kind == "tool-input-delta":
            facts.calls = (ToolCall(channel, content),)
        return facts

    def _part_facts(self, kind: str, payload: dict[str, Any]) -> Facts:
        facts = Facts(CONTROL)
        parts = self._open[kind.partition("-")[0]]
        if kind == "tool-input-start":
            ident = identity(payload.get("toolCallId"))
            parts.open(ident)
            channel = f"tool:{self._parts.number(ident)}"
            facts.calls = (ToolCall(channel, id=ident, name=name(payload.get("toolName")), identified=True),)
        elif kind.endswith("-start"):
            parts.open(identity(payload.get("id")))
        else:
            facts.grammar = parts.close(identity(payload.get("id")), kind)
        return facts


def recognise(event: Event, payload: object) -> bool:
    """Whether an event is one of a UI message by its type and fields."""
    found = fields(payload)
    kind = text(found.get("type")) or ""
    if kind in _DELTAS:
        return _DELTAS[kind][1] in found and type(found.get(_DELTAS[kind][2])) is str
    if kind in _PARTS:
        return "id" in found or "toolCallId" in found
    return kind in ("start-step", "finish-step") or (kind == "start" and "messageId" in found)
